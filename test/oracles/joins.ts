// Two streams joined by key and window: each window's records of both sides, then pairs or whole groups.
import type { OracleKey } from './keys.js'
import type { KeyedRecord, Window, WindowContent, Windowing } from './windows.js'
import { windowContents } from './windows.js'

/** A value that remembers which stream it came from. */
export type Sided<L, R> = { readonly side: 'left'; readonly value: L } | { readonly side: 'right'; readonly value: R }

/** All records of one key and window; one side may be empty, never both. */
export interface CoGroup<K extends OracleKey, L, R> extends Window {
  readonly key: K
  readonly left: readonly L[]
  readonly right: readonly R[]
}

/** A record of the left stream with one of the right stream, of the same key and window. */
export interface JoinedPair<K extends OracleKey, L, R> extends Window {
  readonly key: K
  readonly left: L
  readonly right: R
}

/** Both streams as one, each value marked with its side: left first. Windows and lateness go over this. */
export function sidedRecords<K extends OracleKey, L, R>(
  left: readonly KeyedRecord<K, L>[],
  right: readonly KeyedRecord<K, R>[],
): KeyedRecord<K, Sided<L, R>>[] {
  const records: KeyedRecord<K, Sided<L, R>>[] = []
  for (const { key, time, value } of left) records.push({ key, time, value: { side: 'left', value } })
  for (const { key, time, value } of right) records.push({ key, time, value: { side: 'right', value } })
  return records
}

/** A window's content taken apart by side again. */
export function splitSides<K extends OracleKey, L, R>(content: WindowContent<K, Sided<L, R>>): CoGroup<K, L, R> {
  const left: L[] = []
  const right: R[] = []
  for (const sided of content.values) {
    if (sided.side === 'left') left.push(sided.value)
    else right.push(sided.value)
  }
  return { key: content.key, start: content.start, end: content.end, left, right }
}

/** Every key and window that either stream has records in. Sessions are those of both streams taken together. */
export function coGroupWindows<K extends OracleKey, L, R>(
  left: readonly KeyedRecord<K, L>[],
  right: readonly KeyedRecord<K, R>[],
  windowing: Windowing,
): CoGroup<K, L, R>[] {
  return windowContents(sidedRecords(left, right), windowing).map(splitSides)
}

/** Every pair of a left and a right record of the same key and window; a pair comes once for each window it shares. */
export function joinWindows<K extends OracleKey, L, R>(
  left: readonly KeyedRecord<K, L>[],
  right: readonly KeyedRecord<K, R>[],
  windowing: Windowing,
): JoinedPair<K, L, R>[] {
  return coGroupWindows(left, right, windowing).flatMap(pairs)
}

/** The pairs of one group, left by left. */
export function pairs<K extends OracleKey, L, R>(group: CoGroup<K, L, R>): JoinedPair<K, L, R>[] {
  const { key, start, end } = group
  return group.left.flatMap((left) => group.right.map((right) => ({ key, start, end, left, right })))
}
