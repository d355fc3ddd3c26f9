// What lies between the reader of a shard, which there is one of, and the ways to fetch its records: polling and fan-out.
//
//     ShardSplitReader.poll() <-- take() -- ShardFetcher <== GetRecords | SubscribeToShard
//
// The split reader keeps the position, drops what comes twice, deaggregates, ends the shard and judges expired positions. A fetcher
// fetches from a start on, retries and goes on by itself, and keeps within its memory.
import type { _Record } from '@aws-sdk/client-kinesis'
import type { CheckContext } from '../../../runtime/contract/check.js'
import type { Ending } from '../../../runtime/contract/source.js'
import type { MetricGroup } from '../../../runtime/contract/metrics.js'
import type { Clock } from '../../../runtime/contract/time.js'
import type { KinesisStream } from './kinesis-stream.js'
import type { Patience } from './persistently.js'
import type { ChildShard } from './shard-split.js'

/** Where a fetcher starts, in the service's words. */
export type FetchStart =
  | { readonly type: 'TRIM_HORIZON' }
  | { readonly type: 'AT_TIMESTAMP'; readonly timestampMs: number }
  | { readonly type: 'AT_SEQUENCE_NUMBER' | 'AFTER_SEQUENCE_NUMBER'; readonly sequenceNumber: string }

/** What one response or event brought. The arrays belong to whoever takes the batch. */
export interface ShardBatch {
  /** In order; may be empty although there is more. Those that were delivered before are dropped by the taker. */
  readonly records: readonly _Record[]
  /** Of fan-out: everything up to this number is in this batch or in those before. */
  readonly continuation?: string
  /** How far this response was from the shard's tip; undefined if the service did not say. */
  readonly millisBehindLatest?: number
  /** When the request was sent, or the event came. Epoch milliseconds. */
  readonly atMs: number
  /** What it says of the shard was so then or later; an event may have waited long before it was read. At most `atMs`. */
  readonly saidMs: number
  /** Where the service was told to start anew for this; absent: what the service itself gave to go on with. */
  readonly start?: FetchStart
  /** The shard is closed and this was its last batch: nothing follows. */
  readonly end?: { readonly children: readonly ChildShard[] }
}

/** Fetches the records of one shard, ahead of who takes them, within its memory. Slot thread. */
export interface ShardFetcher {
  /** The next batch if there is one. What a taken batch held no longer counts against the memory. */
  take(): ShardBatch | undefined
  /**
   * Resolves when `take` would give a batch. Rejects with what makes reading impossible: {@link PositionRefused} if the service does not
   * take the start's sequence number, else a MillraceError. Throttling, 5xx, time-outs and expired iterators never reject.
   */
  ready(): Promise<void>
  /** Stops fetching; a `ready` that is waiting may stay so. */
  close(): void | Promise<void>
}

/** The service refuses the sequence number a fetcher was to start at: it has expired, or is of another stream. */
export class PositionRefused extends Error {
  readonly start: FetchStart

  constructor(cause: unknown, start: FetchStart) {
    super('the sequence number is refused')
    this.name = 'PositionRefused'
    this.cause = cause
    this.start = start
  }
}

/** What the fetchers of one reader work with. Slot thread. */
export interface FetchContext {
  readonly stream: KinesisStream
  readonly uid: string
  readonly jobId: string
  readonly subtask: number
  readonly clock: Clock
  /** The source's own; fetchers may add counters such as `numThrottled`. */
  readonly metrics: MetricGroup
  /** In [0, 1). */
  readonly random: () => number
  warn(message: string): void
}

/** The fetchers of one reader: they share its memory. Slot thread. */
export interface ShardFetchers {
  /** Starts to fetch at once. */
  open(shardId: string, start: FetchStart): ShardFetcher
  close?(): void | Promise<void>
}

/** What an attempt's consumer works with. Main thread. */
export interface ConsumerContext {
  readonly stream: KinesisStream
  readonly uid: string
  readonly jobId: string
  readonly runId: string
  readonly attempt: number
  readonly clock: Clock
  readonly random: () => number
  warn(message: string): void
}

/** A registered consumer in one attempt. Main thread. */
export interface ConsumerRegistration {
  /** Resolves when shards may be subscribed to. Rejects with a MillraceError. Called before the first split is assigned. */
  ready(): Promise<void>
  close(ending: Ending): void | Promise<void>
}

/** A way to read shards: `polling(...)`, `fanOut(...)`. Made where the job is built, so once a thread: holds options only. */
export interface ShardConsumer {
  /** `polling`, `fan-out`: for messages. */
  readonly name: string
  /** What the role must allow beyond ListShards and DescribeStreamSummary: `kinesis:GetRecords`. */
  readonly permissions: readonly string[]
  /** Main thread, before anything runs; the stream has been found ACTIVE. */
  check?(stream: KinesisStream, patience: Patience, at: Pick<CheckContext, 'jobId' | 'uid'>): Promise<void>
  /** Main thread, once an attempt. Absent: nothing to register. */
  register?(ctx: ConsumerContext): ConsumerRegistration
  /** Slot thread, once a reader. */
  createFetchers(ctx: FetchContext): ShardFetchers
}
