import type { CheckContext } from './check.js'
import type { JsonValue } from './json.js'
import type { MetricGroup } from './metrics.js'
import type { Clock } from './time.js'

/** What a sink promises for its output. State is exactly-once whatever the sink. */
export type DeliveryGuarantee = 'exactly-once' | 'at-least-once'

/**
 * Writers in the slots, one committer on the main thread. Two-phase: writers flush and hand over committables at the barrier, they go
 * into the manifest, and once it is written the committer publishes them, idempotently: after a crash it is called again with the same.
 */
export interface Sink<In, Committable extends JsonValue = JsonValue, WriterState extends JsonValue = JsonValue> {
  /** A short name for messages: `file`, `console`. */
  readonly name: string
  readonly guarantee: DeliveryGuarantee
  /** Where it writes, as plain text: a restore with another output is refused. */
  readonly describe: string
  /** See {@link CheckContext}. */
  check?(ctx: CheckContext): Promise<void>
  createWriter(
    ctx: SinkWriterContext,
  ): SinkWriter<In, Committable, WriterState> | Promise<SinkWriter<In, Committable, WriterState>>
  createCommitter?(ctx: SinkCommitterContext): SinkCommitter<Committable>
}

/** Slot thread. */
export interface SinkWriterContext {
  readonly uid: string
  readonly jobId: string
  readonly runId: string
  readonly subtask: number
  readonly parallelism: number
  /** Numbers the processes and in-process restarts of a run: no two live writers share (run, uid, subtask, attempt). */
  readonly attempt: number
  readonly epoch: number
  readonly clock: Clock
  readonly metrics: MetricGroup
  /** A line on the job's standard output. */
  print(line: string): void
  warn(message: string): void
  /**
   * A record that can never be written (over the service's limits, refused for good) goes to the sink's `rejected` output, once. If
   * nobody reads that, the job fails with MILLRACE_OUTPUT: nothing is dropped silently. To be called from `write`, or until the promise
   * of `flush` resolves for what was written before it.
   */
  reject(value: unknown, timestamp: number, reason: string): void
}

/** What a sink's `rejected` output holds. */
export interface RejectedRecord<T = unknown> {
  readonly value: T
  readonly reason: string
  /** The sink's `describe`. */
  readonly sink: string
}

/** Slot thread. */
export interface SinkWriter<In, Committable = JsonValue, WriterState = JsonValue> {
  /** Takes the record; may buffer. One that has no form to be written in is MILLRACE_VALUE, and as good as rejected. */
  write(value: In, timestamp: number): void
  /** A promise while the writer can take no more records (backpressure), else undefined. Asked after each batch. */
  busy?(): Promise<void> | undefined
  /** Everything written so far reaches its place, durably, before the promise resolves. `checkpointId` is the barrier's. */
  flush(checkpointId: number): void | Promise<void>
  /** After `flush`: what the committer has to publish. */
  prepareCommit?(checkpointId: number): readonly Committable[]
  snapshotState?(checkpointId: number): readonly WriterState[]
  /** All input has ended: nothing more is written, and the `flush`es that follow leave nothing unprepared. */
  finish?(): void | Promise<void>
  restoreState?(states: readonly WriterState[]): void
  /** Lets go of resources. Unflushed data of an aborted attempt may stay behind, unpublished. */
  close?(): void | Promise<void>
}

/** Main thread. */
export interface SinkCommitterContext {
  readonly uid: string
  readonly jobId: string
  readonly runId: string
  readonly epoch: number
  warn(message: string): void
}

/** Main thread. */
export interface SinkCommitter<Committable = JsonValue> {
  /** Publishes all, idempotently; resolves when durable. What can't be published any more is MILLRACE_OUTPUT naming the object. */
  commit(committables: readonly Committable[]): Promise<void>
  /**
   * Before the job starts (fresh or restored; after `commit` of what the manifest names): deletes what earlier attempts of this run left
   * unpublished. Never touches another run's. `fresh`: first start of the run; may warn of another run's output. What `writerStates`
   * (those of the manifest) name is still needed.
   */
  recover?(options: { readonly fresh: boolean; readonly writerStates?: readonly JsonValue[] }): Promise<void>
  close?(): void | Promise<void>
}
