import type { CheckContext } from '../../runtime/contract/check.js'
import type { RecordType } from '../api/record-type.js'
import type { OutputTag } from '../api/output-tag.js'
import type { Duration } from '../api/duration.js'
import type { Collector } from '../process/collector.js'
import type { OpenContext } from '../process/process-context.js'
import type { AsyncRetry } from './async-retry.js'

/**
 * What an asynchronous function sees of its record. What it emits leaves once its promise is done, with the record's timestamp; of a call
 * that fails, times out or is tried again nothing leaves.
 */
export interface AsyncContext<Out> extends Collector<Out> {
  /** Event time of the record, epoch milliseconds; `NO_TIMESTAMP` (-Infinity) where there is none. */
  readonly timestamp: number
  /** Aborted when the record times out or its attempt of the job ends: hand it to `fetch` or to an SDK. */
  readonly signal: AbortSignal
  output<T>(tag: OutputTag<T>, value: NoInfer<T>): void
}

/** What `open` of an asynchronous function sees. */
export interface AsyncOpenContext extends OpenContext {
  /** Whether anything reads the side output. */
  hasSideOutput(tag: string): boolean
}

/**
 * A function that waits for something outside: one call a record, many at a time. Flink: `RichAsyncFunction`. It has no state, and the
 * calls under way are no part of checkpoints: a barrier waits until they are done, and a restored job makes them again.
 */
export interface AsyncFunction<In, Out> {
  /** What it emits; without it, what it takes. */
  readonly emits?: RecordType<Out>
  /** On the main thread, before anything of the job runs: what the function needs is there. */
  check?(ctx: CheckContext): Promise<void>
  /** Before the first record, in each subtask and attempt. */
  open?(ctx: AsyncOpenContext): void | Promise<void>
  /** Called again, by the retry strategy, with what it emitted before taken back. */
  onElement(value: In, ctx: AsyncContext<NoInfer<Out>>): Promise<void> | void
  /** In place of the failure when a record took too long: may emit. Flink: `AsyncFunction.timeout`. */
  onTimeout?(value: In, ctx: AsyncContext<NoInfer<Out>>): void
  close?(): void | Promise<void>
}

/** How records are worked on. Flink: the arguments of `AsyncDataStream.orderedWait` and `unorderedWait`. */
export interface AsyncOptions {
  /** Names the operator in failures and metrics. */
  readonly uid: string
  readonly name?: string
  /** Records of a subtask that may be under way, results that wait for their turn included. Default 100, as Flink's. */
  readonly capacity?: number
  /** From a record's first call to its result, retries included. Default `60s`. */
  readonly timeout?: Duration
  /**
   * Results leave in the order of the records. Default true. False: as they come, but none passes a watermark, and no watermark passes
   * one.
   */
  readonly ordered?: boolean
  /** Without it the first failure fails the job. */
  readonly retry?: AsyncRetry
}

/** As {@link AsyncOptions}, for `asyncMap`. */
export interface AsyncMapOptions<In, Out> extends AsyncOptions {
  /** The result of a record that took too long. Without it that fails the job. */
  readonly onTimeout?: (value: In) => Out
}
