import { MillraceError } from '../contract/errors.js'
import type { PaneState } from '../contract/state.js'
import { NO_ENTRY, type EntryTable } from './entry-table.js'
import { MANY_PANES, NO_PANE } from './page.js'
import { PaneList } from './pane-list.js'
import { type StateHost, WriteSampler } from './state-handle.js'
import type { StateColumn } from './state-layout.js'

/** A key with one pane keeps it in the page's columns; the second one makes a list, which stays until all are gone. */
export class PaneHandle<A> implements PaneState<A> {
  readonly #table: EntryTable
  readonly #index: number
  readonly #sampler: WriteSampler

  constructor(host: StateHost, column: StateColumn) {
    this.#table = host.table
    this.#index = column.index
    this.#sampler = new WriteSampler(host, column)
  }

  get(pane: number): A | undefined {
    const table = this.#table
    if (table.id === NO_ENTRY) return table.absent()
    const inline = table.page.panes[this.#index]![table.slot]!
    if (inline === pane) return table.page.values[this.#index]![table.slot] as A
    if (inline !== MANY_PANES) return undefined
    const list = table.page.values[this.#index]![table.slot] as PaneList
    const at = list.find(pane)
    return at < 0 ? undefined : (list.values[at] as A)
  }

  set(pane: number, value: A): void {
    if (!Number.isFinite(pane)) throw new MillraceError('MILLRACE_INTERNAL', `a pane is a finite number, not ${pane}`)
    this.#sampler.count(value)
    const table = this.#table
    table.write()
    const panes = table.page.panes[this.#index]!
    const values = table.page.values[this.#index]!
    const slot = table.slot
    const inline = panes[slot]!
    if (inline === pane) {
      values[slot] = value
      return
    }
    if (inline !== inline) {
      panes[slot] = pane
      values[slot] = value
      table.items[this.#index]!++
      return
    }
    this.#setInList(panes, values, slot, pane, value)
  }

  delete(pane: number): void {
    const table = this.#table
    if (table.id === NO_ENTRY) return table.absent()
    const panes = table.page.panes[this.#index]!
    const values = table.page.values[this.#index]!
    const slot = table.slot
    const inline = panes[slot]!
    if (inline === MANY_PANES) {
      const list = values[slot] as PaneList
      const at = list.find(pane)
      if (at < 0) return
      table.write()
      list.remove(at)
      table.items[this.#index]!--
      if (list.panes.length > 0) return
    } else {
      if (inline !== pane) return
      table.write()
      table.items[this.#index]!--
    }
    panes[slot] = NO_PANE
    values[slot] = undefined
    table.mayBeEmpty = true
  }

  panes(): readonly number[] {
    const table = this.#table
    if (table.id === NO_ENTRY) {
      table.absent()
      return []
    }
    const inline = table.page.panes[this.#index]![table.slot]!
    if (inline !== inline) return []
    if (inline !== MANY_PANES) return [inline]
    return (table.page.values[this.#index]![table.slot] as PaneList).panes.slice()
  }

  #setInList(panes: Float64Array, values: unknown[], slot: number, pane: number, value: A): void {
    let list = values[slot]
    if (panes[slot] !== MANY_PANES) {
      const first = new PaneList()
      first.insert(0, panes[slot]!, list)
      values[slot] = list = first
      panes[slot] = MANY_PANES
    }
    const at = (list as PaneList).find(pane)
    if (at >= 0) (list as PaneList).values[at] = value
    else {
      ;(list as PaneList).insert(-1 - at, pane, value)
      this.#table.items[this.#index]!++
    }
  }
}
