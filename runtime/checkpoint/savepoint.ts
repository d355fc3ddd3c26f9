import type { CheckpointStorage } from '../storage/storage.js'
import { checkpointFiles } from './checkpoint-files.js'
import { copySegment } from './import-checkpoint.js'
import { logPath } from './log-path.js'
import { encodeEntry } from './manifest-codec.js'
import type { CheckpointManifest } from './manifest.js'

const COPIES_AT_ONCE = 4
/** A savepoint is a log of one entry. */
const POSITION = 1

/** A checkpoint whose sinks have published, and the empty storage that is to hold it. */
export interface SavepointCopy {
  readonly from: CheckpointStorage
  readonly checkpoint: CheckpointManifest
  readonly into: CheckpointStorage
}

/**
 * Copies a checkpoint with all its segments into a storage of its own: nothing in it refers to anything outside, so that it may be moved.
 * The manifest comes last: without it, it is no savepoint. What was written is deleted if it fails. Resolves with the bytes copied.
 */
export async function writeSavepoint(copy: SavepointCopy): Promise<number> {
  const { checkpoint, into } = copy
  const segments = checkpointFiles(checkpoint)
  const begun: string[] = []
  const left = [...segments]
  const copyRest = async (): Promise<void> => {
    for (let segment = left.shift(); segment !== undefined; segment = left.shift()) {
      begun.push(segment.path)
      await copySegment(copy, segment, segment.path).catch((error: unknown) => {
        left.length = 0
        throw error
      })
    }
  }
  const copies = await Promise.allSettled(Array.from({ length: COPIES_AT_ONCE }, copyRest))
  try {
    for (const one of copies) if (one.status === 'rejected') throw one.reason
    await into.write(logPath(POSITION), encodeEntry(savepointOf(checkpoint)))
  } catch (error) {
    for (const path of begun) await into.delete(path).catch(() => {})
    throw error
  }
  return segments.reduce((sum, segment) => sum + segment.bytes, 0)
}

/** Deletes a savepoint: its manifest first, so that what is left of a deletion that is cut off is none. */
export async function deleteSavepoint(from: CheckpointStorage): Promise<void> {
  await from.delete(logPath(POSITION))
  for (const { path } of await from.list('segments/')) await from.delete(path)
}

function savepointOf(checkpoint: CheckpointManifest): CheckpointManifest {
  // Published already: whoever restores it need not find the places of it again.
  const sinks = Object.entries(checkpoint.sinks).map(([uid, sink]) => [uid, { ...sink, committables: [] }] as const)
  return { ...checkpoint, position: POSITION, savepoint: true, sinks: Object.fromEntries(sinks) }
}
