/*
 * Entries that do not fit into memory. All of an entry leaves at once, cold ones first (a clock's hand over the slots: what was used since
 * it last passed stays once more), and comes back at once: with the batch that needs it, before its timer fires, or by a
 * synchronous read in the middle of a record.
 *
 *   memory --evict--> buffer --flush--> store         read: buffer, then store
 *
 * Invariant: an entry is in memory or outside, never both: a copy outside of an entry in memory is not looked at, and deleted when the
 * entry is freed. Asynchronous work runs one after another; entries leave memory only between two pieces of it.
 */
import { KeyDecoder } from '../codec/key-decoder.js'
import { mapKeyOf } from '../codec/map-key.js'
import type { Key } from '../contract/key.js'
import type { Charge } from './charge.js'
import { copyKey } from './copy-key.js'
import { rowKeyOf } from './entry-encoder.js'
import { type EntryTable, type Loader, NO_ENTRY } from './entry-table.js'
import { eachTimer, EVENT_TIME, firstTimer, PROCESSING_TIME, type TimerKind } from './entry-timers.js'
import type { GroupEntries } from './group-entries.js'
import type { KeyedTimers, SpilledTimers } from './keyed-timers.js'
import { LOGGED, SAME, SPILLED, TOUCHED } from './page.js'
import { PAGE_BITS, PAGE_MASK, PAGE_SIZE } from './page-size.js'
import { RowBuffer } from './row-buffer.js'
import type { Snapshot } from './snapshot.js'
import type { SpillBlobs } from './spill-blob.js'
import { SpillBuffer } from './spill-buffer.js'
import {
  addressOf,
  entryKey,
  entryRange,
  keyOf,
  type SpilledAddress,
  timeOf,
  timerKey,
  timerRange,
} from './spill-keys.js'
import type { SpillStore } from './spill-store.js'
import { SpilledChanges } from './spilled-changes.js'
import { SpilledKeys } from './spilled-keys.js'

/** Entries that leave or come in one go. */
const BATCH = 1024
const NO_BYTES = new Uint8Array(0)

/** What spilling works with. */
export interface SpillHost {
  readonly table: EntryTable
  readonly timers: KeyedTimers
  readonly snapshot: Snapshot
  readonly blobs: SpillBlobs
  readonly charge: Charge
  readonly store: SpillStore
  readonly cacheBytes: number
}

/** Moves entries between memory and the spill store. Slot thread. */
export class Spill implements Loader, SpilledTimers {
  readonly #host: SpillHost
  readonly #table: EntryTable
  readonly #store: SpillStore
  readonly #buffer: SpillBuffer
  readonly #changes = new SpilledChanges()
  readonly #first: [number, number] = [Infinity, Infinity]
  readonly #decoder = new KeyDecoder()
  readonly #keyRow = new RowBuffer(256)
  #keys = new SpilledKeys()
  /** Entries outside memory, and copies of those in it. */
  #outside = 0
  #holdsEntries = false
  #hand = 0
  #busy: Promise<void> | undefined = undefined

  constructor(host: SpillHost) {
    this.#host = host
    this.#table = host.table
    this.#store = host.store
    this.#buffer = new SpillBuffer(host.store)
    host.timers.spilled = this
    host.snapshot.spilled = this.#changes
  }

  /** Whether an entry may be outside memory. */
  get holdsEntries(): boolean {
    return this.#holdsEntries
  }

  firstTime(kind: TimerKind): number {
    return this.#first[kind]
  }

  load(): number {
    const key = this.#table.key!
    const rowKey = rowKeyOf(this.#keyRow, key)
    if (!this.#keys.has(rowKey)) return NO_ENTRY
    const group = this.#table.group
    const blob = this.#buffer.getSync(entryKey(group.keyGroup, rowKey))
    return blob === undefined ? NO_ENTRY : this.#install(group, key, blob)
  }

  forget(id: number): void {
    const page = this.#table.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    this.#buffer.delete(entryKey(page.group.keyGroup, rowKeyOf(this.#keyRow, page.keys[slot]!)))
    this.#outside--
  }

  /** Evicts a batch when there is too much in memory. The promise, if any, is of the writing: wait for it before the next records. */
  evictIfNeeded(): Promise<void> | undefined {
    const { charge, cacheBytes } = this.#host
    const bytes = charge.bytes()
    if (2 * bytes > cacheBytes) this.#table.tracking = true
    if (this.#busy !== undefined) return bytes > cacheBytes ? this.#busy : undefined
    if (bytes > cacheBytes) this.#evict(cacheBytes - cacheBytes / 8)
    else if (this.#buffer.size < BATCH) return undefined
    return this.#exclusive(() => this.#flush())
  }

  /** Brings entries of these keys back; undefined when none of them can be outside. */
  prefetch(keys: readonly Key[], keyGroups: Uint16Array, count: number): Promise<void> | undefined {
    if (!this.#holdsEntries) return undefined
    const wanted = new Map<string, SpilledAddress>()
    for (let i = 0; i < count; i++) {
      const group = this.#table.groupOf(keyGroups[i]!)
      if (group.ids.has(mapKeyOf(keys[i]!))) continue
      const rowKey = rowKeyOf(this.#keyRow, keys[i]!)
      if (this.#keys.has(rowKey)) this.#want(wanted, { keyGroup: group.keyGroup, rowKey: rowKey.slice() })
    }
    return wanted.size === 0 ? undefined : this.#exclusive(() => this.#bring([...wanted.values()]))
  }

  /** Brings a batch of entries back whose timers are due by `limit`; undefined when those in memory come first. */
  prefetchTimers(kind: TimerKind, limit: number): Promise<void> | undefined {
    const first = this.#first[kind]
    if (first === Infinity || first > limit) return undefined
    if (this.#host.timers.indexes[kind].nextTime() <= Math.min(limit, first)) return undefined
    return this.#exclusive(() => this.#bringTimers(kind, limit))
  }

  /**
   * Hands a batch of frozen rows of the group that is being written to the snapshot; undefined when there are none (left). Not of later
   * groups: they may be many times what fits into memory.
   */
  prefetchFrozen(): Promise<void> | undefined {
    const { snapshot } = this.#host
    if (snapshot.pending === undefined || !this.#changes.hasFrozen(snapshot.writeGroup)) return undefined
    return this.#exclusive(() => this.#bringFrozen())
  }

  /** Waits for the work under way, whatever comes of it. */
  async close(): Promise<void> {
    await this.#busy?.catch(() => undefined)
  }

  #evict(target: number): void {
    const table = this.#table
    this.#holdsEntries = true
    table.loader ??= this
    const slots = table.pages.length * PAGE_SIZE
    let left = BATCH
    for (let steps = 2 * slots; steps > 0 && left > 0; steps--) {
      const id = this.#hand
      this.#hand = (id + 1) % slots
      const page = table.pages[id >>> PAGE_BITS]!
      const slot = id & PAGE_MASK
      if (page.keys[slot] === undefined) continue
      if ((page.marks[slot]! & TOUCHED) !== 0) page.marks[slot]! &= ~TOUCHED
      else if (!this.#isDue(id)) {
        this.#evictEntry(id)
        left--
        if ((left & 63) === 0 && this.#host.charge.bytes() <= target) return
      }
    }
  }

  /** Entries whose event timers are due stay: they would only come back to fire. */
  #isDue(id: number): boolean {
    const page = this.#table.pages[id >>> PAGE_BITS]!
    return firstTimer(page, id & PAGE_MASK, EVENT_TIME) <= this.#host.timers.currentWatermark()
  }

  #evictEntry(id: number): void {
    const { snapshot, blobs, timers } = this.#host
    const page = this.#table.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    if (this.#table.freezing) snapshot.touch(id)
    const { keyGroup, index } = page.group
    const rowKey = rowKeyOf(this.#keyRow, page.keys[slot]!).slice()
    const marks = page.marks[slot]!
    if ((marks & SAME) === 0) this.#buffer.put(entryKey(keyGroup, rowKey), blobs.encode(page, slot))
    if ((marks & SPILLED) === 0) this.#outside++
    this.#keys.add(rowKey)
    const epoch = page.epochs[slot]!
    if (epoch > snapshot.frozenEpoch) {
      if ((marks & LOGGED) === 0) this.#changes.change(index, rowKey)
    } else if (epoch > snapshot.completedEpoch) this.#changes.encode(index, rowKey)
    for (const kind of [EVENT_TIME, PROCESSING_TIME] as const) {
      const first = firstTimer(page, slot, kind)
      if (first === Infinity) continue
      this.#buffer.put(timerKey(kind, first, keyGroup, rowKey), NO_BYTES)
      if (first < this.#first[kind]) this.#first[kind] = first
    }
    const stale: [TimerKind, number][] = []
    eachTimer(page, slot, (kind, time) => stale.push([kind, time]))
    this.#table.free(id)
    for (const [kind, time] of stale) timers.indexes[kind].remove(time)
  }

  /** Makes an entry of a blob; its id, or NO_ENTRY when nothing of it counts any more. */
  #install(group: GroupEntries, key: Key, blob: Uint8Array): number {
    const { snapshot, blobs, timers } = this.#host
    const table = this.#table
    const id = table.allocate(group, mapKeyOf(key), copyKey(key))
    const page = table.pages[id >>> PAGE_BITS]!
    const slot = id & PAGE_MASK
    const epoch = blobs.decode(blob, page, slot, (kind, time) => timers.indexes[kind].add(time, id))
    page.marks[slot]! |= SPILLED | TOUCHED
    if (epoch <= snapshot.completedEpoch) {
      page.marks[slot]! |= SAME
      table.freeIfGone(id)
      return page.keys[slot] === undefined ? NO_ENTRY : id
    }
    if (snapshot.pending === undefined || epoch > snapshot.frozenEpoch) {
      table.markChanged(id)
      page.marks[slot]! |= LOGGED
      if (snapshot.pending !== undefined) snapshot.adopt(id)
    } else {
      page.epochs[slot] = epoch
      snapshot.adopt(id)
    }
    return id
  }

  #want(wanted: Map<string, SpilledAddress>, address: SpilledAddress): void {
    wanted.set(`${address.keyGroup}/${Buffer.from(address.rowKey).toString('latin1')}`, address)
  }

  async #bring(addresses: readonly SpilledAddress[]): Promise<void> {
    const keys = addresses.map((address) => entryKey(address.keyGroup, address.rowKey))
    const blobs = await this.#buffer.getMany(keys)
    for (let i = 0; i < keys.length; i++) {
      const { keyGroup, rowKey } = addresses[i]!
      const group = this.#table.groupOf(keyGroup)
      const key = keyOf(this.#decoder, rowKey)
      // Meanwhile a record may have brought it back, and may even have ended it.
      if (blobs[i] === undefined || group.ids.has(mapKeyOf(key)) || this.#buffer.get(keys[i]!) === null) continue
      this.#install(group, key, blobs[i]!)
    }
  }

  async #bringTimers(kind: TimerKind, limit: number): Promise<void> {
    await this.#buffer.flush()
    const [from, to] = timerRange(kind)
    const rows = await this.#store.range(from, to, BATCH)
    const wanted = new Map<string, SpilledAddress>()
    let first = Infinity
    for (const [timer] of rows) {
      const time = timeOf(this.#decoder, timer)
      first = time
      if (time > limit) break
      const address = addressOf(timer)
      const key = mapKeyOf(keyOf(this.#decoder, address.rowKey))
      if (!this.#table.groupOf(address.keyGroup).ids.has(key)) this.#want(wanted, address)
      this.#buffer.delete(timer)
    }
    await this.#bring([...wanted.values()])
    this.#first[kind] = first > limit || rows.length === BATCH ? first : Infinity
  }

  async #bringFrozen(): Promise<void> {
    const { snapshot, blobs } = this.#host
    const checkpoint = snapshot.pending
    const group = snapshot.writeGroup
    if (checkpoint === undefined || !this.#changes.hasFrozen(group)) return
    const entries = this.#table.groups[group]!
    const rowKeys = this.#changes.beginRead(group, BATCH)
    try {
      const keys = rowKeys.map((rowKey) => entryKey(entries.keyGroup, rowKey))
      const found = await this.#buffer.getMany(keys)
      if (snapshot.pending !== checkpoint) return // aborted meanwhile; the next one reads its own
      for (let i = 0; i < keys.length; i++) {
        const inMemory = entries.ids.has(mapKeyOf(keyOf(this.#decoder, rowKeys[i]!)))
        if (found[i] === undefined || inMemory) continue
        blobs.emitFrozen(found[i]!, rowKeys[i]!, snapshot.target)
      }
    } finally {
      this.#changes.endRead()
    }
  }

  async #flush(): Promise<void> {
    await this.#buffer.flush()
    if (this.#keys.taken > 4 * this.#outside + 64 * BATCH) await this.#relearn()
  }

  /** Builds the filter of spilled keys anew, without those that are gone. Nothing leaves memory meanwhile. */
  async #relearn(): Promise<void> {
    const keys = new SpilledKeys()
    const [begin, end] = entryRange()
    let from = begin
    for (;;) {
      const rows = await this.#store.range(from, end, BATCH)
      for (const [key] of rows) keys.add(key.subarray(3))
      if (rows.length < BATCH) break
      const last = rows.at(-1)![0]
      from = new Uint8Array(last.length + 1)
      from.set(last)
    }
    this.#keys = keys
  }

  #exclusive(work: () => Promise<void>): Promise<void> {
    const before = this.#busy ?? Promise.resolve()
    const done: Promise<void> = before.then(work).finally(() => {
      if (this.#busy === done) this.#busy = undefined
    })
    this.#busy = done
    return done
  }
}
