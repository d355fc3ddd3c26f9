/*
 * The value of an entry's row:
 *
 *   number of timers, each: kind | 2 when it has a namespace, time (f64), namespace (f64)
 *   then until the end, each state that has a value: 2 * ordinal | 1 when write times are kept
 *     value, reducing, aggregating   [write time] value
 *     list                           length, each element: [write time] value
 *     panes                          count, each: pane (f64), value
 *
 * The value of a map cell's row: 1 when the write time is kept else 0, [write time], value.
 * Stored for ever, like the value codec: a change is a new version of it.
 */
import { ValueReader } from '../codec/value-reader.js'
import type { ValueWriter } from '../codec/value-writer.js'
import { MillraceError } from '../contract/errors.js'
import type { Clock } from '../contract/time.js'
import { addTimer, countTimers, eachTimer, type TimerKind } from './entry-timers.js'
import type { EntryTable } from './entry-table.js'
import { ListValue } from './list-value.js'
import { DELETED, type MapCell, MapValue } from './map-value.js'
import { MANY_PANES, NO_PANE, type Page } from './page.js'
import { PaneList } from './pane-list.js'
import type { StateColumn } from './state-layout.js'

const STAMPED = 1
const SPACED = 2

/** Encodes entries as rows and back. Slot thread. */
export class RowCodec {
  readonly #table: EntryTable
  readonly #clock: Clock
  readonly #uid: string
  readonly #expiring: readonly StateColumn[]
  readonly #timerReader = new ValueReader()

  #writer: ValueWriter | undefined = undefined
  readonly #writeTimer = (kind: TimerKind, time: number, space: number): void => {
    const writer = this.#writer!
    writer.writeVarint(space === 0 ? kind : kind | SPACED)
    writer.writeF64(time)
    if (space !== 0) writer.writeF64(space)
  }

  constructor(uid: string, table: EntryTable, clock: Clock) {
    this.#uid = uid
    this.#table = table
    this.#clock = clock
    this.#expiring = table.layout.columns.filter((column) => column.ttlMs !== Infinity)
  }

  /** Whether an entry holds something that has outlived its time, map cells included. */
  hasExpired(page: Page, slot: number): boolean {
    for (const column of this.#expiring) {
      const value = page.values[column.index]![slot]
      if (value === undefined) continue
      const deadline = this.#clock.now() - column.ttlMs
      if (value instanceof ListValue) {
        if (value.hasExpired(deadline)) return true
      } else if (value instanceof MapValue) {
        for (const cell of value.cells.values()) if (cell.value !== DELETED && cell.stamp <= deadline) return true
      } else if (page.stamps[column.index]![slot]! <= deadline) return true
    }
    return false
  }

  /** Drops what has outlived its time in an entry, but for map cells. */
  expire(page: Page, slot: number): void {
    for (const column of this.#expiring) {
      const values = page.values[column.index]!
      const value = values[slot]
      if (value === undefined || value instanceof MapValue) continue
      const deadline = this.#clock.now() - column.ttlMs
      if (value instanceof ListValue) {
        this.#table.items[column.index]! -= value.expire(deadline)
        if (value.items.length === 0) values[slot] = undefined
      } else if (page.stamps[column.index]![slot]! <= deadline) {
        this.#table.items[column.index]!--
        values[slot] = undefined
      }
    }
  }

  /** Appends the row of an entry. Throws MILLRACE_VALUE naming the state and the key. */
  encode(page: Page, slot: number, writer: ValueWriter): void {
    writer.writeVarint(countTimers(page, slot))
    this.#writer = writer
    eachTimer(page, slot, this.#writeTimer)
    for (const column of this.#table.layout.columns) {
      try {
        this.#encodeState(column, page, slot, writer)
      } catch (error) {
        throw this.#explain(error, column, page, slot)
      }
    }
  }

  /** Appends the row of a map's cell that is not deleted. */
  encodeCell(column: StateColumn, cell: MapCell, page: Page, slot: number, writer: ValueWriter): void {
    const stamped = column.ttlMs !== Infinity
    writer.writeVarint(stamped ? STAMPED : 0)
    if (stamped) writer.writeF64(cell.stamp)
    try {
      writer.writeValue(cell.value)
    } catch (error) {
      throw this.#explain(error, column, page, slot)
    }
  }

  /** Reads a row into an entry without content. Timers are handed to `timer`, too. */
  decode(page: Page, slot: number, reader: ValueReader, timer: (kind: TimerKind, time: number) => void): void {
    for (let left = reader.readVarint(); left > 0; left--) {
      const head = reader.readVarint()
      const kind = (head & 1) as TimerKind
      const time = reader.readF64()
      addTimer(page, slot, kind, time, (head & SPACED) === 0 ? 0 : reader.readF64())
      timer(kind, time)
    }
    while (reader.remaining > 0) {
      const head = reader.readVarint()
      const ordinal = Math.floor(head / 2)
      const column = this.#table.layout.columnOf(ordinal)
      this.#decodeState(column, this.#table.layout.kindOf(ordinal), (head & STAMPED) !== 0, page, slot, reader)
      if (column !== undefined) this.#table.items[column.index]! += this.#table.itemsOf(page, slot, column.index)
    }
  }

  /** The earliest timer of a kind in an entry's row, which is `bytes[from..to)`; Infinity when it has none. */
  firstTimer(kind: TimerKind, bytes: Uint8Array, from: number, to: number): number {
    const reader = this.#timerReader
    reader.setSource(bytes, from, to)
    let first = Infinity
    for (let left = reader.readVarint(); left > 0; left--) {
      const head = reader.readVarint()
      const time = reader.readF64()
      if ((head & SPACED) !== 0) reader.readF64()
      if ((head & 1) === kind && time < first) first = time
    }
    return first
  }

  /** Reads a map cell's row: its value; its write time goes to `stamp`. */
  decodeCell(reader: ValueReader): { readonly value: unknown; readonly stamp: number } {
    const stamped = reader.readVarint() === STAMPED
    const stamp = stamped ? reader.readF64() : this.#clock.now()
    return { value: reader.readValue(), stamp }
  }

  #encodeState(column: StateColumn, page: Page, slot: number, writer: ValueWriter): void {
    const panes = page.panes[column.index]
    if (panes !== undefined) return this.#encodePanes(column, panes[slot]!, page.values[column.index]![slot], writer)
    const value = page.values[column.index]![slot]
    if (value === undefined || column.kind === 'map') return
    const stamped = column.ttlMs !== Infinity
    writer.writeVarint(2 * column.ordinal + (stamped ? STAMPED : 0))
    if (value instanceof ListValue) {
      writer.writeVarint(value.items.length)
      for (let i = 0; i < value.items.length; i++) {
        if (stamped) writer.writeF64(value.stamps![i]!)
        writer.writeValue(value.items[i])
      }
      return
    }
    if (stamped) writer.writeF64(page.stamps[column.index]![slot]!)
    writer.writeValue(value)
  }

  #encodePanes(column: StateColumn, pane: number, value: unknown, writer: ValueWriter): void {
    if (pane !== pane) return
    writer.writeVarint(2 * column.ordinal)
    if (pane !== MANY_PANES) {
      writer.writeVarint(1)
      writer.writeF64(pane)
      writer.writeValue(value)
      return
    }
    const list = value as PaneList
    writer.writeVarint(list.panes.length)
    for (let i = 0; i < list.panes.length; i++) {
      writer.writeF64(list.panes[i]!)
      writer.writeValue(list.values[i])
    }
  }

  #decodeState(
    column: StateColumn | undefined,
    kind: string,
    stamped: boolean,
    page: Page,
    slot: number,
    reader: ValueReader,
  ): void {
    if (kind === 'list') {
      const list = this.#readList(stamped, reader, column !== undefined && column.ttlMs !== Infinity)
      if (column !== undefined) page.values[column.index]![slot] = list
      return
    }
    if (kind === 'panes') {
      const list = readPanes(reader)
      if (column === undefined) return
      const single = list.panes.length === 1
      page.panes[column.index]![slot] = single ? list.panes[0]! : list.panes.length === 0 ? NO_PANE : MANY_PANES
      page.values[column.index]![slot] = single ? list.values[0] : list.panes.length === 0 ? undefined : list
      return
    }
    const stamp = stamped ? reader.readF64() : this.#clock.now()
    const value = reader.readValue()
    if (column === undefined) return
    page.values[column.index]![slot] = value
    if (column.stamped) page.stamps[column.index]![slot] = stamp
  }

  #readList(stamped: boolean, reader: ValueReader, keepStamps: boolean): ListValue {
    const items: unknown[] = []
    const stamps: number[] = []
    for (let left = reader.readVarint(); left > 0; left--) {
      stamps.push(stamped ? reader.readF64() : this.#clock.now())
      items.push(reader.readValue())
    }
    return new ListValue(items, keepStamps ? stamps : undefined)
  }

  #explain(error: unknown, column: StateColumn, page: Page, slot: number): unknown {
    if (!(error instanceof MillraceError) || error.code !== 'MILLRACE_VALUE') return error
    const key = String(page.keys[slot])
    const where = `state '${column.name}' of operator '${this.#uid}', key '${key.length > 60 ? `${key.slice(0, 57)}...` : key}'`
    return new MillraceError(
      'MILLRACE_VALUE',
      `${where}: ${error.message}`,
      error.hint === undefined ? {} : { hint: error.hint },
    )
  }
}

function readPanes(reader: ValueReader): PaneList {
  const list = new PaneList()
  for (let left = reader.readVarint(); left > 0; left--) {
    list.panes.push(reader.readF64())
    list.values.push(reader.readValue())
  }
  return list
}
