/*
 * One checkpoint of the entries, at most one at a time.
 *
 *   freeze ----> encode in slices (or when touched) ----> sort and emit, group by group ----> complete: deleted ones go
 *                     \________________________________________\___> abort: all of it counts as changed again
 *
 * An entry is frozen when its last change lies in (completedEpoch, frozenEpoch] and it is not ENCODED. Invariant: nobody reads or writes
 * a frozen entry before it is encoded, so what is encoded is what stood there at the freeze. Freezing swaps two lists per group.
 */
import { MillraceError } from '../contract/errors.js'
import type { EntryTable, Freezer, GroupEntries } from './entry-table.js'
import { IdList } from './id-list.js'
import { DELETED, MapValue } from './map-value.js'
import { ENCODED, PAGE_BITS, PAGE_MASK, type Page, STORED } from './page.js'
import { RowBuffer } from './row-buffer.js'
import type { RowCodec } from './row-codec.js'
import type { RowSink, SnapshotSize } from './row-sink.js'
import { SortedRows } from './sorted-rows.js'
import type { StateColumn } from './state-layout.js'

/** What of the frozen state is not in memory. */
export interface SpilledChanges {
  freeze(): void
  /** Whether frozen rows of a group have not been handed over yet. */
  hasFrozen(group: number): boolean
  revert(): void
  complete(): void
}

export class Snapshot implements Freezer {
  /** The checkpoint that is neither complete nor aborted; undefined when there is none. */
  pending: number | undefined = undefined
  /** Changes up to this epoch are in a complete checkpoint. */
  completedEpoch = 0
  /** Changes up to this epoch were frozen. */
  frozenEpoch = 0
  spilled: SpilledChanges | undefined = undefined
  readonly #table: EntryTable
  readonly #codec: RowCodec
  readonly #maps: readonly StateColumn[]
  /** Rows of any group: encoded ahead, or because their entry was touched. */
  readonly #ahead = new RowBuffer(4096)
  readonly #aheadRows: IdList[]
  /** Rows of the group that is being written. */
  readonly #scratch = new RowBuffer(4096)
  readonly #scratchRows = new IdList()
  readonly #sorted = new SortedRows(this.#ahead, this.#scratch)
  /** How far each group's frozen list has been encoded. */
  readonly #encoded: Uint32Array
  #encodeGroup = 0
  #writeGroup = 0
  #isSorted = false
  #emitted = 0
  #rows = 0
  #bytes = 0
  /** Entries to look at when the checkpoint is complete, and those of complete ones. */
  #leaving = new IdList()
  readonly #left = new IdList()

  constructor(table: EntryTable, codec: RowCodec) {
    this.#table = table
    this.#codec = codec
    this.#maps = table.layout.columns.filter((column) => column.kind === 'map')
    this.#aheadRows = table.groups.map(() => new IdList())
    this.#encoded = new Uint32Array(table.groups.length)
  }

  /** Ends the epoch: what has changed in it belongs to the checkpoint. One that is still pending is taken back first. */
  freeze(checkpointId: number): void {
    if (this.pending !== undefined) this.#revert()
    const table = this.#table
    table.clearCurrent()
    for (const group of table.groups) {
      const changed = group.changed
      group.changed = group.frozen
      group.frozen = changed
    }
    this.spilled?.freeze()
    this.pending = checkpointId
    this.frozenEpoch = table.epoch++
    table.freezing = true
    this.#reset()
  }

  /** Encodes an entry of this id if it is frozen. */
  touch(id: number): void {
    const page = this.#table.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    if (!this.#isFrozen(page, slot)) return
    const group = page.groups[slot]! - this.#table.firstKeyGroup
    this.#encode(page, slot, id, this.#ahead, this.#aheadRows[group]!, 0)
  }

  /** Encodes up to `maxEntries` frozen entries ahead of {@link writeSlice}; true when all in memory are encoded. */
  encodeSlice(maxEntries: number): boolean {
    const groups = this.#table.groups
    let left = maxEntries
    for (; this.#encodeGroup < groups.length; this.#encodeGroup++) {
      const group = groups[this.#encodeGroup]!
      if (!this.#encodeRest(group, this.#encodeGroup, left, this.#ahead, this.#aheadRows[this.#encodeGroup]!, 0)) return false
      left = this.#left_
    }
    this.#table.freezing = false
    return true
  }

  /**
   * Encodes and emits up to about `maxRows` rows, ascending by key group, then row key; true when all are out. Returns false without
   * doing anything when frozen rows have to be read from the spill store first.
   */
  writeSlice(sink: RowSink, maxRows: number): boolean {
    if (this.pending === undefined) throw new MillraceError('MILLRACE_INTERNAL', 'no state is frozen: there is nothing to write')
    const groups = this.#table.groups
    this.#left_ = maxRows
    for (; this.#writeGroup < groups.length; this.#writeGroup++) {
      const at = this.#writeGroup
      if (!this.#isSorted) {
        if (!this.#encodeRest(groups[at]!, at, this.#left_, this.#scratch, this.#scratchRows, 1)) return false
        if (this.spilled?.hasFrozen(at)) return false
        this.#sort(at)
      }
      if (!this.#emit(sink, groups[at]!.keyGroup)) return false
      this.#aheadRows[at]!.clear()
      this.#scratchRows.clear()
      this.#scratch.reset()
      this.#isSorted = false
    }
    this.#table.freezing = false
    this.#ahead.reset()
    return true
  }

  /** Rows and bytes emitted so far. */
  get size(): SnapshotSize {
    return { rows: this.#rows, bytes: this.#bytes }
  }

  /** The group that {@link writeSlice} is at. */
  get writeGroup(): number {
    return this.#writeGroup
  }

  /** A frozen row read back from the spill store: its key and, unless it is a tombstone, its value and first timer. */
  addSpilled(group: number, key: Uint8Array, cell: Uint8Array | undefined, value: Uint8Array | undefined, minTimer: number): void {
    const rows = this.#ahead
    const keyFrom = rows.putKeyBytes(key, 0, key.length)
    if (cell !== undefined) rows.putKeyBytes(cell, 0, cell.length)
    const valueFrom = rows.values.length
    if (value !== undefined) rows.values.writeRaw(value)
    this.#aheadRows[group]!.push(2 * (value === undefined ? rows.tombstone(keyFrom) : rows.row(keyFrom, valueFrom, minTimer)))
  }

  /** A frozen entry has come back from the spill store with id `id`: it takes part like those that never left. */
  adopt(id: number): void {
    const table = this.#table
    const page = table.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    const at = page.groups[slot]! - table.firstKeyGroup
    table.groups[at]!.frozen.push(id)
    const written = at < this.#writeGroup || (at === this.#writeGroup && this.#isSorted)
    // What is written already is encoded once more: for the marks it leaves, its rows are dropped.
    if (!written) this.#encode(page, slot, id, this.#ahead, this.#aheadRows[at]!, 0)
    else this.#encode(page, slot, id, new RowBuffer(64), new IdList(), 0)
  }

  /** The checkpoint will not be: its entries count as changed. Of another than the pending one: nothing. */
  abort(checkpointId: number): void {
    if (this.pending === checkpointId) this.#revert()
  }

  /** The checkpoint is durable. Of another than the pending one: nothing. */
  complete(checkpointId: number): void {
    if (this.pending !== checkpointId) return
    if (this.#writeGroup < this.#table.groups.length) {
      throw new MillraceError('MILLRACE_INTERNAL', `checkpoint ${checkpointId} is complete but its state was not written`)
    }
    this.pending = undefined
    this.completedEpoch = this.frozenEpoch
    this.spilled?.complete()
    for (const group of this.#table.groups) group.frozen.clear()
    if (this.#left.length === 0) this.#left.swap(this.#leaving)
    else while (this.#leaving.length > 0) this.#left.push(this.#leaving.pop())
  }

  /** Frees up to `maxEntries` entries whose tombstones are durable. Not while a key is current. */
  reap(maxEntries: number): void {
    for (let left = maxEntries; left > 0 && this.#left.length > 0; left--) {
      const id = this.#left.pop()
      const page = this.#table.pages[id >>> PAGE_BITS]!
      const slot = id & PAGE_MASK
      if (page.keys[slot] === undefined || page.epochs[slot]! > this.completedEpoch) continue
      for (const column of this.#maps) {
        const values = page.values[column.index]!
        const map = values[slot] as MapValue | undefined
        map?.settle(this.completedEpoch)
        if (map?.cells.size === 0) values[slot] = undefined
      }
      if (this.#table.isEmpty(page, slot)) page.marks[slot]! &= ~STORED
      this.#table.freeIfGone(id)
    }
  }

  #isFrozen(page: Page, slot: number): boolean {
    const epoch = page.epochs[slot]!
    return epoch > this.completedEpoch && epoch <= this.frozenEpoch && (page.marks[slot]! & ENCODED) === 0
  }
}
