/*
 * The rows of one key group, from two buffers, in the order of their keys' bytes. A row is one 64-bit integer: hash, then number. Rows are
 * dealt to parts by hash, and each part is sorted when its turn comes: sorting a large group at once would stop the slot for too long.
 * No comparison function is needed (bytes are compared only where hashes are equal). Equal keys hold equal rows: one is kept.
 *
 *   numbers --deal--> | part: hashes from .. to | part | ...     next() sorts a part and makes it the one that at() reads
 */
import type { RowBuffer } from './row-buffer.js'

const LITTLE_ENDIAN: boolean = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
const NUMBER = LITTLE_ENDIAN ? 0 : 1
const HASH = LITTLE_ENDIAN ? 1 : 0
/** Rows of a part, about. */
const PART_ROWS = 1024

/** Numbers of rows: row `r` of the first buffer is 2r, of the second 2r + 1. */
export class SortedRows {
  /** Rows of the part that is being read. */
  length = 0
  #first!: RowBuffer
  #second!: RowBuffer
  /** As they come, and dealt: hash and number of each row. */
  #taken = new Uint32Array(0)
  #words = new Uint32Array(0)
  /** Where each part ends; the first begins at 0. */
  #ends = new Uint32Array(0)
  #part = -1
  #from = 0

  /** Takes `count` numbers of rows of two buffers, deals them to parts and stands before the first one. */
  deal(first: RowBuffer, second: RowBuffer, count: number, numberAt: (index: number) => number): void {
    this.#first = first
    this.#second = second
    if (this.#words.length < 2 * count || this.#words.length > 8 * count + 1024) {
      this.#taken = new Uint32Array(2 * count)
      this.#words = new Uint32Array(2 * count)
    }
    const [least, most] = this.#take(count, numberAt)
    const parts = Math.max(1, Math.ceil(count / PART_ROWS))
    const perHash = parts / (most - least + 1)
    const taken = this.#taken
    const words = this.#words
    const ends = new Uint32Array(parts)
    for (let i = 0; i < count; i++) ends[Math.floor((taken[2 * i + HASH]! - least) * perHash)]!++
    for (let part = 1; part < parts; part++) ends[part]! += ends[part - 1]!
    const next = ends.slice()
    for (let i = 0; i < count; i++) {
      const hash = taken[2 * i + HASH]!
      const at = --next[Math.floor((hash - least) * perHash)]!
      words[2 * at + HASH] = hash
      words[2 * at + NUMBER] = taken[2 * i + NUMBER]!
    }
    this.#ends = ends
    this.#part = -1
    this.length = 0
  }

  /** Goes on to the next part; false when there is none. */
  next(): boolean {
    if (++this.#part >= this.#ends.length) return false
    const from = this.#part === 0 ? 0 : this.#ends[this.#part - 1]!
    const count = this.#ends[this.#part]! - from
    new BigUint64Array(this.#words.buffer, 8 * from, count).sort()
    this.#from = from
    this.length = this.#unique(from, from + count)
    return true
  }

  at(index: number): number {
    return this.#words[2 * (this.#from + index) + NUMBER]!
  }

  bufferOf(number: number): RowBuffer {
    return (number & 1) === 0 ? this.#first : this.#second
  }

  /** The least and the greatest hash. */
  #take(count: number, numberAt: (index: number) => number): [number, number] {
    const taken = this.#taken
    let least = 2 ** 32 - 1
    let most = 0
    for (let i = 0; i < count; i++) {
      const number = numberAt(i)
      const hash = this.bufferOf(number).hash(number >>> 1)
      taken[2 * i + NUMBER] = number
      taken[2 * i + HASH] = hash
      if (hash < least) least = hash
      if (hash > most) most = hash
    }
    return [least, most]
  }

  /** Orders runs of equal hashes by bytes and drops repeated keys. Returns how many rows are left. */
  #unique(begin: number, end: number): number {
    const words = this.#words
    let kept = begin
    for (let from = begin; from < end;) {
      let to = from + 1
      while (to < end && words[2 * to + HASH] === words[2 * from + HASH]) to++
      if (to - from > 1) this.#sortRun(from, to)
      for (let i = from; i < to; i++) {
        const number = words[2 * i + NUMBER]!
        if (i > from && this.#compare(words[2 * kept - 2 + NUMBER]!, number) === 0) continue
        words[2 * kept + NUMBER] = number
        kept++
      }
      from = to
    }
    return kept - begin
  }

  #sortRun(from: number, to: number): void {
    const numbers: number[] = []
    for (let i = from; i < to; i++) numbers.push(this.#words[2 * i + NUMBER]!)
    numbers.sort((left, right) => this.#compare(left, right))
    for (let i = from; i < to; i++) this.#words[2 * i + NUMBER] = numbers[i - from]!
  }

  #compare(left: number, right: number): number {
    const leftBuffer = this.bufferOf(left)
    const rightBuffer = this.bufferOf(right)
    const leftKeys = leftBuffer.keys
    const rightKeys = rightBuffer.keys
    const leftFrom = leftBuffer.keyFrom(left >>> 1)
    const rightFrom = rightBuffer.keyFrom(right >>> 1)
    const leftLength = leftBuffer.keyTo(left >>> 1) - leftFrom
    const rightLength = rightBuffer.keyTo(right >>> 1) - rightFrom
    const length = Math.min(leftLength, rightLength)
    for (let i = 0; i < length; i++) {
      const difference = leftKeys[leftFrom + i]! - rightKeys[rightFrom + i]!
      if (difference !== 0) return difference
    }
    return leftLength - rightLength
  }
}
