import type { CheckContext } from '../../runtime/contract/check.js'
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import { NO_TIMESTAMP } from '../../runtime/contract/time.js'
import type { RecordType } from '../api/record-type.js'
import type { NoState } from './keyed-process.js'
import {
  openOperatorStates,
  type OperatorStateDeclarations,
  type OperatorStateHandles,
} from './operator-state-declaration.js'
import { RecordContext, type OpenContext, type ProcessContext, type WithOperatorState } from './process-context.js'
import { refusePromise, requireFunction, type Place } from './user-function.js'

/** What process functions on streams that are not keyed share: declared state of the subtask, a lifecycle. */
export interface ProcessLifecycle<Out, S extends OperatorStateDeclarations> {
  /** What it emits; without it, what it takes. */
  readonly emits?: RecordType<Out>
  /** The states `ctx.state` has, of the subtask: `{ seen: list<string>() }`. They need a uid. */
  readonly state?: S
  /** Before the first record, in each subtask and attempt; state is restored. May return a promise. */
  open?(ctx: OpenContext & WithOperatorState<S>): void | Promise<void>
  /** At each barrier, before state is taken: to put into it what the function keeps in fields of its own. Emits nothing. */
  snapshotState?(ctx: OpenContext & WithOperatorState<S>): void | undefined
  /**
   * All input of the subtask has ended; may emit, and promise. Called again if only some subtasks had come so far before the parallelism
   * changed: state that was emitted is to be cleared.
   */
  finish?(ctx: ProcessContext<NoInfer<Out>> & WithOperatorState<S>): void | Promise<void>
  close?(): void | Promise<void>
}

/**
 * A function on a stream that is not keyed: any number of records to the main output and to side outputs, state of its subtask, no
 * timers. Flink: `ProcessFunction`, with `CheckpointedFunction`.
 */
export interface ProcessFunction<In, Out, S extends OperatorStateDeclarations = NoState> extends ProcessLifecycle<
  Out,
  S
> {
  /** On the main thread, before anything of the job runs: what the function needs is there. */
  check?(ctx: CheckContext): Promise<void>
  onElement(value: In, ctx: ProcessContext<NoInfer<Out>> & WithOperatorState<S>): void | undefined
}

/** A function on two streams that are not keyed. Flink: `CoProcessFunction`. See {@link ProcessFunction}. */
export interface CoProcessFunction<
  In1,
  In2,
  Out,
  S extends OperatorStateDeclarations = NoState,
> extends ProcessLifecycle<Out, S> {
  onElement1(value: In1, ctx: ProcessContext<NoInfer<Out>> & WithOperatorState<S>): void | undefined
  onElement2(value: In2, ctx: ProcessContext<NoInfer<Out>> & WithOperatorState<S>): void | undefined
}

/** Both forms of an unkeyed process function as the operator calls them. */
export interface RecordFunctions<In1, In2, Out, S extends OperatorStateDeclarations> {
  readonly state: S
  readonly lifecycle: ProcessLifecycle<Out, S>
  readonly onElement1: (value: In1, ctx: ProcessContext<Out> & WithOperatorState<S>) => void
  readonly onElement2: (value: In2, ctx: ProcessContext<Out> & WithOperatorState<S>) => void
}

/** Runs a {@link ProcessFunction} or {@link CoProcessFunction}. */
export class ProcessOperator<In1, In2, Out, S extends OperatorStateDeclarations> implements Operator<In1, Out, In2> {
  private readonly functions: RecordFunctions<In1, In2, Out, S>
  private readonly place: Place
  private context!: RecordContext<Out, OperatorStateHandles<S>, undefined>
  private uid = ''

  constructor(functions: RecordFunctions<In1, In2, Out, S>, place: Place) {
    this.functions = functions
    this.place = place
  }

  open(host: OperatorContext<Out>): void | Promise<void> {
    this.uid = host.uid
    this.context = new RecordContext(host, openOperatorStates(this.functions.state, host.operatorState), undefined)
    return this.functions.lifecycle.open?.(this.context)
  }

  processElement(value: In1, timestamp: number): void {
    this.context.timestamp = timestamp
    const result: unknown = this.functions.onElement1(value, this.context)
    if (result !== undefined) refusePromise('the process function', this.uid, this.place, result)
  }

  processElement2(value: In2, timestamp: number): void {
    this.context.timestamp = timestamp
    const result: unknown = this.functions.onElement2(value, this.context)
    if (result !== undefined) refusePromise('the process function', this.uid, this.place, result)
  }

  processWatermark(watermark: number): void {
    this.context.watermark = watermark
  }

  snapshotState(): void {
    const result: unknown = this.functions.lifecycle.snapshotState?.(this.context)
    if (result !== undefined) refusePromise('snapshotState', this.uid, this.place, result)
  }

  finish(): void | Promise<void> {
    this.context.timestamp = NO_TIMESTAMP
    return this.functions.lifecycle.finish?.(this.context)
  }

  close(): void | Promise<void> {
    return this.functions.lifecycle.close?.()
  }
}

/** A checked {@link ProcessFunction}. MILLRACE_GRAPH for what is missing or async. */
export function processFunctions<In, Out, S extends OperatorStateDeclarations>(
  fn: ProcessFunction<In, Out, S>,
  place: Place,
): RecordFunctions<In, never, Out, S> {
  requireFunction((fn as Partial<typeof fn> | undefined)?.onElement, 'onElement of process()', place)
  requireSnapshotFunction(fn, place)
  const onElement1 = fn.onElement.bind(fn)
  return { state: fn.state ?? ({} as S), lifecycle: fn, onElement1, onElement2: onElement1 }
}

/** A checked {@link CoProcessFunction}. MILLRACE_GRAPH for what is missing or async. */
export function coProcessFunctions<In1, In2, Out, S extends OperatorStateDeclarations>(
  fn: CoProcessFunction<In1, In2, Out, S>,
  place: Place,
): RecordFunctions<In1, In2, Out, S> {
  requireFunction((fn as Partial<typeof fn> | undefined)?.onElement1, 'onElement1 of process()', place)
  requireFunction((fn as Partial<typeof fn> | undefined)?.onElement2, 'onElement2 of process()', place)
  requireSnapshotFunction(fn, place)
  const [onElement1, onElement2] = [fn.onElement1.bind(fn), fn.onElement2.bind(fn)]
  return { state: fn.state ?? ({} as S), lifecycle: fn, onElement1, onElement2 }
}

/** MILLRACE_GRAPH for a `snapshotState` that is no synchronous function. */
export function requireSnapshotFunction(fn: { readonly snapshotState?: unknown }, place: Place): void {
  if (fn.snapshotState !== undefined) requireFunction(fn.snapshotState, 'snapshotState of process()', place)
}
