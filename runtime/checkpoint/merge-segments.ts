// Invariant: cursors stand on their smallest unread row. The least (key group, key) goes next, from the newest cursor that has it; the
// others that have it step over it.
import { compareBytes, type RowSink } from './segment-builder.js'
import type { BlockRows } from './block-rows.js'
import type { SegmentCursor } from './segment-cursor.js'

/**
 * Streams the newest version of each row into `into`, in order. `newestFirst`: earlier cursors win. With `dropTombstones` deleted rows
 * vanish: only where no older segment can hold them.
 */
export async function mergeSegments(
  newestFirst: readonly SegmentCursor[],
  dropTombstones: boolean,
  into: RowSink,
): Promise<void> {
  const live: SegmentCursor[] = []
  for (const cursor of newestFirst) if (await advance(cursor)) live.push(cursor)
  while (live.length > 0) {
    let least = live[0] as SegmentCursor
    let tie = false
    for (let i = 1; i < live.length; i++) {
      const cursor = live[i] as SegmentCursor
      const order = compareRows(cursor.row, least.row)
      if (order < 0) least = cursor
      else if (order === 0) tie = true // with the least so far: the others with the least row all come after it
    }
    if (!(dropTombstones && least.row.tombstone)) {
      const { keyGroup, buffer, keyFrom, keyTo, valueFrom, valueTo, tombstone, minTimer } = least.row
      const wait = into.add(keyGroup, buffer, keyFrom, keyTo, buffer, valueFrom, valueTo, tombstone, minTimer)
      if (wait !== undefined) await wait
    }
    if (tie) await stepOverEqual(live, least)
    if (!least.next() && !(await advance(least))) live.splice(live.indexOf(least), 1)
  }
}

/** The other cursors that have the row leave it behind. */
async function stepOverEqual(live: SegmentCursor[], least: SegmentCursor): Promise<void> {
  for (let i = live.length - 1; i >= 0; i--) {
    const cursor = live[i] as SegmentCursor
    if (cursor === least || compareRows(cursor.row, least.row) !== 0) continue
    if (!cursor.next() && !(await advance(cursor))) live.splice(i, 1)
  }
}

/** To the next row, loading blocks as needed. */
async function advance(cursor: SegmentCursor): Promise<boolean> {
  if (cursor.next()) return true
  while (await cursor.loadBlock()) if (cursor.next()) return true
  return false
}

/** Order of rows: key group, then key. */
export function compareRows(a: BlockRows, b: BlockRows): number {
  if (a.keyGroup !== b.keyGroup) return a.keyGroup - b.keyGroup
  return compareBytes(a.buffer, a.keyFrom, a.keyTo, b.buffer, b.keyFrom, b.keyTo)
}
