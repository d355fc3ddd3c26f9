import type { KeptFailure, KeptFailures } from '../coordinator/failure-history.js'
import type { CheckpointReason } from '../coordinator/pending-checkpoint.js'
import type { JobPhase } from '../coordinator/job-wishes.js'
import type { SavepointInfo } from '../coordinator/savepoints.js'

/** A running job as `runtime status` shows it: names and meaning are a contract. */
export interface JobView {
  /** Its id. */
  readonly job: string
  readonly name: string
  readonly state: JobPhase
  readonly pid: number
  /** How many slots it has, or is being given. */
  readonly parallelism: number
  readonly maxParallelism: number
  /** Numbers restarts in this process, from 1; 0 before the first. */
  readonly attempt: number
  readonly startedAtMs: number
  readonly durationMs: number
  /** Since the job's first start; not yet those of a checkpoint. */
  readonly recordsIn: number
  readonly recordsOut: number
  readonly lateRecordsDropped: number
  readonly invalidRecords: number
  /** Of the slowest source, epoch milliseconds; null before there is one. */
  readonly watermark: number | null
  readonly checkpointDir: string
  readonly restoredFrom: string | null
  readonly checkpoints: number
  readonly lastCheckpoint: CheckpointView | null
  readonly failures: number
  readonly firstFailure: KeptFailure | null
}

/** One completed checkpoint. */
export interface CheckpointView {
  readonly id: number
  readonly reason: CheckpointReason
  /** Whether no barrier has overtaken a record. */
  readonly aligned: boolean
  readonly completedAtMs: number
  readonly durationMs: number
  readonly writtenBytes: number
  readonly stateBytes: number
  /** Records that were in flight; 0 in an aligned one. */
  readonly inFlightBytes: number
  /** What `--restore` takes, while it is retained. */
  readonly path: string
}

/** One that was given up. */
export interface FailedCheckpointView {
  readonly id: number
  readonly failedAtMs: number
  readonly reason: string
}

/** The checkpoints of this process, newest last. */
export interface CheckpointsView {
  readonly job: string
  readonly completed: number
  readonly failed: number
  /** The last of them. */
  readonly recent: readonly CheckpointView[]
  readonly recentFailed: readonly FailedCheckpointView[]
}

/** The failures of a job, of this process and those before it. */
export interface FailuresView extends KeptFailures {
  readonly job: string
}

/** What can be asked and told of a running job. Main thread; rejects with a MillraceError. */
export interface JobControl {
  status(): JobView
  checkpoints(): CheckpointsView
  exceptions(): FailuresView
  /** `directory`: a folder or URL that gets a folder of its own for it; default beside the checkpoints. */
  savepoint(directory: string | undefined): Promise<SavepointInfo>
  stop(directory: string | undefined, drain: boolean): Promise<SavepointInfo>
  cancel(): void
  rescale(parallelism: number): Promise<void>
}

/** What a server of a running job needs. */
export interface ControlOptions {
  readonly control: JobControl
  /** Whoever has it may do everything. */
  readonly token: string
}
