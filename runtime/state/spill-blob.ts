/*
 * A whole entry as one value in the spill store, never anywhere else:
 *
 *   flags, epoch, [first timer (f64), length, the entry's row], then each map state: ordinal, count, each cell:
 *     key, flags, epoch, [length, the cell's row unless it is deleted]
 *
 * Epochs say which checkpoint a change belongs to when the entry is back: see #addCell, and install in spill.ts.
 */
import type { Key } from '../contract/key.js'
import { mapKeyOf } from '../codec/map-key.js'
import { ValueReader } from '../codec/value-reader.js'
import { ValueWriter } from '../codec/value-writer.js'
import { EVENT_TIME, firstTimer, PROCESSING_TIME, type TimerKind } from './entry-timers.js'
import type { EntryTable } from './entry-table.js'
import type { RowTarget } from './entry-encoder.js'
import { DELETED, MapCell, MapValue } from './map-value.js'
import { type Page, STORED } from './page.js'
import type { RowCodec } from './row-codec.js'
import type { Snapshot } from './snapshot.js'

const WAS_STORED = 1
const HAS_ROW = 2
const WAS_DELETED = 2

/** Encodes entries for the spill store and back. Slot thread. */
export class SpillBlobs {
  readonly #table: EntryTable
  readonly #codec: RowCodec
  readonly #snapshot: Snapshot
  readonly #writer = new ValueWriter(1024)
  readonly #rows = new ValueWriter(1024)
  readonly #reader = new ValueReader()
  readonly #rowReader = new ValueReader()

  constructor(table: EntryTable, codec: RowCodec, snapshot: Snapshot) {
    this.#table = table
    this.#codec = codec
    this.#snapshot = snapshot
  }

  encode(page: Page, slot: number): Uint8Array {
    const writer = this.#writer
    const rows = this.#rows
    writer.reset()
    const empty = this.#table.isEmpty(page, slot)
    writer.writeVarint(((page.marks[slot]! & STORED) === 0 ? 0 : WAS_STORED) + (empty ? 0 : HAS_ROW))
    writer.writeVarint(page.epochs[slot]!)
    if (!empty) {
      rows.reset()
      this.#codec.encode(page, slot, rows)
      writer.writeF64(Math.min(firstTimer(page, slot, EVENT_TIME), firstTimer(page, slot, PROCESSING_TIME)))
      writer.writeBytes(rows.bytes())
    }
    for (const column of this.#table.layout.columns) {
      const map = page.values[column.index]![slot]
      if (!(map instanceof MapValue)) continue
      writer.writeVarint(column.ordinal)
      writer.writeVarint(map.cells.size)
      for (const cell of map.cells.values()) {
        const deleted = cell.value === DELETED
        writer.writeValue(cell.key)
        writer.writeVarint((cell.stored ? WAS_STORED : 0) + (deleted ? WAS_DELETED : 0))
        writer.writeVarint(cell.epoch)
        if (deleted) continue
        rows.reset()
        this.#codec.encodeCell(column, cell, page, slot, rows)
        writer.writeBytes(rows.bytes())
      }
    }
    return writer.take()
  }

  /** Reads a blob into an entry without content. Returns the epoch of the entry's last change; sets its mark STORED. */
  decode(blob: Uint8Array, page: Page, slot: number, timer: (kind: TimerKind, time: number) => void): number {
    const reader = this.#reader
    reader.setSource(blob)
    const flags = reader.readVarint()
    const epoch = reader.readVarint()
    if ((flags & HAS_ROW) !== 0) {
      reader.readF64()
      const length = reader.readVarint()
      this.#rowReader.setSource(blob, reader.position, reader.position + length)
      this.#codec.decode(page, slot, this.#rowReader, timer)
      reader.position += length
    }
    if ((flags & HAS_ROW) !== 0 ? this.#wasStored(flags, epoch) : this.#owesTombstone(flags, epoch))
      page.marks[slot]! |= STORED
    while (reader.remaining > 0) this.#decodeMap(reader, page, slot, epoch)
    return epoch
  }

  /** Emits the rows of a blob that belong to the frozen checkpoint. */
  emitFrozen(blob: Uint8Array, rowKey: Uint8Array, { rows, numbers, bit }: RowTarget): void {
    const reader = this.#reader
    reader.setSource(blob)
    const flags = reader.readVarint()
    const epoch = reader.readVarint()
    const first = (flags & HAS_ROW) === 0 ? Infinity : reader.readF64()
    const row = (flags & HAS_ROW) === 0 ? undefined : reader.readBytes()
    if (!this.#isFrozen(epoch)) return
    if (row !== undefined) numbers.push(2 * rows.rowOf(rows.putKeyBytes(rowKey), row, first) + bit)
    else if ((flags & WAS_STORED) !== 0) numbers.push(2 * rows.tombstone(rows.putKeyBytes(rowKey)) + bit)
    while (reader.remaining > 0) {
      const ordinal = reader.readVarint()
      for (let left = reader.readVarint(); left > 0; left--) {
        const key = reader.readValue() as Key
        const cellFlags = reader.readVarint()
        const frozen = this.#isFrozen(reader.readVarint())
        const value = (cellFlags & WAS_DELETED) === 0 ? reader.readBytes() : undefined
        if (!frozen) continue
        const from = rows.putKeyBytes(rowKey)
        rows.putCell(ordinal, key)
        numbers.push(2 * (value === undefined ? rows.tombstone(from) : rows.rowOf(from, value, Infinity)) + bit)
      }
    }
  }

  #decodeMap(reader: ValueReader, page: Page, slot: number, entryEpoch: number): void {
    const column = this.#table.layout.columnOf(reader.readVarint())!
    const map = new MapValue()
    for (let left = reader.readVarint(); left > 0; left--) {
      const key = reader.readValue() as Key
      const flags = reader.readVarint()
      const epoch = reader.readVarint()
      const stored = this.#wasStored(flags, epoch)
      if ((flags & WAS_DELETED) !== 0) {
        if (epoch <= this.#snapshot.completedEpoch) continue
        this.#addCell(map, new MapCell(key, mapKeyOf(key), DELETED, 0, epoch, stored), entryEpoch)
        continue
      }
      reader.readVarint()
      const { value, stamp } = this.#codec.decodeCell(reader)
      this.#addCell(map, new MapCell(key, mapKeyOf(key), value, stamp, epoch, stored), entryEpoch)
      map.live++
    }
    this.#table.items[column.index]! += map.live
    if (map.cells.size > 0) page.values[column.index]![slot] = map
  }

  #addCell(map: MapValue, cell: MapCell, entryEpoch: number): void {
    const { completedEpoch, frozenEpoch, pending } = this.#snapshot
    map.cells.set(cell.mapKey, cell)
    if (cell.epoch <= completedEpoch) cell.epoch = 0
    else if (pending === undefined || cell.epoch > frozenEpoch) {
      cell.epoch = this.#table.epoch
      map.changed.push(cell)
    } else if (entryEpoch <= frozenEpoch) map.changed.push(cell)
    else map.pending.push(cell)
  }

  #isFrozen(epoch: number): boolean {
    return epoch > this.#snapshot.completedEpoch && epoch <= this.#snapshot.frozenEpoch
  }

  #owesTombstone(flags: number, epoch: number): boolean {
    return (flags & WAS_STORED) !== 0 && epoch > this.#snapshot.completedEpoch
  }

  /** What was changed before the last freeze may have been written by it. */
  #wasStored(flags: number, epoch: number): boolean {
    return (flags & WAS_STORED) !== 0 || (epoch > 0 && epoch <= this.#snapshot.frozenEpoch)
  }
}
