import type { CheckpointManifest, ProcessIdentity } from '../checkpoint/manifest.js'
import type { SerializedError } from '../contract/errors.js'
import type { JobGraph } from '../contract/graph.js'
import type { Clock } from '../contract/time.js'
import type { ExecutionPlan } from '../plan/plan.js'
import type { CheckpointStorage } from '../storage/storage.js'
import type { MergeRunner } from './background-merges.js'
import type { CheckpointRules } from './checkpoint-rules.js'
import type { CounterTotals } from './draft.js'
import type { JobEvents } from './events.js'
import type { MemoryPlan } from './memory-plan.js'
import type { JobFailure } from './job-failure.js'
import type { RestartSettings } from './restart-strategy.js'
import type { SlotHostFactory } from './slot-host.js'

/** How a job's run in a process may end. */
export type JobStatus = 'FINISHED' | 'SUSPENDED' | 'CANCELED' | 'FAILED'

/** How a job's run in this process ended. Counters are those of the last checkpoint. */
export interface JobResult {
  readonly status: JobStatus
  readonly counters: CounterTotals
  readonly checkpoints: number
  /** The manifest restored, as a path or URL. */
  readonly restoredFrom: string | undefined
  /** The first failure since the last completed checkpoint, if the job failed. */
  readonly failure: JobFailure | undefined
}

/** Everything a run needs; the caller has checked it against the job and the checkpoint. */
export interface JobOptions {
  readonly jobId: string
  readonly jobName: string
  readonly graph: JobGraph
  /** As they were given: manifests keep them. */
  readonly params: Readonly<Record<string, string>>
  /** What slots build the graph with, if it differs: what secrets stand for. Kept nowhere. */
  readonly slotParams?: Readonly<Record<string, string>>
  /** Before each further attempt: what has changed outside the job, undefined if nothing has. May reject with a MillraceError. */
  readonly refresh?: () => Promise<RefreshedJob | undefined>
  /** Parameters whose values no checkpoint keeps. */
  readonly secretParams?: ReadonlySet<string>
  readonly storage: CheckpointStorage
  readonly identity: ProcessIdentity
  readonly clock: Clock
  /** Unique names; default `randomUUID`. */
  readonly randomId?: () => string
  readonly events: JobEvents
  /** Takes secrets out of failures that are kept. */
  readonly redact?: (error: SerializedError) => SerializedError
  /** The plan for the maximum parallelism that the checkpoint, or the option, says. */
  readonly plan: ExecutionPlan
  readonly memory: (plan: ExecutionPlan) => MemoryPlan
  readonly hosts: SlotHostFactory
  /** Whether slots of the next attempt start while a failed one is cleared away; default not. */
  readonly spareSlots?: boolean
  readonly bundleUrl?: string
  readonly spillDirectory: string
  /** Merges segments, off the main thread. */
  readonly merge: MergeRunner
  readonly checkpointing: CheckpointRules
  /** Completed checkpoints that are kept; default 2. */
  readonly retainCheckpoints?: number
  /** When they are deleted: after FINISHED, or after CANCELED too; default never. */
  readonly cleanupCheckpoints?: 'never' | 'finished' | 'ended'
  readonly restart: RestartSettings
  /** From 0 to 1. */
  readonly random: () => number
  /** Checks the checkpoint against the job (MILLRACE_RESTORE) and says what to go on from; undefined: start afresh. */
  readonly choose: (latest: CheckpointManifest | undefined) => CheckpointManifest | undefined
}

/** The same job with other values in it: its plan has the same shape. */
export interface RefreshedJob {
  readonly slotParams: Readonly<Record<string, string>>
  readonly graph: JobGraph
}
