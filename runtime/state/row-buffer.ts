/*
 * Encoded rows, in the order they were encoded: keys in one buffer, values in another, five offsets and a time for each row.
 *
 *   row key of an entry      hash of the key's bytes (u32 big-endian) | key
 *   row key of a map's cell  the same | state ordinal (u16 big-endian) | the cell's key
 *
 * Keys are self-delimiting, so the two cannot be confused, and an entry's row comes before its cells.
 */
import { encodeKey, keyLength } from '../codec/key-codec.js'
import { hashKeyBytes } from '../codec/key-group.js'
import { ValueWriter } from '../codec/value-writer.js'
import type { Key } from '../contract/key.js'

/** Bytes of the hash in front of a row key. */
export const HASH_BYTES = 4
/** Bytes of the state ordinal behind it, in rows of map states. */
export const ORDINAL_BYTES = 2
/** {@link RowBuffer.minTimer} of a tombstone. */
const TOMBSTONE = NaN

/** Rows being encoded; grows as needed. One thread. */
export class RowBuffer {
  readonly values: ValueWriter
  count = 0
  keys: Uint8Array
  keyEnd = 0
  readonly #initial: number
  #offsets = new Uint32Array(4 * 16)
  #hashes = new Uint32Array(16)
  #minTimers = new Float64Array(16)

  /** `bytes` is where its buffers start. */
  constructor(bytes: number) {
    this.#initial = bytes
    this.values = new ValueWriter(bytes)
    this.keys = new Uint8Array(bytes)
  }

  /** Forgets the rows; keeps the space. */
  reset(): void {
    this.count = 0
    this.keyEnd = 0
    this.values.reset()
    if (this.keys.length > 64 * this.#initial) this.keys = new Uint8Array(this.#initial)
  }

  /** Appends an entry's row key; returns where it begins. */
  putKey(key: Key): number {
    const from = this.keyEnd
    this.#room(HASH_BYTES + roomFor(key))
    const keys = this.keys
    const end = encodeKey(key, keys, from + HASH_BYTES)
    const hash = hashKeyBytes(keys, from + HASH_BYTES, end)
    keys[from] = hash >>> 24
    keys[from + 1] = hash >>> 16
    keys[from + 2] = hash >>> 8
    keys[from + 3] = hash
    this.keyEnd = end
    return from
  }

  /** Appends a copy of keys[from, to). */
  repeatKey(from: number, to: number): number {
    const at = this.keyEnd
    this.#room(to - from)
    this.keys.copyWithin(at, from, to)
    this.keyEnd = at + to - from
    return at
  }

  /** Appends a row key's bytes. */
  putKeyBytes(rowKey: Uint8Array): number {
    const at = this.keyEnd
    this.#room(rowKey.length)
    this.keys.set(rowKey, at)
    this.keyEnd = at + rowKey.length
    return at
  }

  /** Makes the row key at the end one of a map's cell. */
  putCell(ordinal: number, key: Key): void {
    this.#room(ORDINAL_BYTES + roomFor(key))
    this.keys[this.keyEnd] = ordinal >>> 8
    this.keys[this.keyEnd + 1] = ordinal
    this.keyEnd = encodeKey(key, this.keys, this.keyEnd + ORDINAL_BYTES)
  }

  /** Ends a row: its key began at `keyFrom`, its value at `valueFrom`. Returns its number. */
  row(keyFrom: number, valueFrom: number, minTimer: number): number {
    const at = this.count
    if (at === this.#hashes.length) this.#grow()
    const keys = this.keys
    this.#offsets[4 * at] = keyFrom
    this.#offsets[4 * at + 1] = this.keyEnd
    this.#offsets[4 * at + 2] = valueFrom
    this.#offsets[4 * at + 3] = this.values.length
    this.#hashes[at] =
      (keys[keyFrom]! << 24) | (keys[keyFrom + 1]! << 16) | (keys[keyFrom + 2]! << 8) | keys[keyFrom + 3]!
    this.#minTimers[at] = minTimer
    this.count = at + 1
    return at
  }

  /** Ends a row with a value that was encoded before. */
  rowOf(keyFrom: number, value: Uint8Array, minTimer: number): number {
    this.values.writeBytes(value)
    return this.row(keyFrom, this.values.length - value.length, minTimer)
  }

  tombstone(keyFrom: number): number {
    return this.row(keyFrom, this.values.length, TOMBSTONE)
  }

  keyFrom(row: number): number {
    return this.#offsets[4 * row]!
  }

  keyTo(row: number): number {
    return this.#offsets[4 * row + 1]!
  }

  valueFrom(row: number): number {
    return this.#offsets[4 * row + 2]!
  }

  valueTo(row: number): number {
    return this.#offsets[4 * row + 3]!
  }

  hash(row: number): number {
    return this.#hashes[row]!
  }

  isTombstone(row: number): boolean {
    return this.#minTimers[row] !== this.#minTimers[row]
  }

  /** The earliest timer of the row's entry; Infinity when it has none. */
  minTimer(row: number): number {
    return this.#minTimers[row]!
  }

  #grow(): void {
    const size = 2 * this.#hashes.length
    this.#offsets = grown(this.#offsets, new Uint32Array(4 * size))
    this.#hashes = grown(this.#hashes, new Uint32Array(size))
    this.#minTimers = grown(this.#minTimers, new Float64Array(size))
  }

  #room(bytes: number): void {
    const needed = this.keyEnd + bytes
    if (needed <= this.keys.length) return
    this.keys = grown(this.keys, new Uint8Array(Math.max(needed, 2 * this.keys.length)))
  }
}

/** Room enough for a key: quickly, for strings. */
function roomFor(key: Key): number {
  return typeof key === 'string' ? 3 * key.length + 2 : keyLength(key)
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(from: T, into: T): T {
  into.set(from)
  return into
}
