import type { CheckpointManifest } from '../../checkpoint/manifest.js'
import { mergeSegments } from '../../checkpoint/merge-segments.js'
import { groupRuns, openRun } from '../../checkpoint/segment-run.js'
import type { CheckpointStorage } from '../../storage/storage.js'

/** The keyed state that a checkpoint holds, by operator uid: its rows as text, sorted. */
export async function stateRows(
  storage: CheckpointStorage,
  manifest: CheckpointManifest,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>()
  for (const [uid, { segments }] of Object.entries(manifest.operators)) {
    if (segments.length === 0) continue
    const newestFirst = groupRuns(segments).reverse()
    const all = manifest.maxParallelism - 1
    const cursors = await Promise.all(newestFirst.map((run) => openRun(storage, run, 0, all)))
    const rows: string[] = []
    await mergeSegments(cursors, true, {
      add: (_keyGroup, key, keyFrom, keyTo, value, valueFrom, valueTo) => {
        const [k, v] = [hex(key, keyFrom, keyTo), hex(value, valueFrom, valueTo)]
        rows.push(`${k} ${v}`)
      },
    })
    if (rows.length > 0) found.set(uid, rows.sort())
  }
  return found
}

function hex(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('hex')
}
