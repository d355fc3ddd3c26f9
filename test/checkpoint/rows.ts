import { NO_TIMER } from '../../runtime/checkpoint/segment-format.js'
import { SegmentBuilder, type RowSink } from '../../runtime/checkpoint/segment-builder.js'
import type { SegmentCursor } from '../../runtime/checkpoint/segment-cursor.js'

/** A row of a segment as a test writes it; `value` undefined is a tombstone. */
export interface Row {
  readonly keyGroup: number
  readonly key: Buffer
  readonly value: Buffer | undefined
  readonly minTimer: number
}

export function row(keyGroup: number, key: string | Buffer, value?: string | Buffer, minTimer: number = NO_TIMER): Row {
  return { keyGroup, key: Buffer.from(key), value: value === undefined ? undefined : Buffer.from(value), minTimer }
}

export function byRow(a: Row, b: Row): number {
  return a.keyGroup - b.keyGroup || Buffer.compare(a.key, b.key)
}

/** Adds rows; key and value lie inside larger buffers, as they do in the engine. */
export async function addRows(into: RowSink, rows: readonly Row[]): Promise<void> {
  for (const { keyGroup, key, value, minTimer } of rows) {
    const keys = Buffer.concat([Buffer.from('<<'), key, Buffer.from('>')])
    const values = Buffer.concat([Buffer.from('['), value ?? Buffer.alloc(0), Buffer.from(']]')])
    const valueTo = 1 + (value?.length ?? 0)
    await into.add(keyGroup, keys, 2, 2 + key.length, values, 1, valueTo, value === undefined, minTimer)
  }
}

export async function segmentOf(rows: readonly Row[], blockBytes?: number): Promise<Uint8Array> {
  const builder = new SegmentBuilder(64, blockBytes)
  await addRows(builder, rows)
  return builder.finish()
}

export async function rowsOf(cursor: SegmentCursor): Promise<Row[]> {
  const rows: Row[] = []
  while (await cursor.loadBlock()) {
    while (cursor.next()) {
      const { keyGroup, buffer, keyFrom, keyTo, valueFrom, valueTo, tombstone, minTimer } = cursor.row
      const bytes = Buffer.from(buffer)
      const value = tombstone ? undefined : bytes.subarray(valueFrom, valueTo)
      rows.push(row(keyGroup, bytes.subarray(keyFrom, keyTo), value, minTimer))
    }
  }
  return rows
}
