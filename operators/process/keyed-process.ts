import type { Key } from '../../runtime/contract/key.js'
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import { NO_TIMESTAMP } from '../../runtime/contract/time.js'
import type { RecordType } from '../api/record-type.js'
import {
  KeyContext,
  type KeyedContext,
  type OpenContext,
  type ProcessContext,
  type TimerContext,
} from './process-context.js'
import { openStates, type StateDeclarations } from './state-declaration.js'
import { refusePromise, requireFunction, type Place } from './user-function.js'

/** What keyed process functions share: declared state, a timer function, a lifecycle. Only the lifecycle may return promises. */
export interface KeyedLifecycle<K, Out, S extends StateDeclarations> {
  /** What it emits; without it, what it takes. */
  readonly emits?: RecordType<Out>
  /** The states `ctx.state` has: `{ seen: value<boolean>() }`. */
  readonly state?: S
  /** Before the first record, in each subtask and attempt. There is no key yet, so no state. */
  open?(ctx: OpenContext): void | Promise<void>
  /** A timer that the function registered for the current key. */
  onTimer?(time: number, ctx: TimerContext<K, NoInfer<Out>, S>): void | undefined
  /** All input has ended and all event timers have fired; may emit. There is no key any more. */
  finish?(ctx: ProcessContext<NoInfer<Out>>): void | Promise<void>
  close?(): void | Promise<void>
}

/** A function on a keyed stream. Flink: `KeyedProcessFunction`. */
export interface KeyedProcessFunction<K, In, Out, S extends StateDeclarations> extends KeyedLifecycle<K, Out, S> {
  onElement(value: In, ctx: KeyedContext<K, NoInfer<Out>, S>): void | undefined
}

/** A function on two keyed streams that share their state. Flink: `KeyedCoProcessFunction`. */
export interface KeyedCoProcessFunction<K, In1, In2, Out, S extends StateDeclarations> extends KeyedLifecycle<
  K,
  Out,
  S
> {
  onElement1(value: In1, ctx: KeyedContext<K, NoInfer<Out>, S>): void | undefined
  onElement2(value: In2, ctx: KeyedContext<K, NoInfer<Out>, S>): void | undefined
}

/** No declared state. */
export type NoState = Readonly<Record<never, never>>

/**
 * Returns its argument, typed: for a function that is written apart from the stream it is used on
 * (`keyedProcess<string, Order, Alert, typeof state>({...})`), or in place, where it may be left out.
 */
export function keyedProcess<K extends Key, In, Out = In, S extends StateDeclarations = NoState>(
  fn: KeyedProcessFunction<K, In, Out, S>,
): KeyedProcessFunction<K, In, Out, S> {
  return fn
}

/** As {@link keyedProcess}, for two inputs. */
export function keyedCoProcess<K extends Key, In1, In2, Out = In1, S extends StateDeclarations = NoState>(
  fn: KeyedCoProcessFunction<K, In1, In2, Out, S>,
): KeyedCoProcessFunction<K, In1, In2, Out, S> {
  return fn
}

/** Both forms of a keyed process function as the operator calls them. */
export interface KeyedFunctions<K, In1, In2, Out, S extends StateDeclarations> {
  readonly state: S
  readonly lifecycle: KeyedLifecycle<K, Out, S>
  readonly onElement1: (value: In1, ctx: KeyedContext<K, Out, S>) => void
  readonly onElement2: (value: In2, ctx: KeyedContext<K, Out, S>) => void
}

/** Runs a {@link KeyedProcessFunction} or {@link KeyedCoProcessFunction}; its own timers have namespace 0. */
export class KeyedProcessOperator<K, In1, In2, Out, S extends StateDeclarations> implements Operator<In1, Out, In2> {
  private readonly functions: KeyedFunctions<K, In1, In2, Out, S>
  private readonly place: Place
  private context!: KeyContext<K, Out, S>
  private uid = ''

  constructor(functions: KeyedFunctions<K, In1, In2, Out, S>, place: Place) {
    this.functions = functions
    this.place = place
  }

  open(host: OperatorContext<Out>): void | Promise<void> {
    this.uid = host.uid
    this.context = new KeyContext(host, openStates(this.functions.state, host.state), undefined)
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

  onEventTimer(time: number): void {
    this.context.timestamp = time
    this.context.timeDomain = 'event'
    this.onTimer(time)
  }

  onProcessingTimer(time: number): void {
    this.context.timestamp = NO_TIMESTAMP
    this.context.timeDomain = 'processing'
    this.onTimer(time)
  }

  finish(): void | Promise<void> {
    this.context.timestamp = NO_TIMESTAMP
    return this.functions.lifecycle.finish?.(this.context)
  }

  close(): void | Promise<void> {
    return this.functions.lifecycle.close?.()
  }

  private onTimer(time: number): void {
    const result: unknown = this.functions.lifecycle.onTimer?.(time, this.context)
    if (result !== undefined) refusePromise('onTimer', this.uid, this.place, result)
  }
}

/** A checked {@link KeyedProcessFunction}. MILLRACE_GRAPH for what is missing or async. */
export function keyedFunctions<K, In, Out, S extends StateDeclarations>(
  fn: KeyedProcessFunction<K, In, Out, S>,
  place: Place,
): KeyedFunctions<K, In, never, Out, S> {
  requireFunction((fn as Partial<typeof fn> | undefined)?.onElement, 'onElement of process()', place)
  requireTimerFunction(fn, place)
  const onElement1 = fn.onElement.bind(fn)
  return { state: fn.state ?? ({} as S), lifecycle: fn, onElement1, onElement2: onElement1 }
}

/** A checked {@link KeyedCoProcessFunction}. MILLRACE_GRAPH for what is missing or async. */
export function keyedCoFunctions<K, In1, In2, Out, S extends StateDeclarations>(
  fn: KeyedCoProcessFunction<K, In1, In2, Out, S>,
  place: Place,
): KeyedFunctions<K, In1, In2, Out, S> {
  requireFunction((fn as Partial<typeof fn> | undefined)?.onElement1, 'onElement1 of process()', place)
  requireFunction((fn as Partial<typeof fn> | undefined)?.onElement2, 'onElement2 of process()', place)
  requireTimerFunction(fn, place)
  const [onElement1, onElement2] = [fn.onElement1.bind(fn), fn.onElement2.bind(fn)]
  return { state: fn.state ?? ({} as S), lifecycle: fn, onElement1, onElement2 }
}

/** MILLRACE_GRAPH for an `onTimer` that is no synchronous function. */
export function requireTimerFunction({ onTimer }: { readonly onTimer?: unknown }, place: Place): void {
  if (onTimer !== undefined) requireFunction(onTimer, 'onTimer of process()', place)
}
