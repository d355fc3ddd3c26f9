import { isTransient } from '../../../runtime/aws/aws-errors.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { KinesisStream } from './kinesis-stream.js'
import { type Patience, persistently } from './persistently.js'
import { PollPace } from './poll-pace.js'
import { PollingFetcher, type PollingReader } from './polling-fetcher.js'
import { ReadAheadMemory } from './read-ahead-memory.js'
import type { ShardConsumer } from './shard-reader.js'

/** Polling shares the shard's 5 calls and 2 MB a second with every other consumer that polls. */
export interface PollingOptions {
  /** Milliseconds between two calls while a shard is behind its tip. Default 250: four of the five calls a second that there are. */
  readonly fastestMs?: number
  /** Milliseconds between two calls to a shard that has nothing new. Default 1,000. */
  readonly idleMs?: number
  /** Of one call. Default and most: 10,000, which the service gives, or 10 MB. */
  readonly maxRecords?: number
  /** Of each shard. Default 2 MB, all that there is. */
  readonly bytesPerSecond?: number
  /** What the shards of one reader may hold together before they stop reading; each may hold one answer more. Default 32 MiB. */
  readonly bufferBytes?: number
}

const DEFAULTS: Required<PollingOptions> = {
  fastestMs: 250,
  idleMs: 1_000,
  maxRecords: 10_000,
  bytesPerSecond: 2 * 1024 * 1024,
  bufferBytes: 32 * 1024 * 1024,
}

/** Reads shards by GetRecords, at a pace that follows what comes. MILLRACE_USAGE about options that make no sense. */
export function polling(options: PollingOptions = {}): ShardConsumer {
  const settings = { ...DEFAULTS, ...options }
  requireSense(settings)
  return {
    name: 'polling',
    permissions: ['kinesis:GetShardIterator', 'kinesis:GetRecords'],
    check: checkReadable,
    createFetchers(ctx) {
      const { random } = ctx
      const reader: PollingReader = {
        ctx,
        memory: new ReadAheadMemory(settings.bufferBytes),
        maxRecords: settings.maxRecords,
        throttled: ctx.metrics.counter('numThrottledCalls'),
        newPace: () => new PollPace({ ...settings, random }),
      }
      const opened = new Set<PollingFetcher>()
      return {
        open(shardId, start) {
          const fetcher = new PollingFetcher(reader, shardId, start, () => opened.delete(fetcher))
          opened.add(fetcher)
          return fetcher
        },
        close() {
          for (const fetcher of opened) fetcher.close()
        },
      }
    },
  }
}

/** Asks one shard for nothing: whether it may be read. */
async function checkReadable(stream: KinesisStream, patience: Patience): Promise<void> {
  const { sdk, client } = await stream.access()
  const asked = async <T>(permission: string, ask: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await persistently(ask, patience)
    } catch (error) {
      // The stream is there: only a refusal keeps the job from starting.
      if (isTransient(error)) return undefined
      throw stream.failure(error, permission)
    }
  }
  const { target } = stream
  const shards = await asked('kinesis:ListShards', () =>
    client.send(new sdk.ListShardsCommand({ ...target, MaxResults: 1 })),
  )
  const ShardId = shards?.Shards?.[0]?.ShardId
  if (ShardId === undefined) return
  const iterator = await asked('kinesis:GetShardIterator', () =>
    client.send(new sdk.GetShardIteratorCommand({ ...target, ShardId, ShardIteratorType: 'LATEST' })),
  )
  if (iterator === undefined) return
  const arn = 'StreamARN' in target ? target : {}
  await asked('kinesis:GetRecords', () =>
    client.send(new sdk.GetRecordsCommand({ ...arn, ShardIterator: iterator.ShardIterator, Limit: 1 })),
  )
}

function requireSense(settings: Required<PollingOptions>): void {
  for (const [name, value] of Object.entries(settings)) {
    if (!(value > 0)) refuse(`${name} ${value} is not positive`, 'give a positive number')
  }
  if (!Number.isInteger(settings.maxRecords) || settings.maxRecords > DEFAULTS.maxRecords) {
    refuse(`maxRecords ${settings.maxRecords} is not a number of records`, 'give one from 1 to 10000')
  }
  if (settings.idleMs < settings.fastestMs)
    refuse('idleMs is less than fastestMs', 'an idle shard is polled less often')
}

function refuse(what: string, hint: string): never {
  throw new MillraceError('MILLRACE_USAGE', `Kinesis polling: ${what}`, { hint })
}
