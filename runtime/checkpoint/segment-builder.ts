// Invariant: rows arrive in strictly ascending (key group, key) order. One growing buffer takes them; nothing is allocated per row.
//
//   out:  | block | block | block being filled |      index: | entry | entry |
//                         ^ blockFrom          ^ length
import { crc32 } from '../codec/crc32.js'
import { MillraceError } from '../contract/errors.js'
import { rowPosition } from '../codec/row-position.js'
import { ByteWriter } from './byte-writer.js'
import { KeyFilterBuilder } from './key-filter.js'
import { BLOCK_BYTES, FOOTER_BYTES, NO_TIMER, SEGMENT_FORMAT, SEGMENT_MAGIC } from './segment-format.js'

/** What takes rows in ascending order: a segment being built, or several in turn. A promise means: wait before the next row. */
export interface RowSink {
  add(
    keyGroup: number,
    key: Uint8Array,
    keyFrom: number,
    keyTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    tombstone: boolean,
    minTimer: number,
  ): void | Promise<void>
}

/** Builds one segment in memory. Any thread. After `finish` it is used up. */
export class SegmentBuilder implements RowSink {
  readonly #out: ByteWriter
  readonly #index: ByteWriter = new ByteWriter(4096)
  readonly #filter = new KeyFilterBuilder()
  readonly #blockBytes: number
  #rows = 0
  #blocks = 0
  #firstKeyGroup = -1
  #lastKeyGroup = -1
  #lastKeyFrom = 0
  #lastKeyTo = 0
  #indexCrc = 0
  #blockFrom = 0
  #blockRows = 0
  #blockKeyGroup = 0
  #blockKeyFrom = 0
  #blockKeyTo = 0
  #blockTimer = NO_TIMER

  /** `expectedBytes` sizes the first buffer. */
  constructor(expectedBytes: number = 64 * 1024, blockBytes: number = BLOCK_BYTES) {
    this.#out = new ByteWriter(expectedBytes)
    this.#blockBytes = blockBytes
  }

  get rows(): number {
    return this.#rows
  }

  /** Of rows and index so far, about what `finish` will return. */
  get bytes(): number {
    return this.#out.length + this.#index.length
  }

  /** -1 while it is empty. */
  get firstKeyGroup(): number {
    return this.#firstKeyGroup
  }

  get lastKeyGroup(): number {
    return this.#lastKeyGroup
  }

  /** After `finish`: what `SegmentRef.crc` holds. */
  get crc(): number {
    return this.#indexCrc
  }

  /**
   * Adds a row; the bytes are copied. A tombstone has no value. `minTimer`: epoch milliseconds of the earliest timer in the row,
   * `NO_TIMER` without one. A row that is not above the last one is MILLRACE_INTERNAL.
   */
  add(
    keyGroup: number,
    key: Uint8Array,
    keyFrom: number,
    keyTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    tombstone: boolean,
    minTimer: number,
  ): void {
    const out = this.#out
    this.#checkOrder(keyGroup, key, keyFrom, keyTo)
    out.u16(keyGroup)
    out.varint((keyTo - keyFrom) * 4 + (minTimer === NO_TIMER ? 0 : 2) + (tombstone ? 1 : 0))
    if (!tombstone) out.varint(valueTo - valueFrom)
    if (minTimer !== NO_TIMER) out.f64(minTimer)
    this.#lastKeyFrom = out.length
    out.copy(key, keyFrom, keyTo)
    this.#lastKeyTo = out.length
    this.#lastKeyGroup = keyGroup
    if (!tombstone) out.copy(value, valueFrom, valueTo)
    if (this.#blockRows++ === 0) this.#openBlock(keyGroup)
    this.#filter.add(rowPosition(keyGroup, key, keyFrom))
    if (minTimer < this.#blockTimer) this.#blockTimer = minTimer
    this.#rows++
    if (out.length - this.#blockFrom >= this.#blockBytes) this.#closeBlock()
  }

  /** The segment's bytes: a view of the builder's buffer. */
  finish(): Uint8Array {
    if (this.#blockRows > 0) this.#closeBlock()
    const out = this.#out
    const index = this.#index.bytes()
    const indexFrom = out.length
    out.copy(index, 0, index.length)
    this.#indexCrc = crc32(index)
    const footerFrom = out.length
    out.u48(indexFrom)
    out.u32(index.length)
    out.u32(this.#blocks)
    out.u48(this.#rows)
    out.u32(this.#indexCrc)
    out.u16(SEGMENT_FORMAT)
    out.u32(crc32(out.bytes(), footerFrom, out.length))
    const magic = Buffer.from(SEGMENT_MAGIC, 'latin1')
    out.copy(magic, 0, magic.length)
    if (out.length - footerFrom !== FOOTER_BYTES)
      throw new MillraceError('MILLRACE_INTERNAL', 'segment footer has another size')
    return out.bytes()
  }

  #openBlock(keyGroup: number): void {
    this.#blockKeyGroup = keyGroup
    this.#blockKeyFrom = this.#lastKeyFrom
    this.#blockKeyTo = this.#lastKeyTo
    if (this.#firstKeyGroup < 0) this.#firstKeyGroup = keyGroup
  }

  #closeBlock(): void {
    const bytes = this.#out.bytes()
    const index = this.#index
    index.u16(this.#blockKeyGroup)
    index.u16(this.#lastKeyGroup)
    index.varint(this.#blockRows)
    index.varint(this.#blockFrom)
    index.varint(bytes.length - this.#blockFrom)
    index.u32(crc32(bytes, this.#blockFrom, bytes.length))
    index.f64(this.#blockTimer)
    index.varint(this.#blockKeyTo - this.#blockKeyFrom)
    index.copy(bytes, this.#blockKeyFrom, this.#blockKeyTo)
    this.#filter.finish(index)
    this.#blocks++
    this.#blockFrom = bytes.length
    this.#blockRows = 0
    this.#blockTimer = NO_TIMER
  }

  #checkOrder(keyGroup: number, key: Uint8Array, keyFrom: number, keyTo: number): void {
    if (keyGroup > this.#lastKeyGroup && keyGroup <= 0xffff) return
    const above =
      keyGroup === this.#lastKeyGroup &&
      compareBytes(key, keyFrom, keyTo, this.#out.buffer, this.#lastKeyFrom, this.#lastKeyTo) > 0
    if (!above)
      throw new MillraceError('MILLRACE_INTERNAL', `segment row ${this.#rows} (key group ${keyGroup}) is out of order`)
  }
}

/** Order of keys: bytes, unsigned, a prefix first. */
export function compareBytes(
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): number {
  const length = Math.min(aTo - aFrom, bTo - bFrom)
  for (let i = 0; i < length; i++) {
    const difference = (a[aFrom + i] as number) - (b[bFrom + i] as number)
    if (difference !== 0) return difference
  }
  return aTo - aFrom - (bTo - bFrom)
}
