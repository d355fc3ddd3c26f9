import type { Clock } from '../contract/time.js'
import type { EntryTable } from './entry-table.js'
import { DELETED, MapValue } from './map-value.js'
import { PAGE_BITS, PAGE_MASK, PAGE_SIZE } from './page-size.js'
import type { RowCodec } from './row-codec.js'

/** Drops what nobody reads any more and has outlived its time, some slots at a time; in memory only. */
export class ExpirySweep {
  readonly #table: EntryTable
  readonly #codec: RowCodec
  readonly #clock: Clock
  readonly #hasExpiry: boolean
  #hand = 0

  constructor(table: EntryTable, codec: RowCodec, clock: Clock) {
    this.#table = table
    this.#codec = codec
    this.#clock = clock
    this.#hasExpiry = table.layout.columns.some((column) => column.ttlMs !== Infinity)
  }

  /** Looks at the next `slots` slots. Not while a key is current. */
  sweep(slots: number): void {
    const table = this.#table
    if (!this.#hasExpiry || table.pages.length === 0) return
    const all = table.pages.length * PAGE_SIZE
    for (let i = 0; i < slots; i++) {
      const id = this.#hand
      this.#hand = (id + 1) % all
      if (table.pages[id >>> PAGE_BITS]!.keys[id & PAGE_MASK] !== undefined) this.#sweepEntry(id)
    }
    table.clearCurrent()
  }

  #sweepEntry(id: number): void {
    const table = this.#table
    const page = table.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    if (!this.#codec.hasExpired(page, slot)) return
    const tracking = table.tracking
    table.tracking = false
    table.setCurrentId(id)
    table.tracking = tracking
    table.write()
    this.#codec.expire(page, slot)
    for (const column of table.layout.columns) {
      const map = page.values[column.index]![slot]
      if (!(map instanceof MapValue) || column.ttlMs === Infinity) continue
      const deadline = this.#clock.now() - column.ttlMs
      for (const cell of [...map.cells.values()]) {
        if (cell.value === DELETED || cell.stamp > deadline) continue
        map.delete(cell, table.epoch)
        table.items[column.index]!--
      }
      if (map.cells.size === 0) page.values[column.index]![slot] = undefined
    }
    table.mayBeEmpty = true
  }
}
