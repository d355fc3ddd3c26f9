import type { CheckContext } from '../../runtime/contract/check.js'
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import { NO_TIMESTAMP } from '../../runtime/contract/time.js'
import type { RecordType } from '../api/record-type.js'
import { RecordContext, type OpenContext, type ProcessContext } from './process-context.js'
import { refusePromise, requireFunction, type Place } from './user-function.js'

/**
 * A function on a stream that is not keyed: any number of records to the main output and to side outputs, no state and no timers.
 * Flink: `ProcessFunction`. Only `open`, `finish` and `close` may return a promise.
 */
export interface ProcessFunction<In, Out> {
  /** What it emits; without it, what it takes. */
  readonly emits?: RecordType<Out>
  /** On the main thread, before anything of the job runs: what the function needs is there. */
  check?(ctx: CheckContext): Promise<void>
  /** Before the first record, in each subtask and attempt. */
  open?(ctx: OpenContext): void | Promise<void>
  onElement(value: In, ctx: ProcessContext<NoInfer<Out>>): void | undefined
  /** All input has ended; may emit. */
  finish?(ctx: ProcessContext<NoInfer<Out>>): void | Promise<void>
  close?(): void | Promise<void>
}

/** A function on two streams that are not keyed. Flink: `CoProcessFunction`. See {@link ProcessFunction}. */
export interface CoProcessFunction<In1, In2, Out> {
  readonly emits?: RecordType<Out>
  open?(ctx: OpenContext): void | Promise<void>
  onElement1(value: In1, ctx: ProcessContext<NoInfer<Out>>): void | undefined
  onElement2(value: In2, ctx: ProcessContext<NoInfer<Out>>): void | undefined
  finish?(ctx: ProcessContext<NoInfer<Out>>): void | Promise<void>
  close?(): void | Promise<void>
}

/** Both forms of an unkeyed process function as the operator calls them. */
export interface RecordFunctions<In1, In2, Out> {
  readonly open?: ((ctx: OpenContext) => void | Promise<void>) | undefined
  readonly onElement1: (value: In1, ctx: ProcessContext<Out>) => void
  readonly onElement2: (value: In2, ctx: ProcessContext<Out>) => void
  readonly finish?: ((ctx: ProcessContext<Out>) => void | Promise<void>) | undefined
  readonly close?: (() => void | Promise<void>) | undefined
}

/** Runs a {@link ProcessFunction} or {@link CoProcessFunction}. */
export class ProcessOperator<In1, In2, Out> implements Operator<In1, Out, In2> {
  private readonly functions: RecordFunctions<In1, In2, Out>
  private readonly place: Place
  private context!: RecordContext<Out>
  private uid = ''

  constructor(functions: RecordFunctions<In1, In2, Out>, place: Place) {
    this.functions = functions
    this.place = place
  }

  open(host: OperatorContext<Out>): void | Promise<void> {
    this.uid = host.uid
    this.context = new RecordContext(host)
    return this.functions.open?.(this.context)
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

  finish(): void | Promise<void> {
    this.context.timestamp = NO_TIMESTAMP
    return this.functions.finish?.(this.context)
  }

  close(): void | Promise<void> {
    return this.functions.close?.()
  }
}

/** A checked {@link ProcessFunction}. MILLRACE_GRAPH for what is missing or async. */
export function processFunctions<In, Out>(fn: ProcessFunction<In, Out>, place: Place): RecordFunctions<In, never, Out> {
  requireFunction((fn as Partial<typeof fn> | undefined)?.onElement, 'onElement of process()', place)
  const onElement1 = fn.onElement.bind(fn)
  return { onElement1, onElement2: onElement1, ...lifecycle(fn) }
}

/** A checked {@link CoProcessFunction}. MILLRACE_GRAPH for what is missing or async. */
export function coProcessFunctions<In1, In2, Out>(
  fn: CoProcessFunction<In1, In2, Out>,
  place: Place,
): RecordFunctions<In1, In2, Out> {
  requireFunction((fn as Partial<typeof fn> | undefined)?.onElement1, 'onElement1 of process()', place)
  requireFunction((fn as Partial<typeof fn> | undefined)?.onElement2, 'onElement2 of process()', place)
  return { onElement1: fn.onElement1.bind(fn), onElement2: fn.onElement2.bind(fn), ...lifecycle(fn) }
}

function lifecycle<In1, In2, Out>(
  fn: Pick<CoProcessFunction<In1, In2, Out>, 'open' | 'finish' | 'close'>,
): Pick<RecordFunctions<In1, In2, Out>, 'open' | 'finish' | 'close'> {
  return { open: fn.open?.bind(fn), finish: fn.finish?.bind(fn), close: fn.close?.bind(fn) }
}
