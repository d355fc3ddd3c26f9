import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import type { CheckContext } from '../../../runtime/contract/check.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { EnumeratorContext, Source } from '../../../runtime/contract/source.js'
import { checkPatience } from './check-patience.js'
import type { OnExpiredPosition } from './expired-position.js'
import { KinesisEnumerator, type KinesisEnumeratorState } from './kinesis-enumerator.js'
import { KinesisReader } from './kinesis-reader.js'
import type { KinesisRecord } from './kinesis-record.js'
import { KinesisStream } from './kinesis-stream.js'
import type { Patience } from './persistently.js'
import { polling } from './polling.js'
import type { ShardConsumer } from './shard-reader.js'
import type { ShardPosition, ShardSplit } from './shard-split.js'
import { isStream, STREAM_FORM } from './stream-name.js'

/**
 * Where a job begins that has no checkpoint to go on from.
 *
 * - `LATEST`: records that arrive from the moment on at which the job was first started, by this machine's clock and exactly, to the
 *   millisecond; that moment is checkpointed, so a restart before a shard's first record loses nothing.
 * - `TRIM_HORIZON`: the oldest records there are.
 * - a time in epoch milliseconds: records that arrived then or later (the service's AT_TIMESTAMP).
 */
export type StartingPosition = 'LATEST' | 'TRIM_HORIZON' | { readonly atTimestampMs: number }

/** What {@link kinesisSource} reads, and how. */
export interface KinesisSourceOptions {
  /** A name or an ARN. An ARN's region is used unless `aws` gives one; a stream of another account needs its ARN, or a role there. */
  readonly stream: string
  /** How the service is reached: region, endpoint, role, HTTP handler. Default: as every AWS tool. */
  readonly aws?: AwsOptions
  /** Default `LATEST`. A checkpoint's positions win. */
  readonly position?: StartingPosition
  /** How shards are read: `polling(...)` or `fanOut(...)`. Default polling. */
  readonly consumer?: ShardConsumer
  /** How often new shards are looked for; the children of a shard that ends are mostly known at once. Milliseconds, default 10,000. */
  readonly discoveryIntervalMs?: number
  /**
   * Makes the source bounded: a shard ends when it has been read up to this time, in epoch milliseconds, or, by `latest`, up to when the job
   * was first started. Times are compared with the service's arrival times.
   */
  readonly stopAt?: 'latest' | number
  /**
   * What happens when the records behind a checkpoint's position are not kept any more: `fail`, the default, since the service would
   * silently go on with the oldest record; `trim-horizon` does that, with a warning.
   */
  readonly onExpiredPosition?: OnExpiredPosition
  /** Take apart what the Kinesis Producer Library has aggregated. Default true. */
  readonly deaggregate?: boolean
  /** In [0, 1), for jitter. Default Math.random. */
  readonly random?: () => number
}

const DISCOVERY_INTERVAL_MS = 10_000

/**
 * Reads a Kinesis data stream: every record once in state terms, through splits and merges of its shards, in order for each partition key.
 * A record's own timestamp is its approximate arrival time; its position is `stream/shardId:sequenceNumber[:subSequence]`. Unbounded
 * unless `stopAt` is given. MILLRACE_GRAPH about options that make no sense.
 */
export function kinesisSource(
  options: KinesisSourceOptions,
): Source<KinesisRecord, ShardSplit, KinesisEnumeratorState> {
  requireSense(options)
  const { position = 'LATEST', consumer = polling(), stopAt, random = Math.random } = options
  const { onExpiredPosition = 'fail', deaggregate = true, discoveryIntervalMs = DISCOVERY_INTERVAL_MS } = options
  // Each enumerator and each reader has its own client: it lives as long.
  const newStream = (): KinesisStream => new KinesisStream(options.stream, options.aws ?? {})
  return {
    name: 'kinesis',
    bounded: stopAt !== undefined,
    successors: true,
    describe: describe(options.stream, stopAt),
    check: (ctx) => check(newStream(), consumer, position, checkPatience(random), ctx),
    createEnumerator: (ctx) =>
      new KinesisEnumerator(
        {
          stream: newStream(),
          consumer,
          start: (run) => firstPosition(position, run),
          stopAt: (run) => (stopAt === 'latest' ? run.runStartedAtMs : stopAt),
          discoveryIntervalMs,
          onExpiredPosition,
          random,
        },
        ctx,
      ),
    createReader: (ctx) =>
      new KinesisReader({ stream: newStream(), consumer, deaggregate, onExpiredPosition, random }, ctx),
  }
}

/** Where it ends is part of what it reads: a checkpoint of the one cannot go on as the other. */
function describe(stream: string, stopAt: KinesisSourceOptions['stopAt']): string {
  if (stopAt === undefined) return `kinesis://${stream}`
  return `kinesis://${stream} until ${stopAt === 'latest' ? stopAt : new Date(stopAt).toISOString()}`
}

function firstPosition(position: StartingPosition, run: EnumeratorContext<ShardSplit>): ShardPosition {
  if (position === 'TRIM_HORIZON') return { at: 'horizon' }
  if (position !== 'LATEST') return { at: 'timestamp', timestampMs: position.atTimestampMs }
  // What arrived before is not wanted: known to be dealt with.
  return { at: 'timestamp', timestampMs: run.runStartedAtMs, readToMs: run.runStartedAtMs }
}

/** The stream is there and may be read. */
async function check(
  stream: KinesisStream,
  consumer: ShardConsumer,
  position: StartingPosition,
  patience: Patience,
  ctx: CheckContext,
): Promise<void> {
  try {
    if (typeof position === 'object' && position.atTimestampMs > patience.clock.now()) {
      throw new MillraceError('MILLRACE_INPUT', `${stream.resource}: the position to start at is in the future`, {
        hint: `${new Date(position.atTimestampMs).toISOString()} has not come yet: use LATEST`,
      })
    }
    await stream.requireActive(patience)
    await consumer.check?.(stream, patience, ctx)
  } finally {
    await stream.close()
  }
}

function requireSense({ stream, position, stopAt, discoveryIntervalMs = 1 }: KinesisSourceOptions): void {
  if (!isStream(stream)) refuse(`${JSON.stringify(stream)} is not the name or ARN of a stream`, STREAM_FORM)
  const startMs = typeof position === 'object' ? position.atTimestampMs : undefined
  if (startMs !== undefined && !Number.isFinite(startMs))
    refuse('the position is not a time', 'give epoch milliseconds')
  if (typeof stopAt === 'number' && !isTime(stopAt)) refuse('stopAt is not a time', 'give epoch milliseconds')
  if (position === 'LATEST' && stopAt === 'latest') {
    refuse('from LATEST to latest there is nothing to read', "give position: 'TRIM_HORIZON' or a time")
  }
  if (typeof stopAt === 'number' && startMs !== undefined && stopAt < startMs) {
    refuse('stopAt lies before the position', 'give a later time')
  }
  if (!(discoveryIntervalMs > 0)) refuse('discoveryIntervalMs is not positive', 'give milliseconds, such as 10000')
}

function isTime(ms: number): boolean {
  return !Number.isNaN(new Date(ms).getTime())
}

function refuse(what: string, hint: string): never {
  throw new MillraceError('MILLRACE_GRAPH', `kinesisSource: ${what}`, { hint })
}
