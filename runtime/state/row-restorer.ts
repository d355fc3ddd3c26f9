import { KeyDecoder } from '../codec/key-decoder.js'
import { mapKeyOf } from '../codec/map-key.js'
import { ValueReader } from '../codec/value-reader.js'
import { MillraceError } from '../contract/errors.js'
import type { EntryTable } from './entry-table.js'
import { NO_ENTRY } from './entry-table.js'
import { clearTimers } from './entry-timers.js'
import type { KeyedTimers } from './keyed-timers.js'
import { MapCell, MapValue } from './map-value.js'
import { SAME, STORED, TOUCHED } from './page.js'
import { HASH_BYTES, ORDINAL_BYTES } from './row-buffer.js'
import type { RowCodec } from './row-codec.js'

/** Turns rows of a checkpoint into entries again. */
export class RowRestorer {
  readonly #uid: string
  readonly #table: EntryTable
  readonly #timers: KeyedTimers
  readonly #codec: RowCodec
  readonly #keys = new KeyDecoder()
  readonly #reader = new ValueReader()

  constructor(uid: string, table: EntryTable, timers: KeyedTimers, codec: RowCodec) {
    this.#uid = uid
    this.#table = table
    this.#timers = timers
    this.#codec = codec
  }

  /** Takes a row, the newest of its key. An entry's row and those of its map cells may come in any order. */
  restore(keyGroup: number, rowKey: Uint8Array, value: Uint8Array): void {
    const table = this.#table
    const key = this.#keys.decode(rowKey, HASH_BYTES)
    const at = this.#keys.end
    this.#reader.setSource(value)
    table.setCurrent(key, keyGroup)
    if (at === rowKey.length) this.#restoreEntry()
    else this.#restoreCell(rowKey, at)
    table.clearCurrent()
  }

  #restoreEntry(): void {
    const table = this.#table
    this.#open()
    const { page, slot, id } = table
    if (!table.isEmpty(page, slot)) throw this.#corrupt('two rows of one key')
    clearTimers(page, slot)
    this.#codec.decode(page, slot, this.#reader, (kind, time) => {
      this.#timers.counts[kind]++
      this.#timers.indexes[kind].add(time, id)
    })
    page.marks[slot]! |= STORED
    if (!table.isEmpty(page, slot)) return
    // All that the row held was dropped from the job.
    page.marks[slot]! &= ~STORED
    table.mayBeEmpty = true
  }

  #restoreCell(rowKey: Uint8Array, at: number): void {
    const table = this.#table
    if (at + ORDINAL_BYTES >= rowKey.length) throw this.#corrupt('a row key that ends too early')
    const column = table.layout.columnOf((rowKey[at]! << 8) | rowKey[at + 1]!)
    if (column === undefined) return
    if (column.kind !== 'map') throw this.#corrupt(`a map's row for state '${column.name}'`)
    const key = this.#keys.decode(rowKey, at + ORDINAL_BYTES)
    const { value, stamp } = this.#codec.decodeCell(this.#reader)
    this.#open()
    const values = table.page.values[column.index]!
    const map = (values[table.slot] as MapValue | undefined) ?? new MapValue()
    values[table.slot] = map
    const cell = new MapCell(key, mapKeyOf(key), value, stamp, 0, true)
    map.cells.set(cell.mapKey, cell)
    map.live++
    table.items[column.index]!++
  }

  /** Selects the entry of the current key, a new one if there is none; it does not count as changed. */
  #open(): void {
    const table = this.#table
    const key = table.key!
    if (table.id === NO_ENTRY) table.select(table.allocate(table.group, mapKeyOf(key), key))
    table.page.marks[table.slot] = (table.page.marks[table.slot]! | TOUCHED) & ~SAME
  }

  #corrupt(what: string): MillraceError {
    return new MillraceError(
      'MILLRACE_CORRUPT',
      `the checkpoint of operator '${this.#uid}' cannot be restored: it holds ${what}`,
      {
        hint: 'restore another checkpoint',
      },
    )
  }
}
