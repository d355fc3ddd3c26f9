import { extname } from 'node:path'
import { MillraceError } from '../contract/errors.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { ManifestLog } from './manifest-log.js'
import { checkpointFiles, type CheckpointFile } from './checkpoint-files.js'
import type { CheckpointManifest, OperatorRecord, ProcessIdentity } from './manifest.js'
import { SEGMENT_PREFIX } from './segment-path.js'

/** A checkpoint of one storage that is to become the newest of another. */
export interface ImportRequest {
  readonly from: CheckpointStorage
  readonly checkpoint: CheckpointManifest
  readonly into: CheckpointStorage
  readonly jobId: string
  readonly holder: ProcessIdentity
  /** Random, new for each import. */
  readonly nonce: string
  /** Of the new run: the old one may still live, so its parts are not this one's to delete. */
  readonly runId: string
  readonly nowMs: number
}

/**
 * Copies a checkpoint of another storage, or an older one of the same, to the top of the job's log: takes the log over, copies the
 * files, then appends the manifest (the moment it counts). Until then the log goes on from where it did. Checkpoint id, counters,
 * positions and committables are kept. A file that is not there any more is MILLRACE_CORRUPT naming it.
 */
export async function importCheckpoint(request: ImportRequest): Promise<CheckpointManifest> {
  const { checkpoint, into, jobId, nonce, runId, holder, nowMs } = request
  const log = await ManifestLog.open(into, { jobId })
  const { record } = await log.takeover({ nonce, runId, holder, createdAtMs: nowMs, choose: (latest) => latest })
  const operators: [string, OperatorRecord][] = []
  let count = 0
  for (const [uid, operator] of Object.entries(checkpoint.operators)) {
    const copied = new Map<string, string>()
    for (const file of checkpointFiles({ operators: { [uid]: operator } })) {
      const path = `${SEGMENT_PREFIX}e${record.epoch}-i${nonce}-${count++}${extname(file.path)}`
      await copyFile(request, file, path)
      copied.set(file.path, path)
    }
    operators.push([uid, movedOperator(operator, copied, record.epoch)])
  }
  const { savepoint: _, ...rest } = checkpoint
  return log.append({ ...rest, operators: Object.fromEntries(operators), runId, nonce: `${nonce}-checkpoint` })
}

/** The operator's record with its files under other names. */
function movedOperator(operator: OperatorRecord, to: ReadonlyMap<string, string>, epoch: number): OperatorRecord {
  const moved = <T extends CheckpointFile>(files: readonly T[]): T[] =>
    files.map((file) => ({ ...file, path: to.get(file.path)!, epoch }))
  const { segments, channels, operatorState } = operator
  return {
    ...operator,
    segments: moved(segments),
    ...(channels === undefined ? {} : { channels: moved(channels) }),
    ...(operatorState === undefined ? {} : { operatorState: movedState(operatorState, to) }),
  }
}

function movedState(
  operatorState: NonNullable<OperatorRecord['operatorState']>,
  to: ReadonlyMap<string, string>,
): NonNullable<OperatorRecord['operatorState']> {
  const states = Object.entries(operatorState).map(([name, state]) => {
    const parts = state.parts.map((part) => (part.path === undefined ? part : { ...part, path: to.get(part.path)! }))
    return [name, { ...state, parts }] as const
  })
  return Object.fromEntries(states)
}

/** Copies one file of a checkpoint; one that is not there or not whole is MILLRACE_CORRUPT naming it. */
export async function copyFile(
  { from, into }: Pick<ImportRequest, 'from' | 'into'>,
  file: CheckpointFile,
  path: string,
): Promise<void> {
  const bytes = await from.readIfExists(file.path)
  if (bytes === undefined || bytes.length !== file.bytes) {
    const what = bytes === undefined ? 'is missing' : `has ${bytes.length} bytes, not ${file.bytes}`
    throw new MillraceError('MILLRACE_CORRUPT', `file ${from.describe()}/${file.path} of the checkpoint ${what}`, {
      hint: 'restore the folder from a backup, or go on from another checkpoint',
    })
  }
  await into.write(path, bytes)
}
