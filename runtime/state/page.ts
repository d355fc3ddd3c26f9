/*
 * Entries are columns, not objects: entry `id` is slot `id & PAGE_MASK` of page `id >>> PAGE_BITS`. An entry costs its key, one
 * pointer a state, and 22 bytes that the garbage collector never looks at; growing allocates a page and copies nothing. A page belongs to one key group: a checkpoint walks
 * group by group, and so walks through memory in order.
 *
 *   KeyIndex (one per key group)   key -> id ----> page | slot
 *                                                     keys[slot]  values[state][slot]  marks  epochs  timer...
 *
 * Invariant: a slot whose `keys` is undefined is free, and all its other columns are as a new page has them.
 */
import type { Key } from '../contract/key.js'
import type { GroupEntries } from './group-entries.js'
import { PAGE_SIZE } from './page-size.js'
import type { StateLayout } from './state-layout.js'
import type { TimerLists } from './timer-lists.js'

/** A row of this entry may be in a checkpoint: when it goes, it leaves a tombstone. */
export const STORED = 1
/** Encoded for the pending checkpoint, and not changed since. */
export const ENCODED = 2
/** A timer stands in the page's timer columns. */
export const TIMER = 4
/** The timer there is of processing time. */
export const TIMER_PROCESSING = 8
/** More timers stand in `timerLists`. */
export const TIMER_LIST = 16
/** Used since the eviction's hand last passed. */
export const TOUCHED = 32
/** The spill store holds a copy, perhaps an old one. */
export const SPILLED = 64
/** The copy in the spill store is still the same. */
export const SAME = 128
/** Stands in the list of changed keys that were spilled in this epoch. */
export const LOGGED = 256

/** {@link Page.panes} of a slot without panes. */
export const NO_PANE: number = NaN
/** The same of a slot with more than one: they are in a PaneList. */
export const MANY_PANES: number = Infinity

const NO_NUMBERS = new Float64Array(0)

/** PAGE_SIZE entries of one key group, by column. `values`, `stamps` and `panes` have one column per declared state. */
export class Page {
  readonly group: GroupEntries
  readonly keys: (Key | undefined)[] = emptyColumn()
  readonly values: unknown[][] = []
  /** When each value was written (epoch milliseconds); only of states with a time to live and one value. */
  readonly stamps: (Float64Array | undefined)[] = []
  /** Only of pane states: the pane whose value stands in `values`, NO_PANE or MANY_PANES. */
  readonly panes: (Float64Array | undefined)[] = []
  readonly marks: Uint16Array = new Uint16Array(PAGE_SIZE)
  /** The epoch of the last change; 0 is none since the restore. */
  readonly epochs: Uint32Array = new Uint32Array(PAGE_SIZE)
  timerTimes: Float64Array = NO_NUMBERS
  timerSpaces: Float64Array = NO_NUMBERS
  timerLists: (TimerLists | undefined)[] | undefined = undefined

  constructor(layout: StateLayout, group: GroupEntries) {
    this.group = group
    for (const column of layout.columns) {
      this.values.push(emptyColumn())
      this.stamps.push(column.stamped ? new Float64Array(PAGE_SIZE) : undefined)
      this.panes.push(column.kind === 'panes' ? new Float64Array(PAGE_SIZE).fill(NO_PANE) : undefined)
    }
  }
}

function emptyColumn<T>(): (T | undefined)[] {
  return new Array<T | undefined>(PAGE_SIZE).fill(undefined)
}
