import { MillraceError } from '../contract/errors.js'
import type { Clock } from '../contract/time.js'
import type { Charge } from './charge.js'
import type { EntryTable } from './entry-table.js'
import type { StateColumn } from './state-layout.js'

/** What every handle needs of its subtask. */
export interface StateHost {
  readonly uid: string
  readonly table: EntryTable
  readonly charge: Charge
  readonly clock: Clock
}

/** Counts the writes of one state and has a few of them measured. */
export class WriteSampler {
  readonly #host: StateHost
  readonly #column: StateColumn
  #left = 1

  constructor(host: StateHost, column: StateColumn) {
    this.#host = host
    this.#column = column
  }

  count(value: unknown): void {
    if (--this.#left === 0) this.#measure(value)
  }

  #measure(value: unknown): void {
    try {
      this.#left = this.#host.charge.sample(this.#column.index, value)
    } catch (error) {
      this.#left = 1
      if (!(error instanceof MillraceError)) throw error
      const message = `state '${this.#column.name}' of operator '${this.#host.uid}': ${error.message}`
      throw new MillraceError(error.code, message, error.hint === undefined ? {} : { hint: error.hint })
    }
  }
}
