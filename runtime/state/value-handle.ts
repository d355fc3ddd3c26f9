import type { AggregatingState, Aggregator, ReducingState, ValueState } from '../contract/state.js'
import { NO_ENTRY, type EntryTable } from './entry-table.js'
import { type StateHost, WriteSampler } from './state-handle.js'
import type { StateColumn } from './state-layout.js'

/** One value per key: where value, reducing and aggregating states keep theirs. `undefined` is no value. */
class SingleValue {
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

  get(): unknown {
    const table = this.#table
    if (table.id === NO_ENTRY) return table.absent()
    const value = table.page.values[this.#index]![table.slot]
    return this.#ttlMs === Infinity || value === undefined ? value : this.#unexpired(value)
  }

  set(value: unknown): void {
    if (value === undefined) return this.clear()
    this.#sampler.count(value)
    const table = this.#table
    table.write()
    const values = table.page.values[this.#index]!
    if (values[table.slot] === undefined) table.items[this.#index]!++
    values[table.slot] = value
    if (this.#ttlMs !== Infinity) table.page.stamps[this.#index]![table.slot] = this.#host.clock.now()
  }

  clear(): void {
    const table = this.#table
    if (table.id === NO_ENTRY) return table.absent()
    if (table.page.values[this.#index]![table.slot] === undefined) return
    table.write()
    table.page.values[this.#index]![table.slot] = undefined
    table.items[this.#index]!--
    table.mayBeEmpty = true
  }

  #unexpired(value: unknown): unknown {
    const table = this.#table
    if (table.page.stamps[this.#index]![table.slot]! > this.#host.clock.now() - this.#ttlMs) return value
    this.clear()
    return undefined
  }
}

/** A value state of the current key. */
export class ValueHandle<T> implements ValueState<T> {
  readonly #value: SingleValue

  constructor(host: StateHost, column: StateColumn) {
    this.#value = new SingleValue(host, column)
  }

  value(): T | undefined {
    return this.#value.get() as T | undefined
  }

  /** `undefined` clears, as null does in Flink. */
  update(value: T): void {
    this.#value.set(value)
  }

  clear(): void {
    this.#value.clear()
  }
}

/** A reducing state of the current key: the reduction of all values added. */
export class ReducingHandle<T> implements ReducingState<T> {
  readonly #value: SingleValue
  readonly #reduce: (a: T, b: T) => T

  constructor(host: StateHost, column: StateColumn) {
    this.#value = new SingleValue(host, column)
    this.#reduce = column.descriptor.reduce as unknown as (a: T, b: T) => T
  }

  get(): T | undefined {
    return this.#value.get() as T | undefined
  }

  add(value: T): void {
    const before = this.#value.get() as T | undefined
    const reduce = this.#reduce
    this.#value.set(before === undefined ? value : reduce(before, value))
  }

  clear(): void {
    this.#value.clear()
  }
}

/** An aggregating state of the current key: only the accumulator is kept. */
export class AggregatingHandle<In, Out> implements AggregatingState<In, Out> {
  readonly #value: SingleValue
  readonly #aggregator: Aggregator<In, unknown, Out>

  constructor(host: StateHost, column: StateColumn) {
    this.#value = new SingleValue(host, column)
    this.#aggregator = column.descriptor.aggregator as unknown as Aggregator<In, unknown, Out>
  }

  get(): Out | undefined {
    const accumulator = this.#value.get()
    return accumulator === undefined ? undefined : this.#aggregator.result(accumulator)
  }

  add(value: In): void {
    const before = this.#value.get()
    this.#value.set(this.#aggregator.add(before === undefined ? this.#aggregator.create() : before, value))
  }

  clear(): void {
    this.#value.clear()
  }
}
