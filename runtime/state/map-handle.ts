import { mapKeyOf } from '../codec/map-key.js'
import { keyLength } from '../codec/key-codec.js'
import type { Key } from '../contract/key.js'
import type { MapState } from '../contract/state.js'
import { copyKey } from './copy-key.js'
import { NO_ENTRY, type EntryTable } from './entry-table.js'
import { DELETED, type MapCell, MapValue } from './map-value.js'
import { type StateHost, WriteSampler } from './state-handle.js'
import type { StateColumn } from './state-layout.js'

/**
 * Cells are rows of their own: writing one does not write the map. Keys are of the listed key types (MILLRACE_KEY otherwise); `entries`
 * are in the order of insertion, but after a restore in that of their bytes. With a time to live, each cell has its own.
 */
export class MapHandle<K, V> implements MapState<K, V> {
  readonly #table: EntryTable
  readonly #host: StateHost
  readonly #index: number
  readonly #ttlMs: number
  readonly #sampler: WriteSampler

  constructor(host: StateHost, column: StateColumn) {
    this.#table = host.table
    this.#host = host
    this.#index = column.index
    this.#ttlMs = column.ttlMs
    this.#sampler = new WriteSampler(host, column)
  }

  get(key: K): V | undefined {
    return this.#cell(key)?.value as V | undefined
  }

  has(key: K): boolean {
    return this.#cell(key) !== undefined
  }

  set(key: K, value: V): void {
    const mapKey = mapKeyOf(key as Key)
    keyLength(key as Key) // refuses lone surrogates
    this.#sampler.count(value)
    const table = this.#table
    table.write()
    const values = table.page.values[this.#index]!
    let map = values[table.slot] as MapValue | undefined
    if (map === undefined) values[table.slot] = map = new MapValue()
    const stamp = this.#ttlMs === Infinity ? 0 : this.#host.clock.now()
    if (map.set(mapKey, copyKey(key as Key), value, stamp, table.epoch)) table.items[this.#index]!++
  }

  delete(key: K): void {
    const cell = this.#cell(key)
    if (cell !== undefined) this.#remove(this.#map()!, cell)
  }

  entries(): Iterable<[K, V]> {
    const entries: [K, V][] = []
    const map = this.#map()
    if (map === undefined) return entries
    const expired: MapCell[] = []
    for (const cell of map.cells.values()) {
      if (cell.value === DELETED) continue
      if (this.#isExpired(cell)) expired.push(cell)
      else entries.push([cell.key as K, cell.value as V])
    }
    for (const cell of expired) this.#remove(map, cell)
    return entries
  }

  isEmpty(): boolean {
    const map = this.#map()
    if (map === undefined || map.live === 0) return true
    if (this.#ttlMs === Infinity) return false
    for (const cell of map.cells.values()) if (cell.value !== DELETED && !this.#isExpired(cell)) return false
    return true
  }

  clear(): void {
    const map = this.#map()
    if (map === undefined) return
    for (const cell of [...map.cells.values()]) if (cell.value !== DELETED) this.#remove(map, cell)
  }

  #map(): MapValue | undefined {
    const table = this.#table
    if (table.id === NO_ENTRY) return table.absent()
    return table.page.values[this.#index]![table.slot] as MapValue | undefined
  }

  /** The cell of a key, neither deleted nor expired. */
  #cell(key: K): MapCell | undefined {
    const map = this.#map()
    const cell = map?.cells.get(mapKeyOf(key as Key))
    if (cell === undefined || cell.value === DELETED) return undefined
    if (!this.#isExpired(cell)) return cell
    this.#remove(map!, cell)
    return undefined
  }

  #remove(map: MapValue, cell: MapCell): void {
    const table = this.#table
    table.write()
    map.delete(cell, table.epoch)
    table.items[this.#index]!--
    if (map.cells.size > 0) return
    table.page.values[this.#index]![table.slot] = undefined
    table.mayBeEmpty = true
  }

  #isExpired(cell: MapCell): boolean {
    return this.#ttlMs !== Infinity && cell.stamp <= this.#host.clock.now() - this.#ttlMs
  }
}
