import { MillraceError } from '../contract/errors.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { ManifestLog } from './manifest-log.js'
import type { ChannelsRef, CheckpointManifest, OperatorRecord, ProcessIdentity, SegmentRef } from './manifest.js'
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
  const copy = async <T extends SegmentRef | ChannelsRef>(files: readonly T[], ending: string): Promise<T[]> => {
    const copies: T[] = []
    for (const file of files) {
      const path = `${SEGMENT_PREFIX}e${record.epoch}-i${nonce}-${count++}.${ending}`
      await copyFile(request, file, path)
      copies.push({ ...file, path, epoch: record.epoch })
    }
    return copies
  }
  for (const [uid, operator] of Object.entries(checkpoint.operators)) {
    const segments = await copy(operator.segments, 'seg')
    const channels = await copy(operator.channels ?? [], 'channels')
    operators.push([uid, { ...operator, segments, ...(channels.length > 0 ? { channels } : {}) }])
  }
  const { savepoint: _, ...rest } = checkpoint
  return log.append({ ...rest, operators: Object.fromEntries(operators), runId, nonce: `${nonce}-checkpoint` })
}

/** Copies one file of a checkpoint; one that is not there or not whole is MILLRACE_CORRUPT naming it. */
export async function copyFile(
  { from, into }: Pick<ImportRequest, 'from' | 'into'>,
  file: SegmentRef | ChannelsRef,
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
