import type { ResolvedOptions } from '../../config/resolve-options.js'
import { nameOf, type Holder, type HolderContext } from '../checkpoint/holder.js'
import { standBy } from '../checkpoint/standby.js'
import { ManifestLog } from '../checkpoint/manifest-log.js'
import type { JobResult } from '../coordinator/job-options.js'
import { checkJob } from '../coordinator/check-job.js'
import { planJob } from '../plan/plan.js'
import { mainClock } from './clock.js'
import { findRestore } from './find-restore.js'
import type { PreparedJob } from './prepare-job.js'
import type { RunHooks } from './run-hooks.js'

/**
 * Checks all that can be checked while another process runs the job, then waits until the job can be taken. Resolves with what became of
 * the job instead, if that process has ended it.
 */
export async function standByFor(
  prepared: PreparedJob,
  { values, origins }: ResolvedOptions,
  context: HolderContext,
  hooks: RunHooks,
): Promise<Holder | JobResult> {
  const { job, jobId, graph } = prepared
  const { storage } = context
  planJob(graph, values.parallelism, values.maxParallelism)
  await checkJob(graph, { jobId, clock: mainClock, warn: (uid, message) => hooks.events.warn(uid, message) })
  if (values.restore === 'latest') {
    const maxParallelism = origins.maxParallelism === undefined ? undefined : values.maxParallelism
    const { allowNonRestoredState, allowDuplicateOutput, restore, claimMode } = values
    const identity = context.processes.self()
    await findRestore(
      { jobName: job.name, graph, maxParallelism, allowNonRestoredState },
      { storage, jobId, identity, predecessors: [], restore, allowDuplicateOutput, claim: claimMode === 'claim' },
    )
  }
  let waited = false
  const taken = await standBy(context, {
    waiting: (record) => {
      waited = true
      const unreadable = record === 'unreadable'
      hooks.standsBy({
        host: unreadable ? null : record.host,
        pid: unreadable ? null : record.pid,
        since: unreadable ? null : new Date(record.sinceMs).toISOString(),
      })
    },
    trouble: (error) => hooks.warn(`the holder cannot be watched: ${(error as Error).message}`),
    signal: hooks.signal,
  })
  if ('ended' in taken) return endedElsewhere(taken.ended, context)
  if (waited) hooks.note(`takes job "${jobId}" over`)
  return taken
}

async function endedElsewhere(
  record: Extract<Awaited<ReturnType<typeof standBy>>, { ended: unknown }>['ended'],
  { storage, jobId }: HolderContext,
): Promise<JobResult> {
  const counters = (await ManifestLog.open(storage, { jobId })).latest()?.counters ?? {}
  const message = `job "${jobId}" has failed for good in ${nameOf(record)}`
  const error = { code: 'MILLRACE_CONTROL', message, hint: `runtime exceptions ${jobId} shows why` } as const
  const failure = record.ended === 'FAILED' ? { error, atMs: record.heartbeatMs } : undefined
  return { status: record.ended, counters, checkpoints: 0, restoredFrom: undefined, failure }
}
