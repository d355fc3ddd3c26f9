import type { OperatorFigures, SlotFigures } from '../metrics/figures.js'
import type { CounterTotals } from './draft.js'
import type { CheckpointReason } from './pending-checkpoint.js'
import type { JobFailure } from './job-failure.js'

/** What a checkpoint was like, for progress and metrics. */
export interface CheckpointInfo {
  readonly checkpointId: number
  readonly reason: CheckpointReason
  /** Its manifest, as a path or URL. */
  readonly path: string
  readonly durationMs: number
  /** Bytes newly written for it, and bytes of state it refers to. */
  readonly writtenBytes: number
  readonly stateBytes: number
  /** Of what was in flight when its barriers overtook records; 0: it is aligned. */
  readonly inFlightBytes: number
  /** What the job had counted with it, since its first start. */
  readonly counters: CounterTotals
}

/** What one slot told of its metrics, and what those on the main thread say. */
export interface JobFigures {
  readonly slot: number
  readonly figures: SlotFigures
  /** Of enumerators. */
  readonly sources: readonly OperatorFigures[]
  /** What counters had reached with the checkpoint that the attempt went on from; the figures count from there. */
  readonly counterBase: CounterTotals
}

/** What a running job tells whoever shows it. Main thread; calls must return at once. */
export interface JobEvents {
  /** A line of the job's own standard output. */
  print(line: string): void
  warn(uid: string, message: string): void
  /** `from`: the checkpoint restored, undefined for a fresh start. */
  started(info: { readonly attempt: number; readonly from: string | undefined; readonly parallelism: number }): void
  progress(info: { readonly counters: CounterTotals; readonly watermark: number }): void
  /** All metrics of one slot, a few times a second and at the end of an attempt that ends in order. */
  figures?(info: JobFigures): void
  checkpoint(info: CheckpointInfo): void
  checkpointFailed(info: { readonly checkpointId: number; readonly reason: string }): void
  failed(failure: JobFailure, restartInMs: number | undefined): void
}
