/*
 * The rows of one key group, from two buffers, in the order of their keys' bytes. A row is one 64-bit integer: hash, then number; they
 * are sorted without a comparison function (bytes are compared only where hashes are equal). Equal keys hold equal rows: one is kept.
 */
import type { RowBuffer } from './row-buffer.js'

const LITTLE_ENDIAN: boolean = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
const NUMBER = LITTLE_ENDIAN ? 0 : 1
const HASH = LITTLE_ENDIAN ? 1 : 0

/** Numbers of rows: row `r` of the first buffer is 2r, of the second 2r + 1. */
export class SortedRows {
  length = 0
  readonly #first: RowBuffer
  readonly #second: RowBuffer
  #words = new Uint32Array(0)

  constructor(first: RowBuffer, second: RowBuffer) {
    this.#first = first
    this.#second = second
  }

  /** Takes `numbers` of rows and sorts them. */
  sort(count: number, numberAt: (index: number) => number): void {
    if (this.#words.length < 2 * count || this.#words.length > 8 * count + 1024)
      this.#words = new Uint32Array(2 * count)
    const words = this.#words
    for (let i = 0; i < count; i++) {
      const number = numberAt(i)
      words[2 * i + NUMBER] = number
      words[2 * i + HASH] = this.bufferOf(number).hash(number >>> 1)
    }
    new BigUint64Array(words.buffer, 0, count).sort()
    this.length = this.#unique(count)
  }

  at(index: number): number {
    return this.#words[2 * index + NUMBER]!
  }

  bufferOf(number: number): RowBuffer {
    return (number & 1) === 0 ? this.#first : this.#second
  }

  /** Orders runs of equal hashes by bytes and drops repeated keys. Returns how many rows are left. */
  #unique(count: number): number {
    const words = this.#words
    let kept = 0
    for (let from = 0; from < count;) {
      let to = from + 1
      while (to < count && words[2 * to + HASH] === words[2 * from + HASH]) to++
      if (to - from > 1) this.#sortRun(from, to)
      for (let i = from; i < to; i++) {
        const number = words[2 * i + NUMBER]!
        if (i > from && this.#compare(words[2 * kept - 2 + NUMBER]!, number) === 0) continue
        words[2 * kept + NUMBER] = number
        kept++
      }
      from = to
    }
    return kept
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
