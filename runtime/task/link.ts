import type { Output } from '../contract/output.js'
import type { KeyedBackend } from '../state/keyed-backend.js'
import type { OperatorRestore, OperatorSnapshot } from '../worker/protocol.js'
import type { LocalMetrics } from './counters.js'
import type { OperatorStateRun } from './operator-state-run.js'

/** What every operator and sink of a subtask may know of where it runs. */
export interface SubtaskInfo {
  readonly jobId: string
  readonly runId: string
  readonly subtask: number
  readonly parallelism: number
  readonly maxParallelism: number
  readonly attempt: number
  readonly epoch: number
}

/** An operator's share of a checkpoint; its state is encoded behind the barrier. */
export interface LinkSnapshot extends Omit<OperatorSnapshot, 'segments' | 'operatorState'> {
  readonly operatorState?: OperatorStateRun
}

/** How a link reaches the subtask it is in. */
export interface LinkHost {
  execute(task: () => void): void
  releaseWatermark(): void
}

/** One member of a chain: an operator or a sink, as the subtask drives it. Slot thread. */
export interface Link {
  readonly uid: string
  readonly metrics: LocalMetrics
  readonly backend: KeyedBackend | undefined
  readonly input: Output<unknown>
  readonly input2: Output<unknown>
  /** Where partials go in, a pane for a timestamp; absent where no edge can bring any. */
  readonly partials?: Output<unknown>
  open(restore: OperatorRestore | undefined): Promise<void>
  /** False: not done, the outbox has to drain first. */
  advanceWatermark(watermark: number, shouldYield: () => boolean): boolean
  fireProcessingTimers(now: number, shouldYield: () => boolean): boolean
  nextProcessingTimer(): number
  /** Before the barrier goes on. */
  prepareBarrier(checkpointId: number): Promise<void>
  /** After the barrier went on. */
  snapshot(checkpointId: number): LinkSnapshot | Promise<LinkSnapshot>
  checkpointComplete(checkpointId: number): void
  checkpointAborted(checkpointId: number): void
  finish(): Promise<void>
  /** A promise while it can take no more records. Nothing of the subtask goes on meanwhile, unless it `pauses`. */
  busy(): Promise<void> | undefined
  /** An operator that works on several records at once: asked whether it is busy after each one, and its tasks run while it is. */
  readonly pauses?: boolean
  /** See `Operator`; only there if the operator has it. */
  readonly holdWatermark?: (watermark: number) => number
  /** See `Operator`; only there if the operator has it. */
  readonly settled?: () => Promise<void> | undefined
  /** Before anything else but `open`. */
  attach?(host: LinkHost): void
  close(): Promise<void>
}
