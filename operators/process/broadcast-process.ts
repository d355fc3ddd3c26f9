import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import { NO_TIMESTAMP } from '../../runtime/contract/time.js'
import type { NoState } from './keyed-process.js'
import {
  openBroadcastStates,
  openOperatorStates,
  type BroadcastDeclarations,
  type BroadcastHandles,
  type OperatorStateDeclarations,
  type OperatorStateHandles,
  type ReadOnlyBroadcastHandles,
} from './operator-state-declaration.js'
import {
  RecordContext,
  type OpenContext,
  type ProcessContext,
  type WithBroadcast,
  type WithOperatorState,
  type WithReadOnlyBroadcast,
} from './process-context.js'
import { requireSnapshotFunction, type ProcessLifecycle } from './process.js'
import { refusePromise, requireFunction, type Place } from './user-function.js'

/**
 * A function on a stream that is not keyed and on one that is broadcast. Every subtask sees every broadcast record, in an order that may
 * differ where several subtasks send them: `onBroadcast` must come to the same state all the same, and what it emits comes out once a
 * subtask. Flink: `BroadcastProcessFunction`.
 */
export interface BroadcastProcessFunction<
  In,
  BroadcastIn,
  Out,
  B extends BroadcastDeclarations,
  S extends OperatorStateDeclarations = NoState,
> extends Omit<ProcessLifecycle<Out, S>, 'open' | 'snapshotState' | 'finish'> {
  /** See {@link ProcessLifecycle}; broadcast state is restored, too. */
  open?(ctx: OpenContext & WithOperatorState<S> & WithReadOnlyBroadcast<B>): void | Promise<void>
  onElement(
    value: In,
    ctx: ProcessContext<NoInfer<Out>> & WithOperatorState<S> & WithReadOnlyBroadcast<B>,
  ): void | undefined
  onBroadcast(
    value: BroadcastIn,
    ctx: ProcessContext<NoInfer<Out>> & WithOperatorState<S> & WithBroadcast<B>,
  ): void | undefined
  /** See {@link ProcessLifecycle}. */
  snapshotState?(ctx: OpenContext & WithOperatorState<S> & WithReadOnlyBroadcast<B>): void | undefined
  /** See {@link ProcessLifecycle}. */
  finish?(ctx: ProcessContext<NoInfer<Out>> & WithOperatorState<S> & WithReadOnlyBroadcast<B>): void | Promise<void>
}

/** Runs a {@link BroadcastProcessFunction}; broadcast records come in at input 1. */
export class BroadcastProcessOperator<
  In,
  BroadcastIn,
  Out,
  B extends BroadcastDeclarations,
  S extends OperatorStateDeclarations,
> implements Operator<In, Out, BroadcastIn> {
  private readonly fn: BroadcastProcessFunction<In, BroadcastIn, Out, B, S>
  private readonly broadcast: B
  private readonly place: Place
  private reading!: RecordContext<Out, OperatorStateHandles<S>, ReadOnlyBroadcastHandles<B>>
  private writing!: RecordContext<Out, OperatorStateHandles<S>, BroadcastHandles<B>>
  private uid = ''

  constructor(fn: BroadcastProcessFunction<In, BroadcastIn, Out, B, S>, broadcast: B, place: Place) {
    this.fn = fn
    this.broadcast = broadcast
    this.place = place
  }

  open(host: OperatorContext<Out>): void | Promise<void> {
    this.uid = host.uid
    const state = openOperatorStates(this.fn.state ?? ({} as S), host.operatorState)
    const { read, written } = openBroadcastStates(this.broadcast, host.operatorState)
    this.reading = new RecordContext(host, state, read)
    this.writing = new RecordContext(host, state, written)
    return this.fn.open?.(this.reading)
  }

  processElement(value: In, timestamp: number): void {
    this.reading.timestamp = timestamp
    const result: unknown = this.fn.onElement(value, this.reading)
    if (result !== undefined) refusePromise('the process function', this.uid, this.place, result)
  }

  processElement2(value: BroadcastIn, timestamp: number): void {
    this.writing.timestamp = timestamp
    const result: unknown = this.fn.onBroadcast(value, this.writing)
    if (result !== undefined) refusePromise('onBroadcast', this.uid, this.place, result)
  }

  processWatermark(watermark: number): void {
    this.reading.watermark = watermark
    this.writing.watermark = watermark
  }

  snapshotState(): void {
    const result: unknown = this.fn.snapshotState?.(this.reading)
    if (result !== undefined) refusePromise('snapshotState', this.uid, this.place, result)
  }

  finish(): void | Promise<void> {
    this.reading.timestamp = NO_TIMESTAMP
    return this.fn.finish?.(this.reading)
  }

  close(): void | Promise<void> {
    return this.fn.close?.()
  }
}

/** MILLRACE_GRAPH for a function that lacks something or is async. */
export function requireBroadcastFunction(
  fn: { readonly onElement?: unknown; readonly onBroadcast?: unknown; readonly snapshotState?: unknown } | undefined,
  place: Place,
): void {
  requireFunction(fn?.onElement, 'onElement of process()', place)
  requireFunction(fn?.onBroadcast, 'onBroadcast of process()', place)
  requireSnapshotFunction(fn!, place)
}
