/**
 * Invariant: what leaves is a record that is done, behind every watermark before it and, if ordered, every record before it; a watermark
 * leaves behind every record before it.
 *
 *   ordered     [ r1 r2 ] W5 [ r3 ]     r2 done: waits for r1
 *   unordered   [ r1 r2 ] W5 [ r3 ]     r2 done: leaves; r3 done: waits for r1, then W5
 *
 * Semantics: Flink's OrderedStreamElementQueue and UnorderedStreamElementQueue.
 */
import { Fifo } from './fifo.js'

/** Records between two watermarks. */
export interface Segment<R> {
  /** Ordered: all that have not left. Else those of them that are done. */
  readonly queue: Fifo<R>
  /** Records that have not left. */
  size: number
  /** The one behind it; undefined for the last segment, which is open. */
  watermark: number | undefined
}

/** A record under way. */
export interface QueuedRecord<R> {
  /** Its results may leave. */
  done: boolean
  segment: Segment<R> | undefined
}

/** The records and watermarks in an asynchronous operator. */
export class RecordQueue<R extends QueuedRecord<R>> {
  /** Records that have not left. */
  size = 0
  /** The watermark that everything before has left. */
  passed: number
  private readonly ordered: boolean
  private readonly segments = new Fifo<Segment<R>>()
  private last: Segment<R>

  /** `passed`: the watermark before the first record. */
  constructor(ordered: boolean, passed: number) {
    this.ordered = ordered
    this.passed = passed
    this.last = this.open()
  }

  add(record: R): void {
    if (this.last.watermark !== undefined) this.last = this.open()
    record.segment = this.last
    this.last.size++
    this.size++
    if (this.ordered) this.last.queue.push(record)
  }

  addWatermark(watermark: number): void {
    if (this.size === 0) this.passed = watermark
    // Of two watermarks with no record between, the later one.
    else this.last.watermark = watermark
  }

  done(record: R): void {
    record.done = true
    if (!this.ordered) record.segment!.queue.push(record)
  }

  /** The next record that may leave. */
  next(): R | undefined {
    const record = this.segments.first!.queue.first
    return record?.done === true ? record : undefined
  }

  /** The record of {@link next} has left. True if a watermark follows it. */
  shift(): boolean {
    const segment = this.segments.first!
    segment.queue.shift()
    segment.size--
    this.size--
    if (segment.size > 0 || segment.watermark === undefined) return false
    this.passed = segment.watermark
    this.segments.shift()
    if (this.segments.length === 0) this.last = this.open()
    return true
  }

  private open(): Segment<R> {
    const segment: Segment<R> = { queue: new Fifo<R>(), size: 0, watermark: undefined }
    this.segments.push(segment)
    return segment
  }
}
