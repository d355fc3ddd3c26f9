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
import type { IdentifiedSplit, PollStatus, SourceReader, WatermarkStrategy } from '../contract/source.js'
import { MAX_WATERMARK, MIN_WATERMARK, type Clock } from '../contract/time.js'
import type { AssignedSplit } from '../worker/protocol.js'
import type { Decoding } from './decoding.js'
import type { DriftTable } from './drift.js'
import { SplitState } from './split-state.js'
import { operatorFailure } from '../contract/operator-failure.js'

/** Records one poll hands over at most. */
const POLL_RECORDS = 512
/** The first poll takes so few: nobody knows yet how slow the job's functions are. */
const FIRST_POLL_RECORDS = 16
/** A poll that took longer makes the next one smaller: control messages wait for it. */
const LONG_POLL_MS = 20

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
  private most = FIRST_POLL_RECORDS
  /** The last poll gave all that was asked for, and there is more. */
  plenty = false
  private opening = 0
  private openingSplits: AssignedSplit[] = []
  private noMoreSplits = false
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
    for (const split of splits) {
      this.opening++
      this.openingSplits.push(split)
      void this.open(split)
    }
  }

  endOfSplits(): void {
    this.noMoreSplits = true
  }

  /** Whether all splits are read and none will come. */
  get ended(): boolean {
    return this.noMoreSplits && this.opening === 0 && this.splits.length === 0
  }

  /** Whether every split is idle; without any split, whether that has been so for too long. */
  get idle(): boolean {
    if (this.opening > 0 || this.ended) return false
    if (this.splits.length === 0) return this.tooLong(this.emptySinceMs)
    return this.splits.every((split) => split.idle)
  }

  /** Reads one batch from the split furthest behind. */
  poll(): SourceStatus {
    if (this.ended) return 'end'
    this.plenty = false
    const split = this.choose()
    if (split === undefined) return 'wait'
    this.decoding.split = split
    const before = this.decoding.records
    const status = this.read(split)
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
    if (this.opening > 0 || this.splits.length === 0) return MIN_WATERMARK
    let min = MAX_WATERMARK
    for (const split of this.splits) if (!split.idle && split.watermark < min) min = split.watermark
    return min === MAX_WATERMARK ? MIN_WATERMARK : min
  }

  /** Shows how far it is to the other readers, for alignment. One that has nothing to read holds nobody back. */
  publish(): void {
    if (this.strategy.maxDriftMs === undefined) return
    const nothing = this.splits.length === 0 ? !this.node.source.bounded : this.splits.every((split) => split.idle)
    const watermark = nothing && this.opening === 0 ? MAX_WATERMARK : this.watermark()
    if (watermark === this.published) return
    this.published = watermark
    this.drift.publish(watermark)
    this.host.wakeOthers()
  }

  /** Milliseconds after which idleness must be looked at again; Infinity if never. */
  nextIdleCheckMs(): number {
    const { idlenessMs } = this.strategy
    if (idlenessMs === undefined || this.ended) return Infinity
    let quietSince = this.splits.length === 0 && !this.idle ? (this.emptySinceMs ?? Infinity) : Infinity
    for (const split of this.splits) {
      if (split.waiting && !split.idle) quietSince = Math.min(quietSince, split.quietSinceMs ?? Infinity)
    }
    return Math.max(1, quietSince + idlenessMs - this.clock.now())
  }

  /** Marks splits idle that have had nothing for too long. Call after each poll: time without polls is backpressure, not idleness. */
  checkIdleness(): void {
    if (this.strategy.idlenessMs === undefined) return
    this.emptySinceMs = this.splits.length > 0 || this.opening > 0 ? undefined : (this.emptySinceMs ?? this.clock.now())
    for (const split of this.splits) if (split.waiting && this.tooLong(split.quietSinceMs)) split.idle = true
  }

  snapshot(): AssignedSplit[] {
    try {
      const open = this.splits.map((s) => ({ id: s.id, split: s.reader.position(), watermark: s.watermark }))
      return [...open, ...this.openingSplits]
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

  private read(split: SplitState): PollStatus {
    const began = this.clock.now()
    try {
      return split.reader.poll(this.decoding, this.most)
    } catch (error) {
      throw operatorFailure(error, this.node.uid)
    } finally {
      const slow = this.clock.now() - began > LONG_POLL_MS
      this.most = slow ? Math.max(1, this.most >> 1) : Math.min(POLL_RECORDS, this.most * 2)
    }
  }

  private active(split: SplitState): void {
    split.quietSinceMs = undefined
    split.idle = false
  }

  private tooLong(sinceMs: number | undefined): boolean {
    const { idlenessMs } = this.strategy
    return idlenessMs !== undefined && sinceMs !== undefined && this.clock.now() - sinceMs >= idlenessMs
  }

  private awaitSplit(split: SplitState): void {
    split.waiting = true
    split.quietSinceMs ??= this.clock.now()
    split.reader.available().then(
      () => {
        split.waiting = false
        this.host.wake()
      },
      (error: unknown) => this.host.fail(operatorFailure(error, this.node.uid)),
    )
  }

  private finishSplit(split: SplitState): void {
    this.splits.splice(this.splits.indexOf(split), 1)
    void Promise.resolve(split.reader.close?.()).catch((error: unknown) =>
      this.host.fail(operatorFailure(error, this.node.uid)),
    )
  }

  private async open(assigned: AssignedSplit): Promise<void> {
    try {
      const identified: IdentifiedSplit<JsonValue> = { id: assigned.id, split: assigned.split }
      const reader = await this.reader.openSplit(identified)
      this.splits.push(new SplitState(assigned.id, reader, assigned.watermark, this.strategy.generator))
      this.opening--
      this.openingSplits = this.openingSplits.filter((s) => s !== assigned)
      this.host.wake()
    } catch (error) {
      this.host.fail(operatorFailure(error, this.node.uid))
    }
  }
}
