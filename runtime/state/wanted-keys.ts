import type { MapKey } from '../codec/map-key.js'
import type { StoredRow } from './stored-rows.js'

/** A key to be looked for in a checkpoint. */
export interface WantedKey {
  readonly keyGroup: number
  readonly position: number
  readonly key: MapKey
  readonly rowKey: Uint8Array
}

/** Keys sorted by position and cut where ranges end: what can be looked for together. */
export function spansOf(keys: WantedKey[], bounds: Float64Array): WantedKey[][] {
  keys.sort((a, b) => a.position - b.position)
  const spans: WantedKey[][] = []
  let range = 0
  let span: WantedKey[] | undefined
  for (const key of keys) {
    for (; key.position >= bounds[range + 1]!; range++) span = undefined
    if (span === undefined) spans.push((span = []))
    span.push(key)
  }
  return spans
}

/** Whether a row belongs to the entry of that row key: its own, or one of a map's cell. */
export function isRowOf(row: StoredRow, rowKey: Uint8Array): boolean {
  if (row.keyTo - row.keyFrom < rowKey.length) return false
  for (let i = 0; i < rowKey.length; i++) if (row.buffer[row.keyFrom + i] !== rowKey[i]) return false
  return true
}
