import { randomUUID } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ResolvedOptions } from '../../config/resolve-options.js'
import { Holder } from '../checkpoint/holder.js'
import type { JobEnd } from '../checkpoint/holder-record.js'
import type { ProcessIdentity } from '../checkpoint/manifest.js'
import { systemProcesses } from '../checkpoint/process-facts.js'
import { checkJob } from '../coordinator/check-job.js'
import { ringCount } from '../coordinator/deploy.js'
import { JobCoordinator } from '../coordinator/job-coordinator.js'
import type { JobResult, RefreshedJob } from '../coordinator/job-options.js'
import { planMemory } from '../coordinator/memory-plan.js'
import { planJob } from '../plan/plan.js'
import { openStorage } from '../storage/open-storage.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { ThreadMerges } from '../worker/thread-merges.js'
import { ThreadSlots } from '../worker/thread-slots.js'
import { Claim } from './claim.js'
import { mainClock } from './clock.js'
import { ControlledJob } from './job-control.js'
import { openJobMetrics, type JobMetrics } from './job-metrics.js'
import { confirmRestore, findRestore } from './find-restore.js'
import type { PreparedJob } from './prepare-job.js'
import type { Redactor } from './redactor.js'
import { withCopies } from './segment-copies.js'
import { makeSpillFolder } from './spill-folder.js'
import type { RunHooks } from './run-hooks.js'
import { standByFor } from './stand-by.js'

/**
 * Runs a prepared job on threads of this process until it ends: checks the storage, holds the job, decides what to go on from. Rejects
 * with what keeps it from starting (MILLRACE_HELD, MILLRACE_RESTORE, MILLRACE_STORAGE...).
 */
export async function runJob(
  prepared: PreparedJob,
  resolved: ResolvedOptions,
  hooks: RunHooks,
  redactor: Redactor,
): Promise<JobResult> {
  const metrics = await openJobMetrics(prepared, resolved, hooks)
  const storage = openStorage(prepared.checkpointUrl)
  await storage.check()
  const processes = systemProcesses(readText)
  const { jobId } = prepared
  const context = { storage, jobId, nonce: randomUUID(), clock: mainClock, processes }
  const holder = resolved.values.standby
    ? await standByFor(prepared, resolved, context, hooks)
    : await Holder.acquire(context)
  if ('status' in holder) return holder
  let suspend = (): void => {}
  const identity = processes.self()
  const control = new ControlledJob({ prepared, redactor, storage, identity, warn: hooks.warn })
  holder.startHeartbeat({
    // The next checkpoint meets the other process's epoch and ends the job.
    lost: (error) => {
      hooks.warn(error.message)
      suspend()
    },
    trouble: (error) => hooks.warn(`the heartbeat could not be written: ${(error as Error).message}`),
  })
  let heard = false
  let ended: JobEnd | undefined
  try {
    const result = await runHeld(
      prepared,
      resolved,
      { storage, identity, predecessors: holder.predecessors, metrics, control, redactor },
      {
        ...hooks,
        running: (stop) => {
          suspend = stop
          hooks.running(stop)
        },
      },
    )
    heard = result.status !== 'FAILED'
    // Stopped by a signal: this process is not wanted any more, the job is.
    if (result.status !== 'SUSPENDED' || control.stopped) ended = result.status
    return result
  } finally {
    await holder
      .release(heard, ended)
      .catch((error: unknown) => hooks.warn(`the job could not be given free: ${(error as Error).message}`))
    await metrics?.end()
    control.forget()
  }
}

interface HeldJob {
  readonly storage: CheckpointStorage
  readonly identity: ProcessIdentity
  /** Who held it before and did not give it free. */
  readonly predecessors: readonly ProcessIdentity[]
  readonly metrics: JobMetrics | undefined
  readonly control: ControlledJob
  readonly redactor: Redactor
}

async function runHeld(
  prepared: PreparedJob,
  { values, origins }: ResolvedOptions,
  { storage, identity, predecessors, metrics, control, redactor }: HeldJob,
  hooks: RunHooks,
): Promise<JobResult> {
  const { job, jobId, graph, bundle } = prepared
  const { restore, claimMode, allowDuplicateOutput, allowNonRestoredState } = values
  const maxParallelism = origins.maxParallelism === undefined ? undefined : values.maxParallelism
  const target = { jobName: job.name, graph, maxParallelism, allowNonRestoredState }
  const found = await findRestore(target, {
    ...{ storage, jobId, identity, predecessors, restore, allowDuplicateOutput },
    claim: claimMode === 'claim',
  })
  for (const note of found.notes) hooks.warn(note)
  await checkJob(graph, { jobId, clock: mainClock, warn: (uid, message) => hooks.events.warn(uid, message) })
  const plan = planJob(graph, values.parallelism, found.checkpoint?.maxParallelism ?? values.maxParallelism)
  const slotEntry = entry('slot-entry.js')
  const merges = new ThreadMerges(entry('merge-entry.js'))
  const spillDirectory = makeSpillFolder(jobId, storage.describe())
  const copies = await withCopies(storage, jobId, found.checkpoint)
  const claim = found.claimed === undefined ? undefined : new Claim(found.claimed, hooks.warn)
  const watched = control.observe(hooks.events)
  const events = claim?.observe(watched) ?? watched
  const coordinator = new JobCoordinator({
    jobId,
    jobName: job.name,
    graph,
    params: prepared.params,
    slotParams: prepared.secretParams.values,
    refresh: () => refresh(prepared, hooks.warn),
    secretParams: new Set(job.params.flatMap((param) => (param.secret === true ? [param.name] : []))),
    storage: copies.storage,
    identity,
    clock: mainClock,
    redact: (error) => redactor.error(error),
    events: metrics?.observe(plan, events) ?? events,
    plan,
    memory: (of) => planMemory(values.memoryBytes, of.parallelism, ringCount(of)),
    hosts: (slots, { youngGenerationMb, oldGenerationMb }) => {
      bundle.ensure()
      const { watchdogTimeoutMs } = values
      const warn = (uid = job.name, message: string): void => hooks.events.warn(uid, message)
      return new ThreadSlots({ slots, entry: slotEntry, youngGenerationMb, oldGenerationMb, watchdogTimeoutMs, warn })
    },
    spareSlots: true,
    bundleUrl: bundle.url,
    spillDirectory,
    merge: (merge) => merges.run(merge),
    checkpointing: prepared.checkpointing,
    retainCheckpoints: values.retainCheckpoints,
    cleanupCheckpoints: values.cleanupCheckpoints,
    restart: prepared.restart,
    random: Math.random,
    choose: (latest) => confirmRestore(found, jobId, latest),
  })
  try {
    hooks.running(() => coordinator.suspend())
    await control.open(coordinator)
    const result = await coordinator.run()
    if (result.status === 'FINISHED') await copies.forget()
    return found.copiedFrom === undefined ? result : { ...result, restoredFrom: found.copiedFrom }
  } finally {
    await claim?.settled()
    await control.close()
    await merges.close()
    rmSync(dirname(spillDirectory), { recursive: true, force: true })
  }
}

/** Reads the secrets again before another attempt: the job's parts get what they stand for now. */
async function refresh(
  { secretParams, rebuild }: PreparedJob,
  warn: (message: string) => void,
): Promise<RefreshedJob | undefined> {
  if (!(await secretParams.readAgain(warn))) return undefined
  return { slotParams: secretParams.values, graph: rebuild() }
}

function entry(name: string): string {
  return fileURLToPath(new URL(`../worker/${name}`, import.meta.url))
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
