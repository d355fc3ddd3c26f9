/*
 * All entries of one operator subtask, and the current one. Invariants:
 *   - one index per key group leads from a key to its entry; reading a key that has none creates none
 *   - every change goes through write() first: it creates the entry, or puts it on its group's list of changed ones
 *   - while a checkpoint is being encoded (`freezing`), select() has a frozen entry encoded before anybody sees it
 *   - an entry without content goes at once, unless it owes the next checkpoint a tombstone
 */
import { mapKeyOf, type MapKey } from '../codec/map-key.js'
import { MillraceError } from '../contract/errors.js'
import type { Key } from '../contract/key.js'
import { copyKey } from './copy-key.js'
import { clearTimers, countTimers } from './entry-timers.js'
import { GroupEntries } from './group-entries.js'
import { MapValue } from './map-value.js'
import { ENCODED, LOGGED, NO_PANE, Page, SAME, SPILLED, STORED, TIMER, TIMER_LIST, TOUCHED } from './page.js'
import { PAGE_BITS, PAGE_MASK } from './page-size.js'
import { PaneList } from './pane-list.js'
import { ListValue } from './list-value.js'
import type { StateLayout } from './state-layout.js'

/** {@link EntryTable.id} while the current key has no entry. */
export const NO_ENTRY: number = -1

/** Encodes a frozen entry before it is used. */
export interface Freezer {
  touch(id: number): void
}

/** Knows the entries that are not in memory. */
export interface Loader {
  /** Brings the entry of the table's current key back; its id, or NO_ENTRY. */
  load(): number
  /** The entry is about to be freed; the copy outside is void. */
  forget(id: number): void
}

/** The entries of one operator subtask by key and by id, and which of them is current. Slot thread. */
export class EntryTable {
  readonly layout: StateLayout
  readonly firstKeyGroup: number
  readonly groups: readonly GroupEntries[]
  readonly pages: Page[] = []
  /** Values, elements, cells and panes in memory, by state. */
  readonly items: Float64Array
  /** Entries in memory. */
  entries = 0
  /** The epoch that changes belong to; the next checkpoint ends it. */
  epoch = 1
  freezing = false
  /** Whether eviction wants to know which entries are used. */
  tracking = false
  freezer: Freezer | undefined = undefined
  loader: Loader | undefined = undefined

  key: Key | undefined = undefined
  id: number = NO_ENTRY
  page: Page
  slot = 0
  /** Something of the current entry was removed. */
  mayBeEmpty = false
  #group: GroupEntries
  #mapKey: MapKey = ''

  constructor(layout: StateLayout, firstKeyGroup: number, lastKeyGroup: number) {
    this.layout = layout
    this.firstKeyGroup = firstKeyGroup
    this.groups = Array.from(
      { length: lastKeyGroup - firstKeyGroup + 1 },
      (_, i) => new GroupEntries(firstKeyGroup + i, i, this.pages),
    )
    this.#group = new GroupEntries(-1, -1, this.pages)
    this.items = new Float64Array(layout.columns.length)
    this.page = new Page(layout, this.#group)
  }

  get group(): GroupEntries {
    return this.#group
  }

  /** The group of that number; MILLRACE_INTERNAL when it belongs to another subtask. */
  groupOf(keyGroup: number): GroupEntries {
    const group = this.groups[keyGroup - this.firstKeyGroup]
    if (group !== undefined) return group
    const range = `${this.firstKeyGroup}..${this.firstKeyGroup + this.groups.length - 1}`
    throw new MillraceError('MILLRACE_INTERNAL', `key group ${keyGroup} is not one of this subtask's: ${range}`)
  }

  /** Makes `key` the current one. */
  setCurrent(key: Key, keyGroup: number): void {
    if (this.mayBeEmpty) this.settle()
    const group = this.groups[keyGroup - this.firstKeyGroup] ?? this.groupOf(keyGroup)
    const mapKey = typeof key === 'string' ? key : mapKeyOf(key)
    this.key = typeof key === 'number' ? mapKey : key
    this.#mapKey = mapKey
    this.#group = group
    let id = group.ids.get(mapKey)
    if (id === NO_ENTRY) {
      this.id = NO_ENTRY
      if (this.loader === undefined) return
      id = this.loader.load()
      if (id === NO_ENTRY) return
    }
    this.select(id)
  }

  /** Makes the key of an entry the current one. */
  setCurrentId(id: number): void {
    if (this.mayBeEmpty) this.settle()
    this.select(id)
    this.key = this.page.keys[this.slot]
    this.#group = this.page.group
  }

  /** No key is the current one: using state is an error until the next one is set. */
  clearCurrent(): void {
    if (this.mayBeEmpty) this.settle()
    this.key = undefined
    this.id = NO_ENTRY
  }

  select(id: number): void {
    this.id = id
    this.page = this.pages[id >>> PAGE_BITS]!
    this.slot = id & PAGE_MASK
    if (this.freezing) this.freezer!.touch(id)
    if (this.tracking) this.page.marks[this.slot]! |= TOUCHED
  }

  /** Must come before every change of the current entry. */
  write(): void {
    if (this.id === NO_ENTRY) this.#create()
    else if (this.page.epochs[this.slot] !== this.epoch) this.#change(this.page, this.slot, this.id)
  }

  /** For reads without an entry: an error when there is no key either. */
  absent(): undefined {
    if (this.key === undefined) throw noKey()
    return undefined
  }

  /** A new entry, unchanged and without content. */
  allocate(group: GroupEntries, mapKey: MapKey, key: Key): number {
    if (group.free.length === 0) this.#addPage(group)
    const id = group.free.pop()
    const page = this.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    page.keys[slot] = key
    group.ids.add(mapKey, id)
    this.entries++
    return id
  }

  /** Puts an entry on the list of changed ones, whatever it was before. */
  markChanged(id: number): void {
    const page = this.pages[id >>> PAGE_BITS]!
    this.#change(page, id & PAGE_MASK, id)
  }

  /** Frees an entry and all it holds; the caller sees to tombstones. */
  free(id: number): void {
    const page = this.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    const { group } = page
    group.ids.delete(mapKeyOf(page.keys[slot]!), id)
    for (let i = 0; i < page.values.length; i++) {
      const count = this.itemsOf(page, slot, i)
      if (count > 0) this.items[i]! -= count
      page.values[i]![slot] = undefined
      const panes = page.panes[i]
      if (panes !== undefined) panes[slot] = NO_PANE
    }
    if ((page.marks[slot]! & (TIMER | TIMER_LIST)) !== 0) clearTimers(page, slot)
    page.keys[slot] = undefined
    page.marks[slot] = 0
    page.epochs[slot] = 0
    group.free.push(id)
    this.entries--
    if (this.id === id) this.id = NO_ENTRY
  }

  /** Frees the current entry if nothing is left of it. */
  settle(): void {
    this.mayBeEmpty = false
    if (this.id !== NO_ENTRY) this.freeIfGone(this.id)
  }

  /** Frees an entry without content that owes no tombstone. */
  freeIfGone(id: number): void {
    const page = this.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    if ((page.marks[slot]! & STORED) !== 0 || !this.isEmpty(page, slot)) return
    for (const values of page.values) {
      const value = values[slot]
      if (value instanceof MapValue && value.cells.size > 0) return
    }
    if ((page.marks[slot]! & SPILLED) !== 0) this.loader!.forget(id)
    this.free(id)
  }

  /** Whether the entry's own row would hold nothing: neither timers nor a state other than maps. */
  isEmpty(page: Page, slot: number): boolean {
    if ((page.marks[slot]! & (TIMER | TIMER_LIST)) !== 0) return false
    const values = page.values
    for (let i = 0; i < values.length; i++) {
      const panes = page.panes[i]
      if (panes !== undefined) {
        if (panes[slot] === panes[slot]) return false
      } else {
        const value = values[i]![slot]
        if (value !== undefined && !(value instanceof MapValue)) return false
      }
    }
    return true
  }

  /** How many values, elements, cells or panes an entry holds of a state. */
  itemsOf(page: Page, slot: number, index: number): number {
    const value = page.values[index]![slot]
    const panes = page.panes[index]
    if (panes !== undefined) {
      if (panes[slot] !== panes[slot]) return 0
      return value instanceof PaneList ? value.panes.length : 1
    }
    if (value === undefined) return 0
    if (value instanceof ListValue) return value.items.length
    return value instanceof MapValue ? value.live : 1
  }

  /** Timers of the entry, of both kinds. */
  timersOf(id: number): number {
    return countTimers(this.pages[id >>> PAGE_BITS]!, id & PAGE_MASK)
  }

  #create(): void {
    if (this.key === undefined) throw noKey()
    const id = this.allocate(this.#group, this.#mapKey, copyKey(this.key))
    this.id = id
    this.page = this.pages[id >>> PAGE_BITS]!
    this.slot = id & PAGE_MASK
    this.page.marks[this.slot] = TOUCHED
    this.#change(this.page, this.slot, id)
  }

  #addPage(group: GroupEntries): void {
    const first = this.pages.length << PAGE_BITS
    this.pages.push(new Page(this.layout, group))
    for (let slot = PAGE_MASK; slot >= 0; slot--) group.free.push(first + slot)
  }

  #change(page: Page, slot: number, id: number): void {
    page.epochs[slot] = this.epoch
    page.marks[slot]! &= ~(ENCODED | SAME | LOGGED)
    const { group } = page
    const changed = group.changed
    changed.push(id)
    if (changed.length > 2 * group.ids.size + 1024) this.#tidy(group)
  }

  /** Entries that were born and are gone again still stand on the list: drop them. */
  #tidy(group: GroupEntries): void {
    group.changed.retain((id) => {
      const page = this.pages[id >>> PAGE_BITS]!
      const slot = id & PAGE_MASK
      return page.keys[slot] !== undefined && page.epochs[slot] === this.epoch
    })
  }
}

function noKey(): MillraceError {
  return new MillraceError('MILLRACE_USER', 'keyed state and timers were used where there is no current key', {
    hint: 'use them while an element or a timer is processed, not in open, prepareBarrier or finish',
  })
}
