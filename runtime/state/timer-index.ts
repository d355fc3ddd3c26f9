/*
 * When which entry may have a timer: a hierarchical wheel. Spans double eight times a level, each level holds what the one below is too
 * fine for; when time reaches a span it is dealt out to the level below. An item costs eight bytes; adding one is a map lookup
 * (none when the last span is hit again), taking one a comparison.
 *
 *   level      0: 1.024 s     1: 65.5 s      2: 4.7 h      3: 49.7 days
 *   holds what is in ... the current span of the level above, or before it
 *
 * Items are hints. An item whose entry has no such timer (deleted, already fired, spilled) is skipped by the reader; a span that is half
 * stale is swept. Invariant: for every registered timer of an entry in memory there is an item of exactly its time.
 */
import { NumberHeap } from './number-heap.js'
import { TimerBucket } from './timer-bucket.js'

const SPANS = [2 ** 10, 2 ** 16, 2 ** 24, 2 ** 32] as const
const TOP = SPANS.length - 1
/** Spans with fewer stale items are not worth a sweep. */
const MIN_STALE = 64

class Level {
  readonly span: number
  readonly buckets = new Map<number, TimerBucket>()
  readonly order = new NumberHeap()
  /** The span that time has reached; what is at or before it belongs to the level below. */
  cursor = -Infinity
  last: TimerBucket | undefined = undefined

  constructor(span: number) {
    this.span = span
  }

  bucketOf(time: number): TimerBucket {
    const last = this.last
    if (last !== undefined && time >= last.base && time < last.base + this.span) return last
    const number = Math.floor(time / this.span)
    let bucket = this.buckets.get(number)
    if (bucket === undefined) {
      bucket = new TimerBucket(number * this.span)
      this.buckets.set(number, bucket)
      this.order.push(number, 0)
    }
    this.last = bucket
    return bucket
  }

  first(): TimerBucket | undefined {
    return this.order.size === 0 ? undefined : this.buckets.get(this.order.min)
  }

  removeFirst(): void {
    const number = this.order.min
    if (this.last === this.buckets.get(number)) this.last = undefined
    this.buckets.delete(number)
    this.order.pop()
  }
}

/** Timers of one kind over all entries, by time. One thread; {@link seek} then {@link take}, in any mix with {@link add}. */
export class TimerIndex {
  /** The item that {@link seek} found. */
  time = 0
  id = 0
  readonly #levels: readonly Level[] = SPANS.map((span) => new Level(span))
  readonly #counts = new Uint32Array(SPANS[0] + 1)
  /** Registered while firing, at or before the time being fired: they come next. */
  readonly #late = new NumberHeap()
  #firing = -Infinity
  #found: TimerBucket | undefined = undefined
  readonly #isLive: (id: number, time: number) => boolean

  /** `isLive` tells whether an entry has a timer of that time. */
  constructor(isLive: (id: number, time: number) => boolean) {
    this.#isLive = isLive
  }

  /** `time` is a safe integer. */
  add(time: number, id: number): void {
    if (time <= this.#firing) this.#late.push(time, id)
    else this.#place(time, id)
  }

  /** Says that an item has become stale, so that a span of stale items is swept. */
  remove(time: number): void {
    const bucket = this.#find(time)
    if (bucket === undefined || ++bucket.stale < MIN_STALE || 2 * bucket.stale < bucket.count) return
    bucket.compact(this.#isLive)
  }

  /** The time of the earliest item; Infinity when there is none. Exact but for stale items. */
  nextTime(): number {
    const next = this.#late.min
    for (let i = 0; i <= TOP; i++) {
      const bucket = this.#firstFilled(this.#levels[i]!)
      if (bucket !== undefined) return Math.min(next, bucket.minTime)
    }
    return next
  }

  /** Finds the earliest item at or before `limit`; false when there is none, which also ends the firing. */
  seek(limit: number): boolean {
    if (this.#late.size > 0) {
      this.time = this.#late.min
      this.id = this.#late.minPayload
      this.#found = undefined
      return true
    }
    for (;;) {
      const bucket = this.#firstFilled(this.#levels[0]!)
      if (bucket === undefined) {
        if (this.#turn(limit)) continue
        break
      }
      if (bucket.base > limit) break
      bucket.settle(this.#counts)
      const time = bucket.timeAt(bucket.head)
      if (time > limit) break
      this.time = time
      this.id = bucket.idAt(bucket.head)
      this.#found = bucket
      return true
    }
    this.#firing = -Infinity
    return false
  }

  /** Takes the found item off; nothing has been added since. */
  take(): void {
    if (this.#found === undefined) this.#late.pop()
    else this.#found.head++
  }

  /** The found item is about to fire: what is added at or before its time comes next. */
  fire(): void {
    if (this.time > this.#firing) this.#firing = this.time
  }

  /** How many items there are, stale ones too. Walks the spans. */
  size(): number {
    let size = this.#late.size
    for (const level of this.#levels) for (const bucket of level.buckets.values()) size += bucket.count
    return size
  }

  #levelOf(time: number): Level {
    const levels = this.#levels
    let i = 0
    while (i < TOP && Math.floor(time / SPANS[i + 1]!) > levels[i + 1]!.cursor) i++
    return levels[i]!
  }

  #place(time: number, id: number): void {
    this.#levelOf(time).bucketOf(time).add(time, id)
  }

  #find(time: number): TimerBucket | undefined {
    const level = this.#levelOf(time)
    return level.buckets.get(Math.floor(time / level.span))
  }

  #firstFilled(level: Level): TimerBucket | undefined {
    for (;;) {
      const bucket = level.first()
      if (bucket === undefined || bucket.count > 0) return bucket
      level.removeFirst()
    }
  }

  /** Deals the first coarse span at or before `limit` out to finer ones; false when none is due, and time moves on. */
  #turn(limit: number): boolean {
    const levels = this.#levels
    for (let i = 1; i <= TOP; i++) {
      const level = levels[i]!
      const bucket = this.#firstFilled(level)
      if (bucket === undefined) continue
      if (bucket.base > limit) break
      level.removeFirst()
      level.cursor = bucket.base / level.span
      for (let j = i - 1; j > 0; j--) levels[j]!.cursor = bucket.base / levels[j]!.span - 1
      for (let at = bucket.head; at < bucket.length; at++) this.#place(bucket.timeAt(at), bucket.idAt(at))
      return true
    }
    for (let i = 1; i <= TOP; i++) levels[i]!.cursor = Math.max(levels[i]!.cursor, Math.floor(limit / SPANS[i]!))
    return false
  }
}
