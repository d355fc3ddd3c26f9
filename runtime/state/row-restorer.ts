import { KeyDecoder } from '../codec/key-decoder.js'
import { type MapKey, mapKeyOf } from '../codec/map-key.js'
import { ValueReader } from '../codec/value-reader.js'
import { MillraceError } from '../contract/errors.js'
import type { Key } from '../contract/key.js'
import type { EntryTable } from './entry-table.js'
import { NO_ENTRY } from './entry-table.js'
import { clearTimers } from './entry-timers.js'
import type { KeyedTimers } from './keyed-timers.js'
import { MapCell, MapValue } from './map-value.js'
import { type Page, SAME, STORED } from './page.js'
import { PAGE_BITS, PAGE_MASK } from './page-size.js'
import { HASH_BYTES, ORDINAL_BYTES } from './row-buffer.js'
import type { RowCodec } from './row-codec.js'

/** Turns rows of a checkpoint into entries again: {@link look} at a row, then {@link take} it or leave it. Touches no current key. */
export class RowRestorer {
  readonly #uid: string
  readonly #table: EntryTable
  readonly #timers: KeyedTimers
  readonly #codec: RowCodec
  readonly #keys = new KeyDecoder()
  readonly #reader = new ValueReader()
  #keyGroup = 0
  #key: Key = ''
  #mapKey: MapKey = ''
  #rowKey: Uint8Array = new Uint8Array(0)
  #keyEnd = 0
  #rowEnd = 0

  constructor(uid: string, table: EntryTable, timers: KeyedTimers, codec: RowCodec) {
    this.#uid = uid
    this.#table = table
    this.#timers = timers
    this.#codec = codec
  }

  /** Decodes the key of a row whose own key is `bytes[from..to)`. */
  look(keyGroup: number, bytes: Uint8Array, from: number, to: number): MapKey {
    const key = this.#keys.decode(bytes, from + HASH_BYTES, to)
    this.#keyGroup = keyGroup
    this.#mapKey = mapKeyOf(key)
    this.#key = typeof key === 'number' ? this.#mapKey : key
    this.#rowKey = bytes
    this.#keyEnd = this.#keys.end
    this.#rowEnd = to
    return this.#mapKey
  }

  /**
   * Restores the row looked at, the newest of its key, whose value is `bytes[from..to)`. An entry's row and those of its map cells may come
   * in any order. `mark`: TOUCHED when it is going to be used.
   */
  take(bytes: Uint8Array, from: number, to: number, mark: number): void {
    this.#reader.setSource(bytes, from, to)
    if (this.#keyEnd === this.#rowEnd) this.#restoreEntry(mark)
    else this.#restoreCell(mark)
  }

  #restoreEntry(mark: number): void {
    const table = this.#table
    const id = this.#open(mark)
    const page = table.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
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
    table.freeIfGone(id)
  }

  #restoreCell(mark: number): void {
    const table = this.#table
    const at = this.#keyEnd
    const rowKey = this.#rowKey
    if (at + ORDINAL_BYTES >= this.#rowEnd) throw this.#corrupt('a row key that ends too early')
    const column = table.layout.columnOf((rowKey[at]! << 8) | rowKey[at + 1]!)
    if (column === undefined) return
    if (column.kind !== 'map') throw this.#corrupt(`a map's row for state '${column.name}'`)
    const key = this.#keys.decode(rowKey, at + ORDINAL_BYTES, this.#rowEnd)
    const { value, stamp } = this.#codec.decodeCell(this.#reader)
    const id = this.#open(mark)
    const values = table.pages[id >>> PAGE_BITS]!.values[column.index]!
    const slot = id & PAGE_MASK
    const map = (values[slot] as MapValue | undefined) ?? new MapValue()
    values[slot] = map
    const cell = new MapCell(key, mapKeyOf(key), value, stamp, 0, true)
    map.cells.set(cell.mapKey, cell)
    map.live++
    table.items[column.index]!++
  }

  /** The entry of the key, a new one if there is none; it does not count as changed. */
  #open(mark: number): number {
    const table = this.#table
    const group = table.groupOf(this.#keyGroup)
    let id = group.ids.get(this.#mapKey)
    if (id === NO_ENTRY) id = table.allocate(group, this.#mapKey, this.#key)
    const page: Page = table.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    page.marks[slot] = (page.marks[slot]! | mark) & ~SAME
    return id
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
