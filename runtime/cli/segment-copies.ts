import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { CheckpointManifest } from '../checkpoint/manifest.js'
import { LocalCopies } from '../storage/local-copies.js'
import type { CheckpointStorage } from '../storage/storage.js'

/** Where a job's segments are written and read. */
export interface JobStorage {
  readonly storage: CheckpointStorage
  /** The job is over for good. */
  forget(): Promise<void>
}

/**
 * The storage of a job that goes on from that checkpoint: one elsewhere with copies of what this machine writes in `.millrace/.copies/`. Copies
 * of other segments, which earlier runs left, are deleted: call it when the job is held.
 */
export async function withCopies(
  storage: CheckpointStorage,
  jobId: string,
  checkpoint: CheckpointManifest | undefined,
): Promise<JobStorage> {
  if (!storage.url().startsWith('s3://')) return { storage, forget: async () => {} }
  const name = `${jobId}-${createHash('sha256').update(storage.describe()).digest('hex').slice(0, 12)}`
  const copies = new LocalCopies(storage, join(process.cwd(), '.millrace', '.copies', name))
  const operators = Object.values(checkpoint?.operators ?? {})
  await copies.keepOnly(operators.flatMap(({ segments }) => segments.map(({ path }) => path)))
  return { storage: copies, forget: () => copies.keepOnly([]) }
}
