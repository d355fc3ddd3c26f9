import { MillraceError } from '../contract/errors.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { logPath } from './log-path.js'
import { listPositions, readEntry, readTop } from './log-reader.js'
import { decodeEntry } from './manifest-codec.js'
import type { CheckpointManifest, LogEntry } from './manifest.js'

/** Where a checkpoint lies: its storage and, unless the newest is meant, its position there. */
export interface CheckpointPlace {
  /** A folder or a URL. */
  readonly storageUrl: string
  readonly position: number | undefined
}

/** The place that a path means: of a manifest file, or of a folder or URL whose newest checkpoint it is. */
export function checkpointPlace(path: string): CheckpointPlace {
  const file = /^(.*?)[/\\]?manifests(?:[/\\]+(?:0*(\d+)\.json)?)?$/.exec(path)
  if (file === null) return { storageUrl: path, position: undefined }
  const storageUrl = file[1] === '' ? '.' : file[1]!
  return { storageUrl, position: file[2] === undefined ? undefined : Number(file[2]) }
}

/** The checkpoint at that place, of whatever job. None there is MILLRACE_RESTORE; a damaged one MILLRACE_CORRUPT. */
export async function findCheckpoint(
  storage: CheckpointStorage,
  position: number | undefined,
): Promise<CheckpointManifest> {
  if (position === undefined) {
    const newest = (await listPositions(storage)).at(-1)
    const top = newest === undefined ? undefined : await readTop(storage, (await readAny(storage, newest)).jobId)
    if (top?.checkpoint === undefined) throw none(storage.describe())
    return top.checkpoint
  }
  const entry = await readAny(storage, position)
  if (entry.kind !== 'checkpoint') throw none(`${storage.describe()}/${logPath(position)}`)
  return entry
}

/** The checkpoints of a storage behind that position, as far as they are still there. */
export async function laterCheckpoints(
  storage: CheckpointStorage,
  position: number,
  jobId: string,
): Promise<CheckpointManifest[]> {
  const found: CheckpointManifest[] = []
  for (const at of await listPositions(storage)) {
    const entry = at > position ? await readEntry(storage, at, jobId) : undefined
    if (entry?.kind === 'checkpoint') found.push(entry)
  }
  return found
}

async function readAny(storage: CheckpointStorage, position: number): Promise<LogEntry> {
  const path = `${storage.describe()}/${logPath(position)}`
  const bytes = await storage.readIfExists(logPath(position))
  if (bytes === undefined) throw none(path)
  return decodeEntry(bytes, path)
}

function none(where: string): MillraceError {
  return new MillraceError('MILLRACE_RESTORE', `there is no checkpoint at ${where}`, {
    hint: 'give --restore a file .../manifests/NUMBER.json, or the folder or URL that a --checkpoint-dir was',
  })
}
