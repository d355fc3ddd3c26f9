/*
 * Timers of one span of time, two words each: the entry's id, and the time as an offset from the span's begin.
 *
 *   | taken | sorted          | as registered |
 *   0     head           sortedTo          length
 *
 * Nothing is sorted before the first item is asked for; items that come in order never are.
 */

/** The low word of a 64-bit integer comes first: sorting items as integers sorts by offset, then id. */
const LITTLE_ENDIAN: boolean = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
const ID = LITTLE_ENDIAN ? 0 : 1
const OFFSET = LITTLE_ENDIAN ? 1 : 0
const SMALL = 48

/** Timers of one span, by offset from its begin. */
export class TimerBucket {
  readonly base: number
  length = 0
  head = 0
  /** Items known to be stale. */
  stale = 0
  #items: Uint32Array
  #sortedTo = 0
  #tailMin = Infinity

  /** `base` is the time where the span begins. */
  constructor(base: number, capacity: number = 8) {
    this.base = base
    this.#items = new Uint32Array(2 * capacity)
  }

  get count(): number {
    return this.length - this.head
  }

  add(time: number, id: number): void {
    const at = this.length
    if (2 * at === this.#items.length) this.#grow()
    const offset = time - this.base
    const items = this.#items
    items[2 * at + ID] = id
    items[2 * at + OFFSET] = offset
    if (this.#sortedTo === at && (at === this.head || items[2 * at - 2 + OFFSET]! <= offset)) this.#sortedTo = at + 1
    else if (offset < this.#tailMin) this.#tailMin = offset
    this.length = at + 1
  }

  /** The earliest time; the bucket is not empty. */
  get minTime(): number {
    const sorted = this.head < this.#sortedTo ? this.#items[2 * this.head + OFFSET]! : Infinity
    return this.base + Math.min(sorted, this.#tailMin)
  }

  idAt(index: number): number {
    return this.#items[2 * index + ID]!
  }

  timeAt(index: number): number {
    return this.base + this.#items[2 * index + OFFSET]!
  }

  /** Brings the earliest item to `head`. `counts` has a slot per offset of the span and one more. */
  settle(counts: Uint32Array): void {
    if (this.head < this.#sortedTo && this.#items[2 * this.head + OFFSET]! <= this.#tailMin) return
    if (this.count > SMALL && this.count * 8 > counts.length) this.#countingSort(counts)
    else this.#insertionSort()
    this.#sortedTo = this.length
    this.#tailMin = Infinity
  }

  /** Drops the items that `isLive` refuses, and repeated ones. Returns how many went. */
  compact(isLive: (id: number, time: number) => boolean): number {
    const items = this.#items.slice(2 * this.head, 2 * this.length)
    new BigUint64Array(items.buffer).sort()
    let kept = 0
    for (let i = 0; i < items.length; i += 2) {
      const id = items[i + ID]!
      const offset = items[i + OFFSET]!
      if (kept > 0 && items[2 * kept - 2 + ID] === id && items[2 * kept - 2 + OFFSET] === offset) continue
      if (!isLive(id, this.base + offset)) continue
      items[2 * kept + ID] = id
      items[2 * kept + OFFSET] = offset
      kept++
    }
    const dropped = this.count - kept
    this.#items = kept * 4 < items.length / 2 ? items.slice(0, Math.max(16, 4 * kept)) : items
    this.head = 0
    this.length = kept
    this.stale = 0
    this.#sortedTo = kept
    this.#tailMin = Infinity
    return dropped
  }

  /** Stable, by offset; spans of a few thousand only. */
  #countingSort(counts: Uint32Array): void {
    const { head, length } = this
    const from = this.#items
    const to = new Uint32Array(from.length)
    counts.fill(0)
    for (let i = head; i < length; i++) counts[from[2 * i + OFFSET]! + 1]!++
    let sum = head
    for (let i = 0; i < counts.length; i++) {
      sum += counts[i]!
      counts[i] = sum
    }
    for (let i = head; i < length; i++) {
      const at = counts[from[2 * i + OFFSET]!]!++
      to[2 * at] = from[2 * i]!
      to[2 * at + 1] = from[2 * i + 1]!
    }
    this.#items = to
  }

  /** Stable; from the sorted part on. */
  #insertionSort(): void {
    const items = this.#items
    for (let i = Math.max(this.head + 1, Math.min(this.#sortedTo, this.length)); i < this.length; i++) {
      const id = items[2 * i + ID]!
      const offset = items[2 * i + OFFSET]!
      let at = i
      for (; at > this.head && items[2 * at - 2 + OFFSET]! > offset; at--) {
        items[2 * at + ID] = items[2 * at - 2 + ID]!
        items[2 * at + OFFSET] = items[2 * at - 2 + OFFSET]!
      }
      items[2 * at + ID] = id
      items[2 * at + OFFSET] = offset
    }
  }

  #grow(): void {
    const grown = new Uint32Array(2 * this.#items.length)
    grown.set(this.#items)
    this.#items = grown
  }
}
