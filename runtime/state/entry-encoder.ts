import type { Key } from '../contract/key.js'
import type { Clock } from '../contract/time.js'
import { EVENT_TIME, firstTimer, PROCESSING_TIME } from './entry-timers.js'
import type { EntryTable } from './entry-table.js'
import type { IdList } from './id-list.js'
import { DELETED, type MapCell, MapValue } from './map-value.js'
import { ENCODED, type Page, STORED } from './page.js'
import type { RowBuffer } from './row-buffer.js'
import type { RowCodec } from './row-codec.js'
import type { StateColumn } from './state-layout.js'

/** A buffer and the list that numbers of its rows go to, as {@link SortedRows} wants them: 2 * row + `bit`. */
export interface RowTarget {
  readonly rows: RowBuffer
  readonly numbers: IdList
  readonly bit: 0 | 1
}

/** Turns a changed entry into the rows and tombstones that a checkpoint needs of it. */
export class EntryEncoder {
  readonly #table: EntryTable
  readonly #codec: RowCodec
  readonly #clock: Clock
  readonly #maps: readonly StateColumn[]

  constructor(table: EntryTable, codec: RowCodec, clock: Clock) {
    this.#table = table
    this.#codec = codec
    this.#clock = clock
    this.#maps = table.layout.columns.filter((column) => column.kind === 'map')
  }

  /**
   * Encodes the entry's own row and its changed cells, and marks it ENCODED. Expired values are dropped on the way. True when the entry
   * has to be looked at again once the checkpoint is complete: it is empty, or cells of it are.
   */
  encode(page: Page, slot: number, target: RowTarget): boolean {
    const { rows } = target
    this.#codec.expire(page, slot)
    const keyFrom = rows.putKey(page.keys[slot]!)
    const keyTo = rows.keyEnd
    const empty = this.#table.isEmpty(page, slot)
    if (!empty) {
      const valueFrom = rows.values.length
      this.#codec.encode(page, slot, rows.values)
      const first = Math.min(firstTimer(page, slot, EVENT_TIME), firstTimer(page, slot, PROCESSING_TIME))
      target.numbers.push(2 * rows.row(keyFrom, valueFrom, first) + target.bit)
      page.marks[slot]! |= STORED
    } else if ((page.marks[slot]! & STORED) !== 0) {
      target.numbers.push(2 * rows.tombstone(keyFrom) + target.bit)
    }
    page.marks[slot]! |= ENCODED
    let again = empty
    for (let i = 0; i < this.#maps.length; i++) {
      const map = page.values[this.#maps[i]!.index]![slot]
      if (map instanceof MapValue && this.#encodeCells(this.#maps[i]!, map, page, slot, target, keyFrom, keyTo))
        again = true
    }
    return again
  }

  #encodeCells(
    column: StateColumn,
    map: MapValue,
    page: Page,
    slot: number,
    target: RowTarget,
    keyFrom: number,
    keyTo: number,
  ): boolean {
    const deadline = this.#clock.now() - column.ttlMs
    const cells = map.changed
    map.changed = []
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i]!
      if (cell.value !== DELETED && column.ttlMs !== Infinity && cell.stamp <= deadline) {
        map.delete(cell, cell.epoch)
        this.#table.items[column.index]!--
      }
      if (cell.value === DELETED && !cell.stored) continue
      this.#encodeCell(column, cell, page, slot, target, keyFrom, keyTo)
      cell.stored = true
      map.pending.push(cell)
    }
    return map.pending.length > 0 || map.cells.size === 0
  }

  #encodeCell(
    column: StateColumn,
    cell: MapCell,
    page: Page,
    slot: number,
    { rows, numbers, bit }: RowTarget,
    keyFrom: number,
    keyTo: number,
  ): void {
    const from = rows.repeatKey(keyFrom, keyTo)
    rows.putCell(column.ordinal, cell.key)
    if (cell.value === DELETED) {
      numbers.push(2 * rows.tombstone(from) + bit)
      return
    }
    const valueFrom = rows.values.length
    this.#codec.encodeCell(column, cell, page, slot, rows.values)
    numbers.push(2 * rows.row(from, valueFrom, Infinity) + bit)
  }
}

/** The bytes of a key as they begin a row, for one row at a time. */
export function rowKeyOf(rows: RowBuffer, key: Key): Uint8Array {
  rows.reset()
  rows.putKey(key)
  return rows.keys.subarray(0, rows.keyEnd)
}
