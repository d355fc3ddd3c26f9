/*
 * A backend that has started while its state still lies in a checkpoint. What is asked for is read at once; the rest moves into memory
 * behind, range by range, in order.
 *
 *   position:   0 ........ moved ................................ end
 *               in memory  |  in the checkpoint, but for settled keys
 *
 * Invariants:
 *   - a key is in the checkpoint, or in memory or spilled, never both: of what lies below `moved`, and of settled keys, the rows of the
 *     checkpoint don't count any more. So a key that is deleted meanwhile needs no mark
 *   - after rows were read nothing waits until the range they are of has moved, or their keys are settled
 *   - in a range that has not moved no key has a timer before its time in `due`, but for settled ones
 */
import { mapKeyOf, type MapKey } from '../codec/map-key.js'
import { POSITIONS, rowPosition } from '../codec/row-position.js'
import { MillraceError } from '../contract/errors.js'
import type { Key } from '../contract/key.js'
import { rowKeyOf } from './entry-encoder.js'
import { type EntryTable, type Loader, NO_ENTRY } from './entry-table.js'
import { EVENT_TIME, PROCESSING_TIME, type TimerKind } from './entry-timers.js'
import type { SpilledTimers } from './keyed-timers.js'
import { TOUCHED } from './page.js'
import { RowBuffer } from './row-buffer.js'
import type { RowCodec } from './row-codec.js'
import type { RowRestorer } from './row-restorer.js'
import { SettledKeys } from './settled-keys.js'
import type { RowCursor, StoredRow, StoredRows } from './stored-rows.js'
import { isRowOf, spansOf, type WantedKey } from './wanted-keys.js'

/** Ranges read in one go. */
const WINDOW = 16
/** Places at which keys are looked for at a time. */
const LOOKUPS = 64
/** For so many rows found a range is moved, which takes about as long: who asks does not put off the end. */
const FOUND_PER_RANGE = 16
/** Evictions after a range at most: two make room for more than a range holds. */
const EVICTIONS = 2

/** What restoring works with. */
export interface RestoringHost {
  readonly table: EntryTable
  readonly codec: RowCodec
  readonly restorer: RowRestorer
  readonly rows: StoredRows
  /** Times before which no key of the checkpoint has a timer, by kind. */
  readonly firstTimers: readonly [number, number]
  /** What has been spilled, if anything can be. */
  readonly spill: (Loader & SpilledTimers) | undefined
  /** Makes room in memory, if need be. */
  readonly evict: () => Promise<void> | undefined
  /** All of it has moved. */
  readonly done: () => void
}

/** Brings the rows of a checkpoint into memory: on demand, and all of them by and by. Slot thread. */
export class Restoring implements Loader, SpilledTimers {
  readonly #host: RestoringHost
  readonly #rows: StoredRows
  readonly #ranges: number
  readonly #settled = new SettledKeys()
  readonly #keyRow = new RowBuffer(256)
  readonly #due: readonly [Float64Array, Float64Array]
  readonly #first: [number, number] = [Infinity, Infinity]
  /** Of each kind, up to where timers were asked for at first. */
  readonly #origin: [number, number] = [NaN, NaN]
  /** Ranges below are in memory. */
  #moved = 0
  /** On the first row that has not moved, if `#onRow`. */
  #window: RowCursor | undefined
  #onRow = false
  #windowEnd = 0
  #opening: Promise<void> | undefined
  /** The window behind. */
  #ahead: Promise<RowCursor> | undefined
  #closed = false

  constructor(host: RestoringHost) {
    this.#host = host
    this.#rows = host.rows
    this.#ranges = host.rows.bounds.length - 1
    const minTimers = Float64Array.from({ length: this.#ranges }, (_, range) => host.rows.minTimer(range))
    this.#due = [
      minTimers.map((time) => Math.max(time, host.firstTimers[EVENT_TIME])),
      minTimers.map((time) => Math.max(time, host.firstTimers[PROCESSING_TIME])),
    ]
    this.#findFirst(EVENT_TIME)
    this.#findFirst(PROCESSING_TIME)
  }

  firstTime(kind: TimerKind): number {
    const { spill } = this.#host
    return spill === undefined ? this.#first[kind] : Math.min(this.#first[kind], spill.firstTime(kind))
  }

  load(): number {
    const { table, spill } = this.#host
    const id = spill?.load() ?? NO_ENTRY
    if (id !== NO_ENTRY) return id
    const { keyGroup } = table.group
    const position = rowPosition(keyGroup, rowKeyOf(this.#keyRow, table.key!), 0)
    if (!this.#isStored(keyGroup, position, mapKeyOf(table.key!))) return NO_ENTRY
    throw new MillraceError('MILLRACE_INTERNAL', 'the state of a key was used before it was read from the checkpoint')
  }

  forget(id: number): void {
    this.#host.spill!.forget(id)
  }

  /** Brings what the checkpoint holds of these keys; undefined when there is nothing to look for. */
  prefetch(keys: readonly Key[], keyGroups: Uint16Array, count: number): Promise<void> | undefined {
    const wanted: WantedKey[] = []
    for (let i = 0; i < count; i++) {
      const { ids, keyGroup } = this.#host.table.groupOf(keyGroups[i]!)
      const key = mapKeyOf(keys[i]!)
      if (ids.has(key)) continue
      const rowKey = rowKeyOf(this.#keyRow, keys[i]!)
      const position = rowPosition(keyGroup, rowKey, 0)
      if (this.#isStored(keyGroup, position, key)) wanted.push({ keyGroup, position, key, rowKey: rowKey.slice() })
    }
    return wanted.length === 0 ? undefined : this.#bring(wanted)
  }

  /** Brings the keys that have timers due by `limit`; undefined when there are none. */
  prefetchTimers(kind: TimerKind, limit: number): Promise<void> | undefined {
    const first = this.#first[kind]
    return first === Infinity || first > limit ? undefined : this.#bringTimers(kind, limit)
  }

  /** Moves so many ranges, or what is left. Any number of calls may be under way. */
  async move(ranges: number): Promise<void> {
    for (let i = 0; i < ranges; i++) {
      while (this.#window === undefined && !this.#isOver) await (this.#opening ??= this.#openWindow())
      if (this.#isOver) return
      this.#moveRange(this.#window!)
      for (let n = 0; n < EVICTIONS && !this.#closed; n++) {
        const evicting = this.#host.evict()
        if (evicting === undefined) break
        await evicting
      }
    }
  }

  /** What is under way comes to its end; nothing begins any more. */
  close(): void {
    this.#closed = true
  }

  get #isOver(): boolean {
    return this.#closed || this.#moved === this.#ranges
  }

  /** Whether the checkpoint is what knows about a key that is not in memory. */
  #isStored(keyGroup: number, position: number, key: MapKey): boolean {
    return position >= this.#rows.bounds[this.#moved]! && !this.#settled.has(keyGroup, key)
  }

  async #bring(wanted: WantedKey[]): Promise<void> {
    const spans = spansOf(wanted, this.#rows.bounds)
    let found = 0
    for (let at = 0; at < spans.length && !this.#isOver; at += LOOKUPS) {
      const looked = await Promise.all(spans.slice(at, at + LOOKUPS).map((span) => this.#lookFor(span)))
      for (const count of looked) found += count
    }
    await this.move(Math.ceil(found / FOUND_PER_RANGE))
  }

  /** Returns how many rows it found. */
  async #lookFor(span: readonly WantedKey[]): Promise<number> {
    const cursor = await this.#rows.readAt(span.map(({ position }) => position))
    const wanted = span.filter(({ keyGroup, position, key }) => this.#isStored(keyGroup, position, key))
    let found = 0
    let at = 0
    while (cursor.next()) {
      const { position, row } = cursor
      while (at < wanted.length && wanted[at]!.position < position) at++
      for (let i = at; i < wanted.length && wanted[i]!.position === position; i++) {
        if (!isRowOf(row, wanted[i]!.rowKey)) continue
        this.#look(row)
        this.#take(row, TOUCHED)
        found++
        break
      }
    }
    for (const { keyGroup, key } of wanted) this.#settled.add(keyGroup, key)
    return found
  }

  /** Looks twice as far ahead each time, so that few keys are read for often. */
  async #bringTimers(kind: TimerKind, limit: number): Promise<void> {
    const due = this.#due[kind]
    if (Number.isNaN(this.#origin[kind]) && Number.isFinite(limit)) this.#origin[kind] = limit
    const horizon = Number.isFinite(limit) ? 2 * limit - this.#origin[kind] : limit
    const isDue = (range: number): boolean => due[range]! !== Infinity && due[range]! <= limit
    for (let from = this.#moved; from < this.#ranges && !this.#isOver; from = Math.max(from, this.#moved)) {
      let to = from + 1
      if (isDue(from)) {
        while (to < this.#ranges && to < from + WINDOW && isDue(to)) to++
        const cursor = await this.#rows.read(this.#rows.bounds[from]!, this.#rows.bounds[to]!)
        this.#takeDue(kind, horizon, cursor, from, to)
        await this.#host.evict()
      }
      from = to
    }
    this.#findFirst(kind)
  }

  #takeDue(kind: TimerKind, horizon: number, cursor: RowCursor, from: number, to: number): void {
    const { bounds } = this.#rows
    const due = this.#due[kind]
    const moved = bounds[this.#moved]!
    let range = from
    let next = Infinity
    /** The row key of the entry that is being taken: its cells come behind it. */
    let taking: Uint8Array | undefined
    while (cursor.next()) {
      const { row, position } = cursor
      for (; position >= bounds[range + 1]!; next = Infinity) due[range++] = next
      if (position < moved) continue
      if (taking !== undefined && isRowOf(row, taking)) {
        this.#look(row)
        this.#take(row, TOUCHED)
        continue
      }
      taking = undefined
      let time = row.minTimer
      if (time <= horizon) time = this.#host.codec.firstTimer(kind, row.buffer, row.valueFrom, row.valueTo)
      if (time > horizon || time === Infinity) {
        if (time < next) next = time
        continue
      }
      const key = this.#look(row)
      if (this.#settled.has(row.keyGroup, key)) continue
      this.#take(row, TOUCHED)
      this.#settled.add(row.keyGroup, key)
      taking = row.buffer.slice(row.keyFrom, row.keyTo)
    }
    for (; range < to; next = Infinity) due[range++] = next
  }

  #findFirst(kind: TimerKind): void {
    let first = Infinity
    for (let range = this.#moved; range < this.#ranges; range++) first = Math.min(first, this.#due[kind][range]!)
    this.#first[kind] = first
  }

  async #openWindow(): Promise<void> {
    const from = this.#moved
    const cursor = await (this.#ahead ?? this.#readWindow(from))
    this.#windowEnd = Math.min(this.#ranges, from + WINDOW)
    this.#ahead = this.#windowEnd === this.#ranges ? undefined : this.#readWindow(this.#windowEnd)
    this.#ahead?.catch(() => {}) // who waits for it is told
    this.#onRow = cursor.next()
    this.#window = cursor
    this.#opening = undefined
  }

  #readWindow(from: number): Promise<RowCursor> {
    const { bounds } = this.#rows
    return this.#rows.read(bounds[from]!, bounds[Math.min(this.#ranges, from + WINDOW)]!)
  }

  #moveRange(window: RowCursor): void {
    const end = this.#rows.bounds[this.#moved + 1]!
    for (; this.#onRow && window.position < end; this.#onRow = window.next()) {
      const { row } = window
      const key = this.#look(row)
      if (!this.#settled.has(row.keyGroup, key)) this.#take(row, 0)
    }
    this.#moved++
    this.#settled.dropBelow(Math.floor(end / POSITIONS))
    if (this.#moved < this.#windowEnd) return
    this.#window = undefined
    this.#findFirst(EVENT_TIME)
    this.#findFirst(PROCESSING_TIME)
    if (this.#moved === this.#ranges) this.#host.done()
  }

  #look(row: StoredRow): MapKey {
    return this.#host.restorer.look(row.keyGroup, row.buffer, row.keyFrom, row.keyTo)
  }

  #take(row: StoredRow, mark: number): void {
    this.#host.restorer.take(row.buffer, row.valueFrom, row.valueTo, mark)
  }
}
