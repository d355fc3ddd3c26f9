import type { IdentifiedSplit, ReaderContext, SourceReader, SplitReader } from '../../../runtime/contract/source.js'
import type { UserRecord } from './aggregation/deaggregate.js'
import { expiredPosition, horizonOf, isExpired, type OnExpiredPosition } from './expired-position.js'
import type { KinesisRecord } from './kinesis-record.js'
import type { KinesisStream } from './kinesis-stream.js'
import type { Patience } from './persistently.js'
import { ShardLags } from './shard-lag.js'
import type { ShardConsumer, ShardFetchers } from './shard-reader.js'
import { type Doubted, type ShardHost, ShardSplitReader } from './shard-split-reader.js'
import type { ShardPosition, ShardSplit } from './shard-split.js'

/** How shards are read, whoever reads them. */
export interface ReadingOptions {
  readonly stream: KinesisStream
  readonly consumer: ShardConsumer
  readonly deaggregate: boolean
  readonly onExpiredPosition: OnExpiredPosition
  readonly random: () => number
}

type Deaggregate = (data: Uint8Array, split: ShardSplit) => readonly UserRecord[] | undefined

/** Opens a reader for each shard; they share the client, its connections and the memory for fetching ahead. Slot thread. */
export class KinesisReader implements SourceReader<KinesisRecord, ShardSplit> {
  private readonly options: ReadingOptions
  private readonly ctx: ReaderContext
  private readonly fetchers: ShardFetchers
  private readonly lags: ShardLags
  private readonly patience: Patience
  private closed = false

  constructor(options: ReadingOptions, ctx: ReaderContext) {
    const { stream, consumer, random } = options
    const { uid, jobId, subtask, clock, metrics } = ctx
    this.options = options
    this.ctx = ctx
    this.lags = new ShardLags(metrics, clock)
    this.patience = { clock, random, stopped: () => this.closed }
    const warn = (message: string): void => ctx.warn(message)
    this.fetchers = consumer.createFetchers({ stream, uid, jobId, subtask, clock, metrics, random, warn })
  }

  async openSplit({ split }: IdentifiedSplit<ShardSplit>): Promise<SplitReader<KinesisRecord, ShardSplit>> {
    const deaggregate = this.options.deaggregate ? await loadDeaggregation() : undefined
    return new ShardSplitReader(split, this.hostOf(deaggregate))
  }

  async close(): Promise<void> {
    this.closed = true
    await this.fetchers.close?.()
    await this.options.stream.close()
  }

  private hostOf(deaggregate: Deaggregate | undefined): ShardHost {
    const { options, ctx, fetchers, lags } = this
    return {
      streamName: options.stream.name,
      deaggregate,
      now: () => ctx.clock.now(),
      fetch: (shardId, start) => fetchers.open(shardId, start),
      lagOf: (shardId) => lags.open(shardId),
      judge: (split, position, doubted) => this.judge(split, position, doubted),
      closed: (shardId) => lags.close(shardId),
    }
  }

  private async judge({ shardId }: ShardSplit, position: ShardPosition, doubted: Doubted): Promise<boolean> {
    const { stream, onExpiredPosition } = this.options
    const horizonMs = await horizonOf(stream, doubted.atMs, this.patience)
    if (!isExpired(position, horizonMs, doubted.doubt)) return false
    const expired = expiredPosition(stream, shardId, position, doubted.cause)
    if (onExpiredPosition === 'fail') throw expired
    this.ctx.warn(`${expired.message}; going on with the oldest record there is`)
    return true
  }
}

/** Brings a protobuf library, so only where it is used. */
async function loadDeaggregation(): Promise<Deaggregate> {
  const { deaggregate } = await import('./aggregation/deaggregate.js')
  return (data, { firstHash, lastHash }) => deaggregate(data, { start: BigInt(firstHash), end: BigInt(lastHash) })
}
