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
 * segments, then appends the manifest (the moment it counts). Until then the log goes on from where it did. Checkpoint id, counters,
 * positions and committables are kept. A segment that is not there any more is MILLRACE_CORRUPT naming it.
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
      const path = `${SEGMENT_PREFIX}e${record.epoch}-i${nonce}-${count++}.seg`
      await copySegment(request, file, path)
      copied.set(file.path, path)
    }
    operators.push([uid, movedOperator(operator, copied, record.epoch)])
  }
  const { savepoint: _, ...rest } = checkpoint
  return log.append({ ...rest, operators: Object.fromEntries(operators), runId, nonce: `${nonce}-checkpoint` })
}

/** The operator's record with its files under other names. */
function movedOperator(operator: OperatorRecord, to: ReadonlyMap<string, string>, epoch: number): OperatorRecord {
  const segments = operator.segments.map((segment) => ({ ...segment, path: to.get(segment.path)!, epoch }))
  if (operator.operatorState === undefined) return { ...operator, segments }
  const states = Object.entries(operator.operatorState).map(([name, state]) => {
    const parts = state.parts.map((part) => (part.path === undefined ? part : { ...part, path: to.get(part.path)! }))
    return [name, { ...state, parts }] as const
  })
  return { ...operator, segments, operatorState: Object.fromEntries(states) }
}

/** Copies one file of a checkpoint; one that is not there or not whole is MILLRACE_CORRUPT naming it. */
export async function copySegment(
  { from, into }: Pick<ImportRequest, 'from' | 'into'>,
  segment: CheckpointFile,
  path: string,
): Promise<void> {
  const bytes = await from.readIfExists(segment.path)
  if (bytes === undefined || bytes.length !== segment.bytes) {
    const what = bytes === undefined ? 'is missing' : `has ${bytes.length} bytes, not ${segment.bytes}`
    throw new MillraceError(
      'MILLRACE_CORRUPT',
      `segment ${from.describe()}/${segment.path} of the checkpoint ${what}`,
      {
        hint: 'restore the folder from a backup, or go on from another checkpoint',
      },
    )
  }
  await into.write(path, bytes)
}
