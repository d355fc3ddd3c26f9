/*
 * Timers of one operator subtask. What is registered stands in the entries; the two indexes say when to look. Firing goes strictly by
 * time; among timers of one time the order is deterministic and nothing more is promised.
 */
import { MillraceError } from '../contract/errors.js'
import type { TimerService } from '../contract/state.js'
import { MAX_WATERMARK, MIN_WATERMARK, type Clock } from '../contract/time.js'
import { addTimer, EVENT_TIME, PROCESSING_TIME, removeTimer, timerAt, type TimerKind } from './entry-timers.js'
import { NO_ENTRY, type EntryTable } from './entry-table.js'
import { PAGE_BITS, PAGE_MASK } from './page-size.js'
import { TimerIndex } from './timer-index.js'

/** The times of timers whose entries are not in memory. */
export interface SpilledTimers {
  /** The earliest, or a time before it; Infinity when there are none. */
  firstTime(kind: TimerKind): number
}

/** Called with a timer's time and namespace; its key is current. */
export type FireTimer = (time: number, namespace: number) => void

/** The timers of one operator subtask, for its functions and its host. Semantics: Flink's InternalTimerService. Slot thread. */
export class KeyedTimers implements TimerService {
  readonly indexes: readonly [TimerIndex, TimerIndex]
  /** Registered timers by kind, those of spilled entries included. */
  readonly counts: [number, number] = [0, 0]
  spilled: SpilledTimers | undefined = undefined
  readonly #table: EntryTable
  readonly #clock: Clock
  readonly #uid: string
  #watermark = MIN_WATERMARK

  constructor(uid: string, table: EntryTable, clock: Clock) {
    this.#uid = uid
    this.#table = table
    this.#clock = clock
    const index = (kind: TimerKind): TimerIndex =>
      new TimerIndex((id, time) => this.#namespaceAt(id, kind, time) !== undefined)
    this.indexes = [index(EVENT_TIME), index(PROCESSING_TIME)]
  }

  currentWatermark(): number {
    return this.#watermark
  }

  currentProcessingTime(): number {
    return this.#clock.now()
  }

  registerEventTimer(time: number, namespace: number = 0): void {
    if (this.#watermark === MAX_WATERMARK) {
      throw new MillraceError(
        'MILLRACE_TIMER',
        `operator '${this.#uid}' registered an event timer after the end of its input`,
        {
          hint: 'the watermark is +infinity: nothing could make the timer fire; check currentWatermark() first',
        },
      )
    }
    this.#register(EVENT_TIME, time, namespace)
  }

  deleteEventTimer(time: number, namespace: number = 0): void {
    this.#delete(EVENT_TIME, time, namespace)
  }

  registerProcessingTimer(time: number, namespace: number = 0): void {
    this.#register(PROCESSING_TIME, time, namespace)
  }

  deleteProcessingTimer(time: number, namespace: number = 0): void {
    this.#delete(PROCESSING_TIME, time, namespace)
  }

  /** The watermark of a restored operator; fires nothing. */
  restoreWatermark(watermark: number): void {
    this.#watermark = watermark
  }

  /** Raises the watermark and fires what is due; false when there is more to do. */
  advanceWatermark(watermark: number, fire: FireTimer, shouldYield: () => boolean): boolean {
    if (watermark > this.#watermark) this.#watermark = watermark
    return this.fireUntil(EVENT_TIME, this.#watermark, fire, shouldYield)
  }

  /** Fires timers up to `limit`, each with its key set; false when there is more to do, in memory or in the spill store. */
  fireUntil(kind: TimerKind, limit: number, fire: FireTimer, shouldYield: () => boolean): boolean {
    const index = this.indexes[kind]
    const table = this.#table
    // Timers of one time may fire in any order, so those in memory go up to the first spilled one's time.
    const spilled = this.spilled === undefined ? Infinity : this.spilled.firstTime(kind)
    const bound = Math.min(limit, spilled)
    while (index.seek(bound)) {
      const { id, time } = index
      const namespace = this.#namespaceAt(id, kind, time)
      if (namespace === undefined) {
        index.take()
        continue
      }
      if (shouldYield()) return false
      table.setCurrentId(id)
      table.write()
      removeTimer(table.page, table.slot, kind, time, namespace)
      table.mayBeEmpty = true
      this.counts[kind]--
      index.fire()
      fire(time, namespace)
    }
    if (table.mayBeEmpty) table.settle()
    return spilled === Infinity || spilled > limit
  }

  /** The time of the next timer, or one before it; Infinity when there is none. */
  nextTime(kind: TimerKind): number {
    const next = this.indexes[kind].nextTime()
    return this.spilled === undefined ? next : Math.min(next, this.spilled.firstTime(kind))
  }

  #register(kind: TimerKind, time: number, namespace: number): void {
    if (!Number.isSafeInteger(time) || !Number.isFinite(namespace)) throw this.#refuse(time, namespace)
    const table = this.#table
    table.write()
    if (!addTimer(table.page, table.slot, kind, time, namespace)) return
    this.counts[kind]++
    this.indexes[kind].add(time, table.id)
  }

  #delete(kind: TimerKind, time: number, namespace: number): void {
    const table = this.#table
    if (table.id === NO_ENTRY) return table.absent()
    const page = table.page
    // Deleting what is not there is common (windows clean up) and must not count as a change.
    if (this.#namespaceAt(table.id, kind, time) === undefined) return
    table.write()
    if (!removeTimer(page, table.slot, kind, time, namespace)) return
    table.mayBeEmpty = true
    this.counts[kind]--
    this.indexes[kind].remove(time)
  }

  #namespaceAt(id: number, kind: TimerKind, time: number): number | undefined {
    return timerAt(this.#table.pages[id >>> PAGE_BITS]!, id & PAGE_MASK, kind, time)
  }

  #refuse(time: number, namespace: number): MillraceError {
    const message = `operator '${this.#uid}' registered a timer for time ${time}, namespace ${namespace}`
    return new MillraceError('MILLRACE_TIMER', message, {
      hint: 'times are whole epoch milliseconds between the smallest and the largest safe integer, namespaces finite numbers',
    })
  }
}
