import { MillraceError } from '../../../runtime/contract/errors.js'
import type {
  DealtSplit,
  Ending,
  EnumeratorContext,
  IdentifiedSplit,
  SplitEnumerator,
} from '../../../runtime/contract/source.js'
import type { OnExpiredPosition } from './expired-position.js'
import type { KinesisStream, StreamFacts } from './kinesis-stream.js'
import { type ListFilter, listShards } from './list-shards.js'
import { Pause } from './pause.js'
import { type Patience, persistently } from './persistently.js'
import type { ConsumerRegistration, ShardConsumer } from './shard-reader.js'
import type { ShardPosition, ShardSplit } from './shard-split.js'
import { ShardTracker, type TakenShards } from './shard-tracker.js'

/** What a checkpoint keeps beside the shards being read. `null`: it was taken before the shards were listed. */
export type KinesisEnumeratorState = {
  /** A stream of the same name that was created at another time is another one. Epoch milliseconds; null if nobody said. */
  readonly createdAtMs: number | null
  readonly start: ShardPosition
  readonly stopAtMs: number | null
  readonly shards: TakenShards
} | null

/** Which shards are read, and from where. */
export interface EnumerationOptions {
  readonly stream: KinesisStream
  readonly consumer: ShardConsumer
  readonly start: (ctx: EnumeratorContext<ShardSplit>) => ShardPosition
  readonly stopAt: (ctx: EnumeratorContext<ShardSplit>) => number | undefined
  readonly discoveryIntervalMs: number
  readonly onExpiredPosition: OnExpiredPosition
  readonly random: () => number
  /** Shards of one page. Default: as many as the service gives. */
  readonly pageSize?: number
}

/** While a shard's children have not been named: the service takes seconds to list them. */
const EAGER_INTERVAL_MS = 1_000
const JITTER = 0.2
/** Two streams' creation times may be told with less precision at times. */
const SAME_TIME_MS = 1_000

/** Finds shards and deals them to the readers: {@link ShardTracker} says which. Main thread. */
export class KinesisEnumerator implements SplitEnumerator<ShardSplit, KinesisEnumeratorState> {
  private readonly options: EnumerationOptions
  private readonly ctx: EnumeratorContext<ShardSplit>
  private readonly patience: Patience
  private readonly pause: Pause
  private registration: ConsumerRegistration | undefined
  private tracker: ShardTracker | undefined
  private state: NonNullable<KinesisEnumeratorState> | undefined
  private started = false
  private done = false
  private closed = false

  constructor(options: EnumerationOptions, ctx: EnumeratorContext<ShardSplit>) {
    const { stream, random } = options
    this.options = options
    this.ctx = ctx
    this.pause = new Pause(ctx.clock)
    this.patience = {
      clock: ctx.clock,
      random,
      stopped: () => this.closed,
      warn: (failures, error) => {
        const { message } = stream.failure(error, 'kinesis:ListShards')
        ctx.warn(`${message}; its shards have been asked for ${failures} times in vain, and are again`)
      },
    }
  }

  async start(
    restored: KinesisEnumeratorState | undefined,
    assigned: readonly DealtSplit<ShardSplit>[],
  ): Promise<void> {
    // A checkpoint may be taken before the service has answered.
    if (restored != null) this.resume(restored, assigned)
    try {
      await this.register()
      const facts = await this.describe()
      if (this.closed) return
      if (restored == null) await this.begin(facts)
      else {
        this.requireSameStream(restored.createdAtMs, facts.createdAtMs)
        this.tracker!.listing(await this.list(undefined))
      }
    } catch (error) {
      // Who closes it does not wait for its answers.
      if (!this.closed) throw error
      return
    }
    this.started = true
    this.advance()
    if (!this.closed) void this.discover()
  }

  splitFinished(subtask: number, { split }: IdentifiedSplit<ShardSplit>, watermark: number): void {
    this.tracker?.shardFinished(subtask, split, watermark)
    this.advance()
    if (this.tracker?.waitsForListing === true) this.pause.end()
  }

  snapshotState(checkpointId: number): KinesisEnumeratorState {
    const { tracker, state } = this
    if (tracker === undefined || state === undefined) return null
    tracker.checkpointTriggered(checkpointId)
    return { ...state, shards: tracker.takenShards() }
  }

  checkpointComplete(checkpointId: number): void {
    this.tracker?.checkpointCompleted(checkpointId)
    this.advance()
  }

  async close(ending: Ending): Promise<void> {
    this.closed = true
    this.pause.end()
    await this.registration?.close(ending)
    await this.options.stream.close()
  }

  private async register(): Promise<void> {
    const { options, ctx } = this
    const { stream, consumer, random } = options
    const { uid, jobId, runId, attempt, clock } = ctx
    const warn = (message: string): void => ctx.warn(message)
    this.registration = consumer.register?.({ stream, uid, jobId, runId, attempt, clock, random, warn })
    await this.registration?.ready()
  }

  private async describe(): Promise<StreamFacts> {
    const { stream } = this.options
    try {
      return await persistently(() => stream.describe(), this.patience)
    } catch (error) {
      throw stream.failure(error, 'kinesis:DescribeStreamSummary')
    }
  }

  private async begin(facts: StreamFacts): Promise<void> {
    const { options, ctx } = this
    const start = options.start(ctx)
    const stopAtMs = options.stopAt(ctx)
    const tracker = this.trackerFor(start, stopAtMs)
    const filter = start.at === 'timestamp' ? { fromMs: start.timestampMs } : undefined
    tracker.listing(await this.list(filter))
    this.state = { createdAtMs: facts.createdAtMs ?? null, start, stopAtMs: stopAtMs ?? null, shards: EMPTY }
    this.tracker = tracker
  }

  /** The checkpoint's positions win, and so does what it took `LATEST` for. */
  private resume(restored: NonNullable<KinesisEnumeratorState>, assigned: readonly DealtSplit<ShardSplit>[]): void {
    this.tracker = this.trackerFor(restored.start, restored.stopAtMs ?? undefined)
    this.tracker.restore(restored.shards, new Map(assigned.map(({ id, subtask }) => [id, subtask])))
    this.state = restored
  }

  private trackerFor(start: ShardPosition, stopAtMs: number | undefined): ShardTracker {
    const { parallelism, checkpointing } = this.ctx
    return new ShardTracker({ parallelism, checkpointing, start, ...(stopAtMs === undefined ? {} : { stopAtMs }) })
  }

  private requireSameStream(before: number | null, now: number | undefined): void {
    if (before === null || now === undefined || Math.abs(before - now) <= SAME_TIME_MS) return
    const { resource } = this.options.stream
    throw new MillraceError(
      'MILLRACE_INPUT',
      `${resource} is not the stream that the checkpoint saw: it was created at ${new Date(now).toISOString()}, that one at ${new Date(before).toISOString()}`,
      { hint: 'its positions mean nothing in the new stream: start anew, with another --job-id or --restore none' },
    )
  }

  private list(filter: ListFilter): Promise<Awaited<ReturnType<typeof listShards>>> {
    const { stream, pageSize } = this.options
    return listShards(stream, filter, this.patience, pageSize).catch((error: unknown) => {
      throw stream.failure(error, 'kinesis:ListShards')
    })
  }

  /** Asks for new shards until it is closed; at once, or nearly, when a shard's end has not named its children. */
  private async discover(): Promise<void> {
    const { discoveryIntervalMs, random } = this.options
    let eager = 0
    while (!this.closed && !this.done) {
      eager = this.tracker!.waitsForListing ? eager + 1 : 0
      const interval = eager === 0 ? discoveryIntervalMs : Math.min(discoveryIntervalMs, EAGER_INTERVAL_MS * eager)
      await this.pause.wait(interval * (1 + JITTER * (random() - 0.5)))
      if (this.closed || this.done) return
      try {
        this.tracker!.listing(await this.list(undefined))
        this.advance()
      } catch (error) {
        if (!this.closed) this.ctx.fail(error)
        return
      }
    }
  }

  /** Does what the tracker says. */
  private advance(): void {
    if (this.tracker === undefined || !this.started || this.closed || this.done) return
    const { ctx } = this
    const { assign, retire, orphans, done } = this.tracker.next()
    if (orphans.length > 0) this.expired(orphans)
    // Assigned before the parents are retired: in a reader's FIFO there is no moment without either.
    for (const { subtask, split } of assign) ctx.assignSplits(subtask, [split])
    for (const { subtask, shardId } of retire) ctx.retireSplits(subtask, [shardId])
    if (!done || this.state?.stopAtMs == null) return
    this.done = true
    ctx.signalNoMoreSplits()
  }

  private expired(shardIds: readonly string[]): void {
    const { stream, onExpiredPosition } = this.options
    const what = `${stream.resource}: shards before ${shardIds.join(', ')} have expired before they were read`
    if (onExpiredPosition === 'trim-horizon') return this.ctx.warn(`${what}; going on with the oldest record there is`)
    this.ctx.fail(
      new MillraceError('MILLRACE_INPUT', what, {
        hint: "records are lost: start anew, or go on with the oldest ones by onExpiredPosition: 'trim-horizon' (onExpiredPosition=trim-horizon in a locator)",
      }),
    )
  }
}

const EMPTY: TakenShards = { open: [], retired: [] }
