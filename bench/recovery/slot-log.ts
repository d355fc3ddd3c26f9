// What one slot does, seen by its keyed operator: how many records it has had each millisecond, and each gap between records with how long of
// it the thread was ready to run but had no processor. Shared memory: it outlives the slot.
//
//   samples | gaps | (ms, records) ... | (ms, length, waited) ...
import { openSync, readSync } from 'node:fs'

import { monotonicMs } from './orders.js'

/** A quarter of an hour, one each millisecond. */
const SAMPLES = 1_000_000
const GAPS = 200_000
/** Shorter ones are the work itself. */
const SHORTEST_GAP_MS = 0.5
/** The clock is read at each so many records. */
const RECORDS_PER_LOOK = 16
const FIRST = 2

/** The writing side. Slot thread. */
export class SlotLog {
  readonly words: SharedArrayBuffer = new SharedArrayBuffer(8 * (FIRST + 2 * SAMPLES + 3 * GAPS))
  private readonly numbers = new Float64Array(this.words)
  private records = 0
  private lastMs: number = monotonicMs()
  private sampledMs = 0
  private readonly schedule: number = openSchedule()
  private readonly text: Buffer = Buffer.alloc(100)
  private waitedMs = 0

  /** A record is about to be processed. */
  record(): void {
    if (++this.records % RECORDS_PER_LOOK === 0) this.look()
  }

  private look(): void {
    const now = monotonicMs()
    const { numbers } = this
    if (now - this.lastMs >= SHORTEST_GAP_MS && numbers[1]! < GAPS) {
      const at = FIRST + 2 * SAMPLES + 3 * numbers[1]!
      numbers[at] = this.lastMs
      numbers[at + 1] = now - this.lastMs
      numbers[at + 2] = Math.min(now - this.lastMs, this.waited())
      numbers[1]!++
    }
    if (now - this.sampledMs >= 1 && numbers[0]! < SAMPLES) {
      const at = FIRST + 2 * numbers[0]!
      numbers[at] = now
      numbers[at + 1] = this.records
      numbers[0]!++
      this.sampledMs = now
      this.waited()
    }
    this.lastMs = now
  }

  /** Milliseconds since the last call that the thread has waited for a processor; 0 where the system does not say. */
  private waited(): number {
    if (this.schedule < 0) return 0
    const bytes = readSync(this.schedule, this.text, 0, this.text.length, 0)
    const totalMs = Number(this.text.toString('latin1', 0, bytes).split(' ')[1]) / 1e6
    const sinceMs = totalMs - this.waitedMs
    this.waitedMs = totalMs
    return sinceMs
  }
}

function openSchedule(): number {
  try {
    return openSync('/proc/thread-self/schedstat', 'r')
  } catch {
    return -1
  }
}

/** A time of a run, on the monotonic clock. */
export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** Gaps between records that lie in the span, or reach into it: milliseconds, less what the thread waited for a processor. */
export function gapsIn(words: SharedArrayBuffer, { fromMs, toMs }: Span): number[] {
  const numbers = new Float64Array(words)
  const gaps: number[] = []
  for (let i = 0; i < numbers[1]!; i++) {
    const at = FIRST + 2 * SAMPLES + 3 * i
    if (numbers[at]! < toMs && numbers[at]! + numbers[at + 1]! > fromMs) gaps.push(numbers[at + 1]! - numbers[at + 2]!)
  }
  return gaps
}

/** Records processed in the span. */
export function recordsIn(words: SharedArrayBuffer, { fromMs, toMs }: Span): number {
  return recordsUntil(words, toMs) - recordsUntil(words, fromMs)
}

/** Between two samples records came evenly. */
function recordsUntil(words: SharedArrayBuffer, ms: number): number {
  const numbers = new Float64Array(words)
  let low = 0
  let high = numbers[0]! - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (numbers[FIRST + 2 * middle]! < ms) low = middle + 1
    else high = middle
  }
  const after = FIRST + 2 * low
  const before = Math.max(FIRST, after - 2)
  const length = numbers[after]! - numbers[before]!
  if (length <= 0) return numbers[after + 1]!
  const share = Math.min(1, Math.max(0, (ms - numbers[before]!) / length))
  return numbers[before + 1]! + share * (numbers[after + 1]! - numbers[before + 1]!)
}
