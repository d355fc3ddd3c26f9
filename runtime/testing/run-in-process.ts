import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CheckpointManifest } from '../checkpoint/manifest.js'
import type { JobDefinition } from '../contract/graph.js'
import type { Clock } from '../contract/time.js'
import type { MergeRunner } from '../coordinator/background-merges.js'
import { checkJob } from '../coordinator/check-job.js'
import { ringCount } from '../coordinator/deploy.js'
import type { JobEvents } from '../coordinator/events.js'
import { silentEvents } from '../coordinator/silent-events.js'
import { DEFAULT_CHECKPOINTING } from '../coordinator/checkpoint-rules.js'
import { DEFAULT_EXPONENTIAL } from '../coordinator/exponential-restarts.js'
import { JobCoordinator } from '../coordinator/job-coordinator.js'
import type { JobResult } from '../coordinator/job-options.js'
import { planMemory } from '../coordinator/memory-plan.js'
import { planJob } from '../plan/plan.js'
import { openStorage } from '../storage/open-storage.js'
import { runMerge } from '../worker/merge-entry.js'
import { systemClock } from '../worker/system-clock.js'
import { frozenJob } from './frozen-job.js'
import { InProcessSlots } from './in-process-slots.js'

/** How {@link runInProcess} runs a job. */
export interface InProcessOptions {
  readonly params?: Readonly<Record<string, string>>
  /** Default 1. */
  readonly parallelism?: number
  /** Default 128. */
  readonly maxParallelism?: number
  /** A folder that outlives the run, to go on from; default a temporary one that does not. */
  readonly checkpointDirectory?: string
  /** Milliseconds; default 0: only the final checkpoint. */
  readonly checkpointIntervalMs?: number
  /** Milliseconds after which a checkpoint that is not complete is given up; default ten minutes. */
  readonly checkpointTimeoutMs?: number
  /** Checkpoints that may be under way at once; default 1. */
  readonly maxConcurrentCheckpoints?: number
  /** Checkpoints that may fail one after the other before the attempt does. Default 0: it fails at the first one. */
  readonly toleratedCheckpointFailures?: number
  /** Bytes for the whole job; default 256 MiB. */
  readonly memoryBytes?: number
  /** Failures without a checkpoint between before the job fails for good. Default 0: at the first one. */
  readonly restartAttempts?: number
  readonly clock?: Clock
  /**
   * Freeze records that are emitted and values that are stored, so that a job that changes them throws. Default true; it costs time.
   */
  readonly freeze?: boolean
  /** Gets the means to suspend the job, before it runs: a last checkpoint, no final watermark. */
  readonly onStart?: (running: { suspend(): void }) => void
  readonly events?: Partial<JobEvents>
}

/** What a job did. */
export interface InProcessResult extends JobResult {
  /** Lines that the job printed. */
  readonly printed: readonly string[]
  readonly warnings: readonly string[]
}

/**
 * Runs a job to its end on the calling thread: the engine's own coordinator, slots, exchange, state and checkpoints, without threads.
 * Goes on from the last checkpoint in `checkpointDirectory`, unless the job finished there. Rejects with what keeps it from starting (a
 * `check` that fails); a job that fails later is no rejection: see `status` and `failure` of the result.
 */
export async function runInProcess(job: JobDefinition, options: InProcessOptions = {}): Promise<InProcessResult> {
  const { checkpointDirectory } = options
  if (checkpointDirectory !== undefined) return run(job, options, checkpointDirectory)
  const directory = join(tmpdir(), `millrace-${randomUUID()}`)
  try {
    return await run(job, options, directory)
  } finally {
    // A failed attempt may still be writing segments that nobody will name.
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
  }
}

async function run(given: JobDefinition, options: InProcessOptions, directory: string): Promise<InProcessResult> {
  const job = options.freeze === false ? given : frozenJob(given)
  const clock = options.clock ?? systemClock
  const params = options.params ?? {}
  const graph = job.build(params)
  const plan = planJob(graph, options.parallelism ?? 1, options.maxParallelism ?? 128)
  const printed: string[] = []
  const warnings: string[] = []
  const merges = new AwaitedMerges()
  const events: JobEvents = {
    ...silentEvents,
    print: (line) => printed.push(line),
    warn: (uid, m) => warnings.push(`${uid}: ${m}`),
    ...options.events,
  }
  await checkJob(graph, { jobId: job.name, clock, warn: (uid, message) => events.warn(uid, message) })
  const coordinator = new JobCoordinator({
    jobId: job.name,
    jobName: job.name,
    graph,
    params,
    secretParams: new Set(job.params.filter((param) => param.secret === true).map((param) => param.name)),
    storage: openStorage(directory),
    identity: { host: 'in-process', bootId: null, pid: process.pid, startTicks: null },
    clock,
    events,
    plan,
    memory: (of) => planMemory(options.memoryBytes ?? 256 * 1024 * 1024, of.parallelism, ringCount(of)),
    hosts: () => new InProcessSlots(job, clock),
    spillDirectory: join(directory, 'spill'),
    merge: merges.run,
    checkpointing: {
      intervalMs: options.checkpointIntervalMs ?? DEFAULT_CHECKPOINTING.intervalMs,
      timeoutMs: options.checkpointTimeoutMs ?? DEFAULT_CHECKPOINTING.timeoutMs,
      minPauseMs: DEFAULT_CHECKPOINTING.minPauseMs,
      maxConcurrent: options.maxConcurrentCheckpoints ?? DEFAULT_CHECKPOINTING.maxConcurrent,
      toleratedFailures: options.toleratedCheckpointFailures ?? DEFAULT_CHECKPOINTING.toleratedFailures,
    },
    restart: { kind: 'exponential', ...DEFAULT_EXPONENTIAL, attempts: options.restartAttempts ?? 0 },
    random: () => 0.5,
    choose: unfinished,
  })
  options.onStart?.(coordinator)
  try {
    return { ...(await coordinator.run()), printed, warnings }
  } finally {
    await merges.settled()
  }
}

/** Merges outlive the job that asked for them: who deletes its folder waits. */
class AwaitedMerges {
  private last: Promise<unknown> = Promise.resolve()

  readonly run: MergeRunner = (merge) => {
    const result = runMerge(merge)
    this.last = result.catch(() => undefined)
    return result
  }

  async settled(): Promise<void> {
    // One may begin when another ends.
    for (let seen: unknown; seen !== this.last;) {
      seen = this.last
      await seen
    }
  }
}

function unfinished(latest: CheckpointManifest | undefined): CheckpointManifest | undefined {
  const published = latest !== undefined && Object.values(latest.sinks).every((sink) => sink.committables.length === 0)
  return latest?.final === true && published ? undefined : latest
}
