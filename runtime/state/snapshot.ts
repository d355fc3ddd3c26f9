/*
 * One checkpoint of the entries, at most one at a time.
 *
 *   freeze ----> encode in slices, or when touched ----> sort and emit, group by group ----> complete: deleted ones go
 *                          \_______________________________\__________________________> abort: all of it counts as changed again
 *
 * An entry is frozen when its last change lies in (completedEpoch, frozenEpoch] and it is not ENCODED. Invariant: nobody reads or writes
 * a frozen entry before it is encoded, so what is encoded is what stood there at the freeze. Freezing swaps two lists per group.
 */
import { MillraceError } from '../contract/errors.js'
import type { EntryEncoder, RowTarget } from './entry-encoder.js'
import type { EntryTable, Freezer } from './entry-table.js'
import type { GroupEntries } from './group-entries.js'
import { IdList } from './id-list.js'
import { MapValue } from './map-value.js'
import { ENCODED, type Page, STORED } from './page.js'
import { PAGE_BITS, PAGE_MASK } from './page-size.js'
import { RowBuffer } from './row-buffer.js'
import type { RowSink, SnapshotSize } from './row-sink.js'
import { SortedRows } from './sorted-rows.js'

/** Entries of a group that are encoded in the order they lie in memory; a whole group's would take too long to sort. */
const SORTED_IDS = 4096

/** Where a group's buffer of rows starts: a subtask may have many groups, and change few. */
const AHEAD_BYTES = 256

/** What of the frozen state is not in memory. */
export interface SpilledChanges {
  freeze(): void
  /** Whether frozen rows of a group have not been handed over yet. */
  hasFrozen(group: number): boolean
  revert(): void
  complete(): void
}

/** What a checkpoint takes of the entries, from the barrier to its end. Slot thread. */
export class Snapshot implements Freezer {
  /** The checkpoint that is neither complete nor aborted; undefined when there is none. */
  pending: number | undefined = undefined
  /** Changes up to this epoch are in a complete checkpoint. */
  completedEpoch = 0
  /** Changes up to this epoch have been frozen at some time. */
  frozenEpoch = 0
  /** The index of the group that {@link writeSlice} is at. */
  writeGroup = 0
  spilled: SpilledChanges | undefined = undefined
  readonly #table: EntryTable
  readonly #encoder: EntryEncoder
  /** Rows of each group that were encoded ahead or because their entry was touched. A buffer for all would stop the slot when it grows. */
  readonly #ahead: readonly RowTarget[]
  /** Rows of the group that is being written. */
  readonly #scratch: RowTarget = { rows: new RowBuffer(4096), numbers: new IdList(), bit: 1 }
  readonly #sorted: SortedRows
  /** How far each group's frozen list has been encoded. */
  readonly #encoded: Uint32Array
  #encodeGroup = 0
  #isDealt = false
  #emitted = 0
  #budget = 0
  #rows = 0
  #bytes = 0
  /** Entries to look at when the checkpoint is complete; then they are in `left`. */
  readonly #leaving = new IdList()
  readonly #left = new IdList()

  constructor(table: EntryTable, encoder: EntryEncoder) {
    this.#table = table
    this.#encoder = encoder
    this.#ahead = table.groups.map(() => ({ rows: new RowBuffer(AHEAD_BYTES), numbers: new IdList(), bit: 0 }))
    this.#sorted = new SortedRows()
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
    this.#rewind()
    this.#rows = 0
    this.#bytes = 0
  }

  /** Encodes the entry if it is frozen. */
  touch(id: number): void {
    const page = this.#table.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    if (this.#isFrozen(page, slot)) this.#encode(page, slot, id, this.#ahead[page.group.index]!)
  }

  /** Encodes up to `maxEntries` frozen entries ahead of {@link writeSlice}; true when all those in memory are encoded. */
  encodeSlice(maxEntries: number): boolean {
    const groups = this.#table.groups
    this.#budget = maxEntries
    for (; this.#encodeGroup < groups.length; this.#encodeGroup++) {
      if (!this.#encodeRest(groups[this.#encodeGroup]!, this.#encodeGroup, this.#ahead[this.#encodeGroup]!))
        return false
    }
    this.#table.freezing = false
    return true
  }

  /**
   * Encodes and emits up to about `maxRows` rows, ascending by key group, then row key; true when all are out. Returns false
   * without going on where frozen rows have to be read from the spill store first.
   */
  writeSlice(sink: RowSink, maxRows: number): boolean {
    if (this.pending === undefined)
      throw new MillraceError('MILLRACE_INTERNAL', 'no state is frozen: there is nothing to write')
    const groups = this.#table.groups
    this.#budget = maxRows
    for (; this.writeGroup < groups.length; this.writeGroup++) {
      const at = this.writeGroup
      if (!this.#isDealt) {
        if (!this.#encodeRest(groups[at]!, at, this.#scratch)) return false
        if (this.spilled?.hasFrozen(at)) return false
        this.#deal(at)
      }
      if (!this.#emit(sink, groups[at]!.keyGroup)) return false
      clear(this.#ahead[at]!)
      this.#clearScratch()
    }
    this.#table.freezing = false
    return true
  }

  /** What has been emitted so far. */
  get size(): SnapshotSize {
    return { rows: this.#rows, bytes: this.#bytes }
  }

  /** Where frozen rows go that are read from the spill store: those of the group that is being written. */
  get target(): RowTarget {
    return this.#scratch
  }

  /** An entry has come back from the spill store that is frozen, or has map cells that were: it takes part like those that never left. */
  adopt(id: number): void {
    const page = this.#table.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    const at = page.group.index
    this.#table.groups[at]!.frozen.push(id)
    if (!this.#isFrozen(page, slot)) {
      this.#leaving.push(id)
      return
    }
    const written = at < this.writeGroup || (at === this.writeGroup && this.#isDealt)
    // If the rows are out already, encoding again is for the marks that it leaves.
    this.#encode(
      page,
      slot,
      id,
      written ? { rows: new RowBuffer(64), numbers: new IdList(), bit: 0 } : this.#ahead[at]!,
    )
  }

  /** The checkpoint will not be: its entries count as changed. Of another than the pending one: nothing. */
  abort(checkpointId: number): void {
    if (this.pending === checkpointId) this.#revert()
  }

  /** The checkpoint is durable. Of another than the pending one: nothing. */
  complete(checkpointId: number): void {
    if (this.pending !== checkpointId) return
    if (this.writeGroup < this.#table.groups.length) {
      throw new MillraceError(
        'MILLRACE_INTERNAL',
        `checkpoint ${checkpointId} is said to be complete before its state is written`,
      )
    }
    this.pending = undefined
    this.completedEpoch = this.frozenEpoch
    this.spilled?.complete()
    for (const group of this.#table.groups) group.frozen.clear()
    this.#left.takeAll(this.#leaving)
  }

  /** Frees up to `maxEntries` entries whose tombstones are durable. Not while a key is current. */
  reap(maxEntries: number): void {
    for (let budget = maxEntries; budget > 0 && this.#left.length > 0; budget--) {
      const id = this.#left.pop()
      const page = this.#table.pages[id >>> PAGE_BITS]!
      const slot = id & PAGE_MASK
      if (page.keys[slot] === undefined || page.epochs[slot]! > this.completedEpoch) continue
      for (const values of page.values) {
        const map = values[slot]
        if (!(map instanceof MapValue)) continue
        map.settle(this.completedEpoch)
        if (map.cells.size === 0) values[slot] = undefined
      }
      if (this.#table.isEmpty(page, slot)) page.marks[slot]! &= ~STORED
      this.#table.freeIfGone(id)
    }
  }

  #isFrozen(page: Page, slot: number): boolean {
    const epoch = page.epochs[slot]!
    return epoch > this.completedEpoch && epoch <= this.frozenEpoch && (page.marks[slot]! & ENCODED) === 0
  }

  #encode(page: Page, slot: number, id: number, target: RowTarget): void {
    if (this.#encoder.encode(page, slot, target)) this.#leaving.push(id)
  }

  /** Encodes what is left of a group within the budget; false when it ran out. */
  #encodeRest(group: GroupEntries, at: number, target: RowTarget): boolean {
    const { frozen } = group
    for (let i = this.#encoded[at]!; i < frozen.length; i++) {
      if (this.#budget-- <= 0) {
        this.#encoded[at] = i
        return false
      }
      if (i % SORTED_IDS === 0) frozen.sort(i, i + SORTED_IDS)
      const id = frozen.at(i)
      const page = this.#table.pages[id >>> PAGE_BITS]!
      const slot = id & PAGE_MASK
      if (page.keys[slot] !== undefined && this.#isFrozen(page, slot)) this.#encode(page, slot, id, target)
    }
    this.#encoded[at] = frozen.length
    return true
  }

  #deal(group: number): void {
    const { rows, numbers: ahead } = this.#ahead[group]!
    const { rows: scratchRows, numbers: scratch } = this.#scratch
    this.#sorted.deal(rows, scratchRows, ahead.length + scratch.length, (i) =>
      i < ahead.length ? ahead.at(i) : scratch.at(i - ahead.length),
    )
    this.#isDealt = true
    this.#emitted = 0
  }

  /** Emits the group's rows within the budget; false when it ran out. */
  #emit(sink: RowSink, keyGroup: number): boolean {
    const sorted = this.#sorted
    const ahead = this.#ahead[this.writeGroup]!.rows.values.bytes()
    const scratch = this.#scratch.rows.values.bytes()
    do {
      for (; this.#emitted < sorted.length; this.#emitted++) {
        if (this.#budget-- <= 0) return false
        const number = sorted.at(this.#emitted)
        this.#emitRow(sink, keyGroup, sorted.bufferOf(number), number >>> 1, (number & 1) === 0 ? ahead : scratch)
      }
      this.#emitted = 0
    } while (sorted.next())
    return true
  }

  #emitRow(sink: RowSink, keyGroup: number, rows: RowBuffer, row: number, values: Uint8Array): void {
    const keyFrom = rows.keyFrom(row)
    const keyTo = rows.keyTo(row)
    this.#rows++
    this.#bytes += keyTo - keyFrom
    if (rows.isTombstone(row)) return sink.addTombstone(keyGroup, rows.keys, keyFrom, keyTo)
    const valueFrom = rows.valueFrom(row)
    const valueTo = rows.valueTo(row)
    this.#bytes += valueTo - valueFrom
    sink.add(keyGroup, rows.keys, keyFrom, keyTo, values, valueFrom, valueTo, rows.minTimer(row))
  }

  #clearScratch(): void {
    clear(this.#scratch)
    this.#isDealt = false
  }

  #rewind(): void {
    this.#encodeGroup = 0
    this.writeGroup = 0
    this.#encoded.fill(0)
    this.#clearScratch()
    for (const target of this.#ahead) clear(target)
    this.#leaving.clear()
  }

  #revert(): void {
    const table = this.#table
    for (const group of table.groups) {
      for (let i = 0; i < group.frozen.length; i++) {
        const id = group.frozen.at(i)
        const page = table.pages[id >>> PAGE_BITS]!
        const slot = id & PAGE_MASK
        if (page.keys[slot] === undefined || page.epochs[slot]! <= this.completedEpoch) continue
        for (const values of page.values) {
          const map = values[slot]
          if (map instanceof MapValue) map.revert(this.completedEpoch, table.epoch)
        }
        if (page.epochs[slot]! <= this.frozenEpoch) table.markChanged(id)
      }
      group.frozen.clear()
    }
    this.spilled?.revert()
    this.pending = undefined
    table.freezing = false
    this.#rewind()
  }
}

function clear({ rows, numbers }: RowTarget): void {
  rows.reset()
  numbers.clear()
}
