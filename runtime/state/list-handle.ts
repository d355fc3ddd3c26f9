import type { ListState } from '../contract/state.js'
import { NO_ENTRY, type EntryTable } from './entry-table.js'
import { ListValue } from './list-value.js'
import { type StateHost, WriteSampler } from './state-handle.js'
import type { StateColumn } from './state-layout.js'

const EMPTY: readonly never[] = Object.freeze([])

/** What `get` returned is never changed: the list is copied before it grows. With a time to live, each element has its own. */
export class ListHandle<T> implements ListState<T> {
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

  get(): readonly T[] {
    const list = this.#list()
    if (list === undefined) return EMPTY
    list.shared = true
    return list.items as T[]
  }

  add(value: T): void {
    this.#sampler.count(value)
    const list = this.#list()
    const table = this.#table
    table.write()
    table.items[this.#index]!++
    if (list === undefined) {
      table.page.values[this.#index]![table.slot] = new ListValue([value], this.#stamps(1))
      return
    }
    if (list.shared) {
      list.items = list.items.slice()
      list.shared = false
    }
    list.items.push(value)
    list.stamps?.push(this.#host.clock.now())
  }

  update(values: readonly T[]): void {
    this.clear()
    if (values.length === 0) return
    this.#sampler.count(values[0])
    const table = this.#table
    table.write()
    table.page.values[this.#index]![table.slot] = new ListValue([...values], this.#stamps(values.length))
    table.items[this.#index]! += values.length
  }

  clear(): void {
    const table = this.#table
    if (table.id === NO_ENTRY) return table.absent()
    const list = table.page.values[this.#index]![table.slot] as ListValue | undefined
    if (list === undefined) return
    table.write()
    table.page.values[this.#index]![table.slot] = undefined
    table.items[this.#index]! -= list.items.length
    table.mayBeEmpty = true
  }

  /** The list of the current key without expired elements. */
  #list(): ListValue | undefined {
    const table = this.#table
    if (table.id === NO_ENTRY) return table.absent()
    const list = table.page.values[this.#index]![table.slot] as ListValue | undefined
    if (list === undefined || this.#ttlMs === Infinity) return list
    const gone = list.expire(this.#host.clock.now() - this.#ttlMs)
    if (gone === 0) return list
    table.write()
    table.items[this.#index]! -= gone
    if (list.items.length > 0) return list
    table.page.values[this.#index]![table.slot] = undefined
    table.mayBeEmpty = true
    return undefined
  }

  #stamps(count: number): number[] | undefined {
    return this.#ttlMs === Infinity ? undefined : new Array<number>(count).fill(this.#host.clock.now())
  }
}
