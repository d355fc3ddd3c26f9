/**
 * Invariant: the subtask's watermark is the minimum over its unfinished, non-idle splits, and the next record comes from the split
 * furthest behind in event time; so a record within its split's bound is never late, whatever the number of splits and readers.
 *
 *   split A (wm 10) --.                                   (drift: a split further ahead of the slowest
 *   split B (wm  7) ---> poll B --> decode --> chain       reader than allowed is left alone)
 *   split C (wm 12) --'
 */
import type { SourceNode } from '../contract/graph.js'
import type { JsonValue } from '../contract/json.js'
import type { IdentifiedSplit, PollStatus, SourceReader, SplitReader, WatermarkStrategy } from '../contract/source.js'
import { MAX_WATERMARK, MIN_WATERMARK, steadyTime, type Clock } from '../contract/time.js'
import type { AssignedSplit } from '../worker/protocol.js'
import type { Decoding } from './decoding.js'
import type { DriftTable } from './drift.js'
import { FinishedSplits } from './finished-splits.js'
import { Followers } from './followers.js'
import { SplitState } from './split-state.js'
import { operatorFailure } from '../contract/operator-failure.js'

/** Records one poll hands over at most. */
const POLL_RECORDS = 512
/** The first poll takes so few: nobody knows yet how slow the job's functions are. */
const FIRST_POLL_RECORDS = 16
/** A poll that took longer makes the next one smaller: control messages wait for it. */
const LONG_POLL_MS = 20
/** How soon it is asked again whether the last records of a split have left: nobody says so. */
const LEAVING_CHECK_MS = 2

const BARRIER = Symbol('barrier')

/** How far a reader of a bounded source may run ahead of the others unless the job says otherwise. */
const BOUNDED_DRIFT_MS = 600_000

/** As a split's `PollStatus`, for the whole subtask. */
export type SourceStatus = 'more' | 'wait' | 'end'

/** How a driver reaches its slot. */
export interface SourceHost {
  /** Makes the slot look again. */
  wake(): void
  /** Makes all slots look again: another reader may wait for this one's watermark. */
  wakeOthers(): void
  fail(error: unknown): void
  /** The subtask's watermark, and what of it the next tasks have been sent. */
  applied(): number
  emitted(): number
  /** Begins to send what has been emitted so far; the result, to be asked often, says whether the next tasks have taken it. */
  send(): () => boolean
  /** All of a split of a source with successors was taken. */
  splitFinished(split: AssignedSplit): void
  /** A split that goes on from another one is as far as this subtask, or gone. */
  splitCaughtUp(splitId: string): void
}

/** The source at the head of a chain: multiplexes the splits of one subtask. Slot thread. */
export class SourceDriver {
  private readonly node: SourceNode
  private readonly strategy: WatermarkStrategy<never>
  private readonly reader: SourceReader<unknown, JsonValue>
  private readonly decoding: Decoding
  private readonly drift: DriftTable
  private readonly clock: Clock
  private readonly host: SourceHost
  private readonly splits: SplitState[] = []
  private readonly finished = new FinishedSplits()
  private readonly followers = new Followers()
  private most = FIRST_POLL_RECORDS
  /** The last poll gave all that was asked for, and there is more. */
  plenty = false
  /** What the enumerator said behind triggers whose snapshots are still to be taken. */
  private readonly orders: (typeof BARRIER | (() => void))[] = []
  private opening = 0
  private openingSplits: AssignedSplit[] = []
  private noMoreSplits = false
  private drained = false
  private published = MIN_WATERMARK
  /** Since when this reader has had no split at all. */
  private emptySinceMs: number | undefined

  constructor(options: {
    node: SourceNode
    reader: SourceReader<unknown, JsonValue>
    decoding: Decoding
    drift: DriftTable
    clock: Clock
    host: SourceHost
  }) {
    this.node = options.node
    const { watermarks, source } = options.node
    this.strategy = source.bounded ? { maxDriftMs: BOUNDED_DRIFT_MS, ...watermarks } : watermarks
    this.reader = options.reader
    this.decoding = options.decoding
    this.drift = options.drift
    this.clock = options.clock
    this.host = options.host
  }

  assign(splits: readonly AssignedSplit[]): void {
    this.inOrder(() => {
      for (const split of splits) {
        this.opening++
        this.openingSplits.push(split)
        void this.open(split)
      }
    })
  }

  endOfSplits(): void {
    this.inOrder(() => (this.noMoreSplits = true))
  }

  /** Finished splits leave the checkpoints; `hold`: they hold event time back until `release`. */
  retire(ids: readonly string[], hold: boolean): void {
    this.inOrder(() => {
      this.finished.retire(ids, hold)
      for (const id of ids) if (this.followers.remove(id)) this.host.splitCaughtUp(id)
    })
  }

  release(ids: readonly string[]): void {
    this.inOrder(() => this.finished.release(ids))
  }

  /** Reads nothing more: what is left of the splits stays in checkpoints. */
  drain(): void {
    this.drained = true
  }

  /** A checkpoint was triggered: its `snapshot` will come, and what is assigned or retired meanwhile is not in it. */
  trigger(): void {
    this.orders.push(BARRIER)
  }

  /** The enumerator's state in the checkpoint is that of the trigger. */
  private inOrder(order: () => void): void {
    if (this.orders.length > 0) this.orders.push(order)
    else this.obey(order)
  }

  private obey(order: () => void): void {
    try {
      order()
    } catch (error) {
      throw operatorFailure(error, this.node.uid)
    }
  }

  /** Whether all splits are read (with successors: and retired) and none will come, or nothing more is to be read. */
  get ended(): boolean {
    if (this.drained) return true
    return this.noMoreSplits && this.opening === 0 && this.splits.length === 0 && this.finished.empty
  }

  /** Whether every split is idle; without any split, whether that has been so for too long. */
  get idle(): boolean {
    if (this.opening > 0 || !this.finished.empty || this.ended) return false
    if (this.splits.length === 0) return this.tooLong(this.emptySinceMs)
    return this.splits.every((split) => split.idle)
  }

  /** Reads one batch, of `limit` records at most, from the split furthest behind. */
  poll(limit: number = POLL_RECORDS): SourceStatus {
    this.plenty = false
    if (this.finished.waiting) for (const split of this.finished.takeLeft()) this.host.splitFinished(split)
    if (this.followers.any) this.catchUp()
    if (this.ended) return 'end'
    const split = this.choose()
    if (split === undefined) return 'wait'
    this.decoding.split = split
    const before = this.decoding.records
    const status = this.read(split, limit)
    const read = this.decoding.records - before
    this.plenty = read >= POLL_RECORDS && status === 'more'
    if (this.strategy.idlenessMs !== undefined && read > 0) this.active(split)
    if (status === 'end') this.finishSplit(split)
    else if (status === 'wait') this.awaitSplit(split)
    return this.ended ? 'end' : 'more'
  }

  /** Whether `poll` would read or end. */
  canPoll(): boolean {
    return this.ended || this.choose() !== undefined
  }

  /** The subtask's watermark now; +Infinity once everything is read. */
  watermark(): number {
    if (this.ended) return MAX_WATERMARK
    if (this.opening > 0) return MIN_WATERMARK
    const min = Math.min(this.finished.watermark, this.slowestSplit())
    return min === MAX_WATERMARK ? MIN_WATERMARK : min
  }

  /** Of those being read; +Infinity if all are idle. */
  private slowestSplit(): number {
    let min = MAX_WATERMARK
    for (const split of this.splits) if (!split.idle && split.watermark < min) min = split.watermark
    return min
  }

  /**
   * Shows how far it is to the other readers, for alignment. One that has nothing to read holds nobody back, nor does a finished split: its
   * successor may have to wait until another reader has come further.
   */
  publish(): void {
    if (this.strategy.maxDriftMs === undefined) return
    const watermark = this.alignment()
    if (watermark === this.published) return
    this.published = watermark
    this.drift.publish(watermark)
    this.host.wakeOthers()
  }

  private alignment(): number {
    if (this.opening > 0) return MIN_WATERMARK
    if (this.splits.length > 0) return this.slowestSplit()
    const { bounded, successors } = this.node.source
    // What others read may have to end before there is anything for this one.
    return this.ended || !bounded || successors === true ? MAX_WATERMARK : MIN_WATERMARK
  }

  /** Milliseconds after which idleness, or whether records have left, must be looked at again; Infinity if never. */
  nextIdleCheckMs(): number {
    if (this.finished.waiting || this.followers.leaving) return LEAVING_CHECK_MS
    const { idlenessMs } = this.strategy
    if (idlenessMs === undefined || this.ended) return Infinity
    let quietSince = this.splits.length === 0 && !this.idle ? (this.emptySinceMs ?? Infinity) : Infinity
    for (const split of this.splits) {
      if (split.waiting && !split.idle) quietSince = Math.min(quietSince, split.quietSinceMs ?? Infinity)
    }
    return Math.max(1, quietSince + idlenessMs - steadyTime(this.clock))
  }

  /** Marks splits idle that have had nothing for too long. Call after each poll: time without polls is backpressure, not idleness. */
  checkIdleness(): void {
    if (this.strategy.idlenessMs === undefined) return
    const some = this.splits.length > 0 || this.opening > 0 || !this.finished.empty
    this.emptySinceMs = some ? undefined : (this.emptySinceMs ?? steadyTime(this.clock))
    for (const split of this.splits) if (split.waiting && this.tooLong(split.quietSinceMs)) split.idle = true
  }

  snapshot(): AssignedSplit[] {
    const open = this.splits.map((s) => ({ id: s.id, split: this.positionOf(s.reader), watermark: s.watermark }))
    const splits = [...open, ...this.openingSplits, ...this.finished.snapshot()]
    this.orders.shift()
    for (let next = this.orders[0]; next !== undefined && next !== BARRIER; next = this.orders[0]) {
      this.orders.shift()
      this.obey(next)
    }
    return splits
  }

  private positionOf(reader: SplitReader<unknown, JsonValue>): JsonValue {
    try {
      return reader.position()
    } catch (error) {
      throw operatorFailure(error, this.node.uid)
    }
  }

  async close(): Promise<void> {
    for (const split of this.splits) await split.reader.close?.()
    await this.reader.close?.()
  }

  private choose(): SplitState | undefined {
    const limit = this.strategy.maxDriftMs
    let best: SplitState | undefined
    let slowest = this.opening > 0 ? MIN_WATERMARK : MAX_WATERMARK
    for (const split of this.splits) {
      if (!split.idle && split.watermark < slowest) slowest = split.watermark
      if (!split.waiting && (best === undefined || split.watermark < best.watermark)) best = split
    }
    if (best === undefined || limit === undefined || best.watermark === MIN_WATERMARK) return best
    const others = this.drift.slowestOther()
    return best.watermark - Math.min(slowest, others) <= limit ? best : undefined
  }

  private read(split: SplitState, limit: number): PollStatus {
    const began = steadyTime(this.clock)
    try {
      return split.reader.poll(this.decoding, Math.min(this.most, limit))
    } catch (error) {
      throw operatorFailure(error, this.node.uid)
    } finally {
      const slow = steadyTime(this.clock) - began > LONG_POLL_MS
      this.most = slow ? Math.max(1, this.most >> 1) : Math.min(POLL_RECORDS, this.most * 2)
    }
  }

  private active(split: SplitState): void {
    split.quietSinceMs = undefined
    split.idle = false
  }

  private tooLong(sinceMs: number | undefined): boolean {
    const { idlenessMs } = this.strategy
    return idlenessMs !== undefined && sinceMs !== undefined && steadyTime(this.clock) - sinceMs >= idlenessMs
  }

  private catchUp(): void {
    const { host } = this
    const ids = this.followers.takeCaughtUp(host.applied(), host.emitted(), () => host.send())
    for (const id of ids) host.splitCaughtUp(id)
  }

  private awaitSplit(split: SplitState): void {
    split.waiting = true
    split.quietSinceMs ??= steadyTime(this.clock)
    split.reader.available().then(
      () => {
        split.waiting = false
        this.host.wake()
      },
      (error: unknown) => this.host.fail(operatorFailure(error, this.node.uid)),
    )
  }

  private finishSplit(split: SplitState): void {
    if (this.node.source.successors === true) {
      const { id, reader, watermark } = split
      this.finished.add({ id, split: this.positionOf(reader), watermark }, this.host.send())
    } else if (this.followers.remove(split.id)) this.host.splitCaughtUp(split.id)
    this.splits.splice(this.splits.indexOf(split), 1)
    void Promise.resolve(split.reader.close?.()).catch((error: unknown) =>
      this.host.fail(operatorFailure(error, this.node.uid)),
    )
  }

  private async open(assigned: AssignedSplit): Promise<void> {
    try {
      const identified: IdentifiedSplit<JsonValue> = { id: assigned.id, split: assigned.split }
      const reader = await this.reader.openSplit(identified)
      const split = new SplitState(assigned.id, reader, assigned.watermark, this.strategy.generator)
      this.splits.push(split)
      if (assigned.follows === true) this.followers.add(split, assigned.watermark)
      this.opening--
      this.openingSplits = this.openingSplits.filter((s) => s !== assigned)
      this.host.wake()
    } catch (error) {
      this.host.fail(operatorFailure(error, this.node.uid))
    }
  }
}
