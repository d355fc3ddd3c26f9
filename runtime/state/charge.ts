import { ValueWriter } from '../codec/value-writer.js'
import type { EntryTable } from './entry-table.js'

/** What an entry costs beside its values: its place in a Map, columns, timer and index (measured: 80 to 130 with its key). */
const ENTRY_BYTES = 160
const MIN_WRITES_BETWEEN = 64

/**
 * What the entries in memory are charged: for each state, the number of its values in memory times their encoded size, which is
 * measured on the first write and then on every 64th or rarer (a large value is measured so rarely that it costs no more than
 * a few bytes a write). The first measure also finds values that cannot be stored, early.
 */
export class Charge {
  readonly #table: EntryTable
  readonly #sizes: Float64Array
  readonly #writer = new ValueWriter(256)
  readonly #again: boolean

  /** `again` is whether sizes matter: without a bound on memory only the first write of each state is measured. */
  constructor(table: EntryTable, again: boolean) {
    this.#table = table
    this.#sizes = new Float64Array(table.layout.columns.length)
    this.#again = again
  }

  /** Measures a value; returns after how many writes to measure the next one. Throws MILLRACE_VALUE. */
  sample(index: number, value: unknown): number {
    this.#writer.reset()
    this.#writer.writeValue(value)
    const size = this.#writer.length
    const before = this.#sizes[index]!
    this.#sizes[index] = before === 0 ? size : before + (size - before) / 16
    return this.#again ? Math.max(MIN_WRITES_BETWEEN, size >>> 3) : Infinity
  }

  /** Estimated bytes of all entries in memory. */
  bytes(): number {
    const { entries, items } = this.#table
    let bytes = entries * ENTRY_BYTES
    for (let i = 0; i < items.length; i++) bytes += items[i]! * this.#sizes[i]!
    return bytes
  }
}
