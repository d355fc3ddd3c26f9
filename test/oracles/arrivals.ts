// Windows over records as they arrive, interleaved with watermarks: what fires when, what fires again, what is late.
// Follows Flink's window operator with its event-time trigger, by plain loops over every open window at every step.
import type { OracleKey } from './keys.js'
import { keyText } from './keys.js'
import type { KeyedRecord, Window, WindowContent, Windowing } from './windows.js'
import { byKeyAndStart, windowsOf } from './windows.js'

/** The next thing that reaches the operator. The end of a bounded stream is a watermark of Infinity. */
export type Arrival<K extends OracleKey, V> =
  | { readonly kind: 'record'; readonly record: KeyedRecord<K, V> }
  | { readonly kind: 'watermark'; readonly time: number }

/** One result: a window's whole content at that moment, `values` as they arrived. Its timestamp is `end - 1`. */
export interface Firing<K extends OracleKey, V> extends WindowContent<K, V> {
  /** False when the watermark passed the window's end; true when a record came after that, within allowed lateness. */
  readonly again: boolean
  /** How many arrivals came before the one that made it fire. */
  readonly at: number
}

/** What comes of a list of arrivals. Every record is in exactly one of windows, `late` and `unassigned`. */
export interface ArrivalOutcome<K extends OracleKey, V> {
  /** In order of firing; windows that one watermark fires by end, then by key and start. */
  readonly firings: readonly Firing<K, V>[]
  /** Records no window would take any more, in order of arrival: for the late output, or dropped and counted. */
  readonly late: readonly KeyedRecord<K, V>[]
  /** Records in time that fall between windows, where the slide is longer than the size. */
  readonly unassigned: readonly KeyedRecord<K, V>[]
}

interface OpenWindow<K extends OracleKey, V> extends Window {
  key: K
  keyId: string
  records: { arrival: number; value: V }[]
}

/** Runs the window operator over `arrivals`. Watermarks that fall are ignored. */
export function windowArrivals<K extends OracleKey, V>(
  arrivals: readonly Arrival<K, V>[],
  windowing: Windowing,
  allowedLatenessMs = 0,
): ArrivalOutcome<K, V> {
  const firings: Firing<K, V>[] = []
  const late: KeyedRecord<K, V>[] = []
  const unassigned: KeyedRecord<K, V>[] = []
  let watermark = -Infinity
  let open: OpenWindow<K, V>[] = []

  const isGone = (window: Window): boolean => window.end - 1 + allowedLatenessMs <= watermark
  const fire = (window: OpenWindow<K, V>, at: number, again: boolean): void => {
    const values = window.records.sort((a, b) => a.arrival - b.arrival).map(({ value }) => value)
    firings.push({ key: window.key, start: window.start, end: window.end, values, again, at })
  }

  for (const [at, arrival] of arrivals.entries()) {
    if (arrival.kind === 'watermark') {
      const before = watermark
      watermark = Math.max(watermark, arrival.time)
      const due = open.filter(({ end }) => end - 1 > before && end - 1 <= watermark)
      for (const window of due.sort((a, b) => a.end - b.end || byKeyAndStart(a, b))) fire(window, at, false)
      open = open.filter((window) => !isGone(window))
      continue
    }
    const { record } = arrival
    let taken = false
    for (const fresh of windowsOf(windowing, record.time)) {
      const records = [{ arrival: at, value: record.value }]
      const target = place(open, { ...fresh, key: record.key, keyId: keyText(record.key), records }, windowing)
      if (isGone(target.window)) continue
      taken = true
      open = target.open
      if (target.window.end - 1 <= watermark) fire(target.window, at, true)
    }
    if (taken) continue
    const assigned = windowsOf(windowing, record.time).length > 0
    if (assigned || record.time + allowedLatenessMs <= watermark) late.push(record)
    else unassigned.push(record)
  }
  return { firings, late, unassigned }
}

/** Puts a record's window among the open ones: into its equal, or, for sessions, into all of its key that it touches. */
function place<K extends OracleKey, V>(
  open: readonly OpenWindow<K, V>[],
  fresh: OpenWindow<K, V>,
  windowing: Windowing,
): { window: OpenWindow<K, V>; open: OpenWindow<K, V>[] } {
  const joins = (other: OpenWindow<K, V>): boolean => {
    if (other.keyId !== fresh.keyId) return false
    if (windowing.kind !== 'session') return other.start === fresh.start
    return other.start <= fresh.end && fresh.start <= other.end
  }
  const joined = open.filter(joins)
  const window = {
    key: joined[0]?.key ?? fresh.key,
    keyId: fresh.keyId,
    start: Math.min(fresh.start, ...joined.map(({ start }) => start)),
    end: Math.max(fresh.end, ...joined.map(({ end }) => end)),
    records: [...fresh.records, ...joined.flatMap(({ records }) => records)],
  }
  return { window, open: [...open.filter((other) => !joins(other)), window] }
}
