/*
 * The timers of one entry. The first stands in the page's columns (16 bytes), the others in two sorted lists. The index over all
 * entries (timer-index.ts) is only a hint: what is registered is what stands here.
 */
import { type Page, TIMER, TIMER_LIST, TIMER_PROCESSING } from './page.js'
import { PAGE_SIZE } from './page-size.js'
import { TimerLists } from './timer-lists.js'

/** Which clock a timer waits for; also its number in rows. */
export type TimerKind = 0 | 1
/** The timer waits for the watermark. */
export const EVENT_TIME: TimerKind = 0
/** The timer waits for the host's clock. */
export const PROCESSING_TIME: TimerKind = 1

/** Adds a timer; false when it was there. */
export function addTimer(page: Page, slot: number, kind: TimerKind, time: number, space: number): boolean {
  const marks = page.marks[slot]!
  if ((marks & TIMER) !== 0 && isInline(page, slot, kind, time, space)) return false
  const list = (marks & TIMER_LIST) !== 0 ? page.timerLists![slot]!.lists[kind] : undefined
  const at = list === undefined ? 0 : list.find(time, space)
  if (list?.holds(at, time, space)) return false
  if ((marks & TIMER) === 0) {
    if (page.timerTimes.length === 0) {
      page.timerTimes = new Float64Array(PAGE_SIZE)
      page.timerSpaces = new Float64Array(PAGE_SIZE)
    }
    page.timerTimes[slot] = time
    page.timerSpaces[slot] = space
    page.marks[slot] = (marks & ~TIMER_PROCESSING) | TIMER | (kind === PROCESSING_TIME ? TIMER_PROCESSING : 0)
    return true
  }
  const into = list ?? newLists(page, slot).lists[kind]
  into.times.splice(at, 0, time)
  into.spaces.splice(at, 0, space)
  return true
}

/** Removes a timer; false when there was none. */
export function removeTimer(page: Page, slot: number, kind: TimerKind, time: number, space: number): boolean {
  const marks = page.marks[slot]!
  if ((marks & TIMER) !== 0 && isInline(page, slot, kind, time, space)) {
    page.marks[slot] = marks & ~(TIMER | TIMER_PROCESSING)
    return true
  }
  if ((marks & TIMER_LIST) === 0) return false
  const both = page.timerLists![slot]!
  const list = both.lists[kind]
  const at = list.find(time, space)
  if (!list.holds(at, time, space)) return false
  list.times.splice(at, 1)
  list.spaces.splice(at, 1)
  if (both.lists[0].times.length + both.lists[1].times.length === 0) {
    page.timerLists![slot] = undefined
    page.marks[slot] = marks & ~TIMER_LIST
  }
  return true
}

/** The namespace of a timer of exactly `time`, the lowest but for the one in the columns; undefined when there is none. */
export function timerAt(page: Page, slot: number, kind: TimerKind, time: number): number | undefined {
  const marks = page.marks[slot]!
  if ((marks & TIMER) !== 0 && page.timerTimes[slot] === time && inlineKind(marks) === kind)
    return page.timerSpaces[slot]
  if ((marks & TIMER_LIST) === 0) return undefined
  const list = page.timerLists![slot]!.lists[kind]
  const at = list.find(time, -Infinity)
  return list.times[at] === time ? list.spaces[at] : undefined
}

/** The time of the earliest timer of a kind; Infinity when there is none. */
export function firstTimer(page: Page, slot: number, kind: TimerKind): number {
  const marks = page.marks[slot]!
  let first = (marks & TIMER) !== 0 && inlineKind(marks) === kind ? page.timerTimes[slot]! : Infinity
  if ((marks & TIMER_LIST) !== 0) first = Math.min(first, page.timerLists![slot]!.lists[kind].times[0] ?? Infinity)
  return first
}

/** Timers of the entry, of both kinds. */
export function countTimers(page: Page, slot: number): number {
  const marks = page.marks[slot]!
  if ((marks & TIMER_LIST) === 0) return (marks & TIMER) === 0 ? 0 : 1
  const { lists } = page.timerLists![slot]!
  return lists[0].times.length + lists[1].times.length + ((marks & TIMER) === 0 ? 0 : 1)
}

/** Calls back for every timer of the entry, which must not change meanwhile. */
export function eachTimer(
  page: Page,
  slot: number,
  visit: (kind: TimerKind, time: number, space: number) => void,
): void {
  const marks = page.marks[slot]!
  if ((marks & TIMER) !== 0) visit(inlineKind(marks), page.timerTimes[slot]!, page.timerSpaces[slot]!)
  if ((marks & TIMER_LIST) === 0) return
  for (const kind of [EVENT_TIME, PROCESSING_TIME]) {
    const { times, spaces } = page.timerLists![slot]!.lists[kind]
    for (let i = 0; i < times.length; i++) visit(kind, times[i]!, spaces[i]!)
  }
}

/** Forgets all timers of the entry. */
export function clearTimers(page: Page, slot: number): void {
  if ((page.marks[slot]! & TIMER_LIST) !== 0) page.timerLists![slot] = undefined
  page.marks[slot]! &= ~(TIMER | TIMER_PROCESSING | TIMER_LIST)
}

function inlineKind(marks: number): TimerKind {
  return (marks & TIMER_PROCESSING) === 0 ? EVENT_TIME : PROCESSING_TIME
}

function isInline(page: Page, slot: number, kind: TimerKind, time: number, space: number): boolean {
  return page.timerTimes[slot] === time && page.timerSpaces[slot] === space && inlineKind(page.marks[slot]!) === kind
}

function newLists(page: Page, slot: number): TimerLists {
  page.timerLists ??= new Array<TimerLists | undefined>(PAGE_SIZE).fill(undefined)
  const lists = new TimerLists()
  page.timerLists[slot] = lists
  page.marks[slot]! |= TIMER_LIST
  return lists
}
