import type { Key } from './key.js'
import type { MetricGroup } from './metrics.js'
import type { Output } from './output.js'
import type { KeyedStateStore, OperatorStateStore, TimerService } from './state.js'
import type { Clock } from './time.js'

/**
 * What an operator sees of its host, on the slot's thread. Three hosts: worker threads, the simulator, later a process beside Flink.
 * Everything below the edges comes through here: clock, randomness, output, state.
 */
export interface OperatorContext<Out> {
  readonly uid: string
  readonly jobId: string
  readonly runId: string
  readonly subtask: number
  readonly parallelism: number
  readonly maxParallelism: number
  readonly attempt: number
  readonly output: Output<Out>
  /** The output of a tagged side output; emitting to a tag nobody consumes drops the record and costs nothing. */
  sideOutput<T>(tag: string): Output<T>
  /** Whether anything consumes the tag. */
  hasSideOutput(tag: string): boolean
  /** MILLRACE_GRAPH on an operator whose input is not keyed. */
  readonly state: KeyedStateStore
  readonly timers: TimerService
  /** State of this subtask that belongs to no key. */
  readonly operatorState: OperatorStateStore
  /** The key of the element or timer being processed. */
  currentKey(): Key
  readonly clock: Clock
  readonly metrics: MetricGroup
  /**
   * Runs `task` on the slot's loop, between records and when the subtask's outbox is empty: how a promise that is done emits. In order.
   * What was asked for before a barrier's `prepareBarrier` resolves runs before the barrier goes on.
   */
  execute(task: () => void): void
  /**
   * For failures that come later than the call: asked during `processElement`, the result takes the failure of that record. It throws
   * what is to fail the job; else the record is dealt with. Call it on the slot's loop.
   */
  failureOf(value: unknown, timestamp: number): (error: unknown) => void
  /** Forwards the watermark that `holdWatermark` held back, as far as it now allows. */
  releaseWatermark(): void
  /** A line on the job's standard output (console sinks), in order per subtask. */
  print(line: string): void
  /** A line in the log, at warning level, with the operator's uid; the host limits its rate. */
  warn(message: string): void
}

/**
 * The lifecycle, fixed: open (state is restored) -> process* -> [prepareBarrier -> snapshotState -> checkpointComplete |
 * checkpointAborted]* -> finish -> close. All on the slot's thread; only prepareBarrier, open, finish and close may return a promise
 * (the subtask waits, other subtasks of the slot go on).
 */
export interface Operator<In, Out, In2 = never> {
  open?(ctx: OperatorContext<Out>): void | Promise<void>
  processElement(value: In, timestamp: number): void
  /** The second input of a connected operator. */
  processElement2?(value: In2, timestamp: number): void
  /** `count` records of the current key and `pane`, as the accumulator that a `Combiner` of the input edge made of them. Takes `acc` over. */
  processPartial?(pane: number, acc: unknown, count: number): void
  /** Called after the event timers up to `watermark` have fired, before it is forwarded. */
  processWatermark?(watermark: number): void
  /** The watermark, at most the given one, that may go on now: records still being worked on hold it back. Never falls. A mere question. */
  holdWatermark?(watermark: number): number
  /** A promise while it can take no more records (as many are being worked on as may be), else undefined. Asked after each record. */
  busy?(): Promise<void> | undefined
  /** Resolves when all records so far are done with and what came of them is emitted; undefined if none is being worked on. */
  settled?(): Promise<void> | undefined
  onEventTimer?(time: number, namespace: number): void
  onProcessingTimer?(time: number, namespace: number): void
  /** Runs before the barrier is forwarded: flush what must not cross it. May emit. */
  prepareBarrier?(checkpointId: number): void | Promise<void>
  /** Before operator state is taken, behind the barrier: the last moment to write what is only in the operator's own fields to it. */
  snapshotState?(checkpointId: number): void
  checkpointComplete?(checkpointId: number): void
  checkpointAborted?(checkpointId: number): void
  /** All inputs have ended and all event timers fired; may emit. Not called again after a restore that had it done. */
  finish?(): void | Promise<void>
  close?(): void | Promise<void>
}
