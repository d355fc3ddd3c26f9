import { MillraceError } from '../contract/errors.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { LOG_PREFIX, logPath, positionOf } from './log-path.js'
import { decodeEntry } from './manifest-codec.js'
import { runStartOf, type CheckpointManifest, type EpochRecord, type LogEntry } from './manifest.js'

/** A run that has made no checkpoint. */
export interface EmptyRun {
  readonly runId: string
  readonly runStartedAtMs: number
}

/** The top of the log as it was read. */
export interface LogTop {
  /** 0 for an empty log. */
  readonly newestPosition: number
  readonly newestEpoch: number
  /** The checkpoint that a restart goes on from: undefined for a new job, and after a fresh start that made none yet. */
  readonly checkpoint: CheckpointManifest | undefined
  /** The run that the newest epoch began and that has made no checkpoint: it has published nothing. */
  readonly emptyRun: EmptyRun | undefined
}

/** Positions in use, ascending. */
export async function listPositions(storage: CheckpointStorage): Promise<number[]> {
  const files = await storage.list(LOG_PREFIX)
  return files.flatMap(({ path }) => positionOf(path) ?? []).sort((a, b) => a - b)
}

/**
 * One entry; undefined when it is not there. Damaged, or not the entry of this position: MILLRACE_CORRUPT. Of another job or of a newer
 * format: MILLRACE_RESTORE.
 */
export async function readEntry(
  storage: CheckpointStorage,
  position: number,
  jobId: string,
): Promise<LogEntry | undefined> {
  const path = logPath(position)
  const bytes = await storage.readIfExists(path)
  if (bytes === undefined) return undefined
  const shown = `${storage.describe()}/${path}`
  const entry = decodeEntry(bytes, shown)
  if (entry.position !== position) {
    throw new MillraceError(
      'MILLRACE_CORRUPT',
      `checkpoint file ${shown} holds position ${entry.position}, not ${position}`,
      {
        hint: 'files of the log must not be renamed or copied; restore the folder from a backup',
      },
    )
  }
  if (entry.jobId !== jobId) {
    throw new MillraceError(
      'MILLRACE_RESTORE',
      `${storage.describe()} holds checkpoints of job "${entry.jobId}", not "${jobId}"`,
      {
        hint: 'choose another --checkpoint-dir, or --job-id',
      },
    )
  }
  return entry
}

/**
 * Reads from the newest entry down to the checkpoint that a restart goes on from. Nothing is skipped: an entry on the way that is
 * missing or damaged is an error naming it. (The top of the log has no gaps: retention deletes only what is older than that.)
 */
export async function readTop(storage: CheckpointStorage, jobId: string): Promise<LogTop> {
  for (;;) {
    const newestPosition = (await listPositions(storage)).at(-1) ?? 0
    if (newestPosition === 0) return { newestPosition, newestEpoch: 0, checkpoint: undefined, emptyRun: undefined }
    const top = await readEntry(storage, newestPosition, jobId)
    const checkpoint = top === undefined ? undefined : await checkpointBelow(storage, top, jobId)
    if (top !== undefined && checkpoint !== 'gone') {
      return { newestPosition, newestEpoch: top.epoch, checkpoint, emptyRun: emptyRunOf(top) }
    }
    // A live process appended and retired entries while this one read: look again. Otherwise somebody deleted what must be there.
    if ((await listPositions(storage)).at(-1) === newestPosition) throw missing(storage, newestPosition)
  }
}

/** The run that an entry at the top begins and that has nothing yet. */
export function emptyRunOf(top: LogEntry): EmptyRun | undefined {
  if (top.kind !== 'epoch' || top.continues !== null || top.forgets === true) return undefined
  return { runId: top.runId, runStartedAtMs: runStartOf(top) }
}

/** The epoch record at or next below a position; undefined when there is none. */
export async function readEpochBelow(
  storage: CheckpointStorage,
  position: number,
  jobId: string,
): Promise<EpochRecord | undefined> {
  const positions = (await listPositions(storage)).filter((other) => other <= position)
  for (const at of positions.reverse()) {
    const entry = await readEntry(storage, at, jobId)
    if (entry?.kind === 'epoch') return entry
  }
  return undefined
}

async function checkpointBelow(
  storage: CheckpointStorage,
  top: LogEntry,
  jobId: string,
): Promise<CheckpointManifest | undefined | 'gone'> {
  let entry = top
  while (entry.kind === 'epoch') {
    if (entry.continues === null) return undefined
    // Usually the entry before; an epoch that made no checkpoint continues what the one before it continued.
    const below = await readEntry(storage, entry.continues, jobId)
    if (below === undefined) return 'gone'
    entry = below
  }
  return entry
}

function missing(storage: CheckpointStorage, newest: number): MillraceError {
  return new MillraceError(
    'MILLRACE_CORRUPT',
    `the checkpoint that ${storage.describe()}/${logPath(newest)} continues is missing`,
    { hint: 'restore the folder from a backup, or start afresh with another --job-id or --checkpoint-dir' },
  )
}
