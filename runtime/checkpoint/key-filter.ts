// A Bloom filter over the positions of a block's rows: about one in a hundred others is taken for one of them. A position, not a key: an
// entry's row and those of its map cells are found by the same one.
import { murmurHash } from '../codec/key-group.js'
import { POSITIONS } from '../codec/row-position.js'
import type { ByteWriter } from './byte-writer.js'

const BITS_PER_KEY = 10
const PROBES = 6

/** Builds the filters of a segment's blocks, one after another. */
export class KeyFilterBuilder {
  #positions = new Float64Array(64)
  #count = 0
  #filter = new Uint8Array(0)

  /** Positions ascend. */
  add(position: number): void {
    if (this.#count > 0 && this.#positions[this.#count - 1] === position) return
    if (this.#count === this.#positions.length) {
      const grown = new Float64Array(2 * this.#count)
      grown.set(this.#positions)
      this.#positions = grown
    }
    this.#positions[this.#count++] = position
  }

  /** Appends the filter of what was added, its length in front, and begins the next one. */
  finish(into: ByteWriter): void {
    const bytes = Math.ceil((this.#count * BITS_PER_KEY) / 8)
    if (this.#filter.length < bytes) this.#filter = new Uint8Array(bytes)
    const filter = this.#filter.subarray(0, bytes).fill(0)
    for (let i = 0; i < this.#count; i++) setBits(filter, this.#positions[i]!)
    this.#count = 0
    into.varint(bytes)
    into.copy(filter, 0, bytes)
  }
}

/** Whether a block may hold rows at that position. */
export function mayHold(filter: Uint8Array, position: number): boolean {
  const bits = 8 * filter.length
  const mixed = mix(position)
  const step = murmurHash(~mixed) | 1
  for (let i = 0, hash = murmurHash(mixed); i < PROBES; i++, hash += step) {
    const bit = (hash >>> 0) % bits
    if ((filter[bit >>> 3]! & (1 << (bit & 7))) === 0) return false
  }
  return true
}

function setBits(filter: Uint8Array, position: number): void {
  const bits = 8 * filter.length
  const mixed = mix(position)
  const step = murmurHash(~mixed) | 1
  for (let i = 0, hash = murmurHash(mixed); i < PROBES; i++, hash += step) {
    const bit = (hash >>> 0) % bits
    filter[bit >>> 3]! |= 1 << (bit & 7)
  }
}

function mix(position: number): number {
  return (position % POSITIONS) ^ Math.imul(Math.floor(position / POSITIONS), 0x9e3779b1)
}
