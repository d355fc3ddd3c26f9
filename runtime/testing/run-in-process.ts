import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CheckpointManifest } from '../checkpoint/manifest.js'
import type { JobDefinition } from '../contract/graph.js'
import type { Clock } from '../contract/time.js'
import { ringCount } from '../coordinator/deploy.js'
import type { JobEvents } from '../coordinator/events.js'
import { JobCoordinator, type JobResult } from '../coordinator/job-coordinator.js'
import { planMemory } from '../coordinator/memory-plan.js'
import { planJob } from '../plan/plan.js'
import { openStorage } from '../storage/open-storage.js'
import { runMerge } from '../worker/merge-entry.js'
import { systemClock } from '../worker/system-clock.js'
import { InProcessSlots } from './in-process-slots.js'

export interface InProcessOptions {
  readonly params?: Readonly<Record<string, string>>
  /** Default 1. */
  readonly parallelism?: number
  readonly maxParallelism?: number
  /** A folder; default a new one in the system's temporary folder. */
  readonly checkpointDirectory?: string
  /** Milliseconds; default 0: only the final checkpoint. */
  readonly checkpointIntervalMs?: number
  /** Bytes for the whole job; default 256 MiB. */
  readonly memoryBytes?: number
  readonly restartAttempts?: number
  readonly clock?: Clock
  /** Gets the coordinator before it runs, to suspend it. */
  readonly onStart?: (coordinator: JobCoordinator) => void
  readonly events?: Partial<JobEvents>
}

/** What a job did. */
export interface InProcessResult extends JobResult {
  readonly printed: readonly string[]
  readonly warnings: readonly string[]
  readonly checkpointDirectory: string
}

/**
 * Runs a job to its end on the calling thread: the engine's own coordinator, slots, exchange, state and checkpoints, without threads.
 * Goes on from the last checkpoint in `checkpointDirectory`, unless the job finished there.
 */
export async function runInProcess(job: JobDefinition, options: InProcessOptions = {}): Promise<InProcessResult> {
  const directory = options.checkpointDirectory ?? join(tmpdir(), `millrace-${randomUUID()}`)
  const clock = options.clock ?? systemClock
  const params = options.params ?? {}
  const graph = job.build(params)
  const plan = planJob(graph, options.parallelism ?? 1, options.maxParallelism ?? 128)
  const printed: string[] = []
  const warnings: string[] = []
  const coordinator = new JobCoordinator({
    jobId: job.name,
    jobName: job.name,
    graph,
    params,
    storage: openStorage(directory),
    identity: { host: 'in-process', bootId: null, pid: process.pid, startTicks: null },
    clock,
    events: { ...silent, print: (line) => printed.push(line), warn: (uid, m) => warnings.push(`${uid}: ${m}`), ...options.events },
    plan,
    memory: planMemory(options.memoryBytes ?? 256 * 1024 * 1024, plan.parallelism, ringCount(plan)),
    hosts: () => new InProcessSlots(job, clock),
    spillDirectory: join(directory, 'spill'),
    merge: runMerge,
    checkpointIntervalMs: options.checkpointIntervalMs ?? 0,
    checkpointTimeoutMs: 600_000,
    restartAttempts: options.restartAttempts ?? 0,
    choose: unfinished,
  })
  options.onStart?.(coordinator)
  return { ...(await coordinator.run()), printed, warnings, checkpointDirectory: directory }
}

function unfinished(latest: CheckpointManifest | undefined): CheckpointManifest | undefined {
  const published = latest !== undefined && Object.values(latest.sinks).every((sink) => sink.committables.length === 0)
  return latest?.final === true && published ? undefined : latest
}

const silent: JobEvents = {
  print: () => {},
  warn: () => {},
  started: () => {},
  progress: () => {},
  checkpoint: () => {},
  checkpointFailed: () => {},
  failed: () => {},
}
