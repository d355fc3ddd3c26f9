// Windows over a complete list: no watermarks, no lateness, every record counts. Plain loops, written for the eye.
import type { OracleKey } from './keys.js'
import { groupByKey, keyText } from './keys.js'

/** A record as oracles see it; `time` is its event time. */
export interface KeyedRecord<K extends OracleKey, V> {
  readonly key: K
  readonly time: number
  readonly value: V
}

/** Milliseconds, half open: a record belongs to it from `start` up to but not including `end`. */
export interface Window {
  readonly start: number
  readonly end: number
}

/**
 * What one window of one key holds, `values` in the order of the list. `key` is one of the window's equal keys, so 0 or
 * -0: compare by `keyText`.
 */
export interface WindowContent<K extends OracleKey, V> extends Window {
  readonly key: K
  readonly values: readonly V[]
}

/** How records are put into windows. Offsets default to 0: windows start at multiples of size or slide. */
export type Windowing =
  | { readonly kind: 'tumbling'; readonly sizeMs: number; readonly offsetMs?: number }
  | { readonly kind: 'sliding'; readonly sizeMs: number; readonly slideMs: number; readonly offsetMs?: number }
  | { readonly kind: 'session'; readonly gapMs: number }

/** The windows, none or many, that a record of this time is first put into; sessions may then merge. */
export function windowsOf(windowing: Windowing, time: number): Window[] {
  if (windowing.kind === 'session') return [{ start: time, end: time + windowing.gapMs }]
  const { sizeMs, offsetMs = 0 } = windowing
  const stepMs = windowing.kind === 'sliding' ? windowing.slideMs : sizeMs
  const windows: Window[] = []
  let start = offsetMs + Math.floor((time - sizeMs - offsetMs) / stepMs) * stepMs
  for (; start <= time; start += stepMs) {
    if (time < start + sizeMs) windows.push({ start, end: start + sizeMs })
  }
  return windows
}

/** The contents of all windows, by key and start. */
export function windowContents<K extends OracleKey, V>(
  records: readonly KeyedRecord<K, V>[],
  windowing: Windowing,
): WindowContent<K, V>[] {
  switch (windowing.kind) {
    case 'tumbling':
      return tumblingWindows(records, windowing.sizeMs, windowing.offsetMs)
    case 'sliding':
      return slidingWindows(records, windowing.sizeMs, windowing.slideMs, windowing.offsetMs)
    case 'session':
      return sessionWindows(records, windowing.gapMs)
  }
}

/** One window a record: the one of `sizeMs` it falls into. */
export function tumblingWindows<K extends OracleKey, V>(
  records: readonly KeyedRecord<K, V>[],
  sizeMs: number,
  offsetMs = 0,
): WindowContent<K, V>[] {
  return slidingWindows(records, sizeMs, sizeMs, offsetMs)
}

/** Every window of `sizeMs`, one starting each `slideMs`, that holds a record; a longer slide leaves records out. */
export function slidingWindows<K extends OracleKey, V>(
  records: readonly KeyedRecord<K, V>[],
  sizeMs: number,
  slideMs: number,
  offsetMs = 0,
): WindowContent<K, V>[] {
  const contents: WindowContent<K, V>[] = []
  for (const group of groupByKey(records)) {
    const windows = new Map<number, V[]>()
    for (const { time, value } of group) {
      for (const { start } of windowsOf({ kind: 'sliding', sizeMs, slideMs, offsetMs }, time)) {
        const values = windows.get(start)
        if (values === undefined) windows.set(start, [value])
        else values.push(value)
      }
    }
    for (const [start, values] of windows) contents.push({ key: group[0]!.key, start, end: start + sizeMs, values })
  }
  return contents.sort(byKeyAndStart)
}

/** Runs of records no further apart than `gapMs`: [a, b) and [b, c) touch, so they are one session. */
export function sessionWindows<K extends OracleKey, V>(
  records: readonly KeyedRecord<K, V>[],
  gapMs: number,
): WindowContent<K, V>[] {
  const contents: WindowContent<K, V>[] = []
  for (const group of groupByKey(records)) {
    const inTime = group.map((record, place) => ({ ...record, place })).sort((a, b) => a.time - b.time)
    let run: typeof inTime = []
    for (const [k, record] of inTime.entries()) {
      run.push(record)
      const next = inTime[k + 1]
      if (next !== undefined && next.time - record.time <= gapMs) continue
      const start = run[0]!.time
      const values = run.sort((a, b) => a.place - b.place).map(({ value }) => value)
      contents.push({ key: record.key, start, end: record.time + gapMs, values })
      run = []
    }
  }
  return contents.sort(byKeyAndStart)
}

/** Sorts window results for comparison; the order of keys means nothing but is always the same. */
export function byKeyAndStart(
  a: Window & { readonly key: OracleKey },
  b: Window & { readonly key: OracleKey },
): number {
  const [left, right] = [keyText(a.key), keyText(b.key)]
  if (left !== right) return left < right ? -1 : 1
  return a.start - b.start || a.end - b.end
}
