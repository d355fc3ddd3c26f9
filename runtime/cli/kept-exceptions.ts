import { join, resolve } from 'node:path'
import { listPositions } from '../checkpoint/log-reader.js'
import { MillraceError } from '../contract/errors.js'
import { readFailures } from '../coordinator/failure-history.js'
import type { FailuresView } from '../http/job-control.js'
import { openStorage } from '../storage/open-storage.js'

/** The failures of a job that does not run, from beside its checkpoints. MILLRACE_CONTROL where there never was a job. */
export async function keptExceptions(job: string, checkpointDir: string | undefined): Promise<FailuresView> {
  const storage = openStorage(checkpointDir ?? join(resolve('.millrace'), job))
  const kept = await readFailures(storage)
  if (kept.total === 0 && (await listPositions(storage)).length === 0) {
    throw new MillraceError(
      'MILLRACE_CONTROL',
      `job "${job}" does not run, and nothing of it is in ${storage.describe()}`,
      {
        hint: 'name its checkpoints with --checkpoint-dir',
      },
    )
  }
  return { job, ...kept }
}
