import { MillraceError } from '../../runtime/contract/errors.js'
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import { NO_TIMESTAMP } from '../../runtime/contract/time.js'
import type { KeyedLifecycle, NoState } from './keyed-process.js'
import {
  openBroadcastStates,
  type BroadcastDeclarations,
  type BroadcastHandles,
  type ReadOnlyBroadcastHandles,
} from './operator-state-declaration.js'
import {
  KeyContext,
  RecordContext,
  type KeyedContext,
  type OpenContext,
  type ProcessContext,
  type TimerContext,
  type WithBroadcast,
  type WithReadOnlyBroadcast,
} from './process-context.js'
import { openStates, type StateDeclarations } from './state-declaration.js'
import { refusePromise, type Place } from './user-function.js'

/**
 * A function on a keyed stream and on one that is broadcast. See `BroadcastProcessFunction` for what `onBroadcast` must keep to; it has no
 * key, and so neither keyed state nor timers. Flink: `KeyedBroadcastProcessFunction`.
 */
export interface KeyedBroadcastProcessFunction<
  K,
  In,
  BroadcastIn,
  Out,
  B extends BroadcastDeclarations,
  S extends StateDeclarations = NoState,
> extends Omit<KeyedLifecycle<K, Out, S>, 'open' | 'onTimer' | 'finish'> {
  /** Before the first record, in each subtask and attempt; broadcast state is restored. There is no key yet. */
  open?(ctx: OpenContext & WithReadOnlyBroadcast<B>): void | Promise<void>
  onElement(value: In, ctx: KeyedContext<K, NoInfer<Out>, S> & WithReadOnlyBroadcast<B>): void | undefined
  onBroadcast(value: BroadcastIn, ctx: ProcessContext<NoInfer<Out>> & WithBroadcast<B>): void | undefined
  /** A timer that the function registered for the current key. */
  onTimer?(time: number, ctx: TimerContext<K, NoInfer<Out>, S> & WithReadOnlyBroadcast<B>): void | undefined
  /** All input has ended and all event timers have fired; may emit. There is no key any more. */
  finish?(ctx: ProcessContext<NoInfer<Out>> & WithReadOnlyBroadcast<B>): void | Promise<void>
}

/** Runs a {@link KeyedBroadcastProcessFunction}; broadcast records come in at input 1. */
export class KeyedBroadcastProcessOperator<
  K,
  In,
  BroadcastIn,
  Out,
  B extends BroadcastDeclarations,
  S extends StateDeclarations,
> implements Operator<In, Out, BroadcastIn> {
  private readonly fn: KeyedBroadcastProcessFunction<K, In, BroadcastIn, Out, B, S>
  private readonly broadcast: B
  private readonly place: Place
  private keyed!: KeyContext<K, Out, S, ReadOnlyBroadcastHandles<B>>
  private writing!: RecordContext<Out, unknown, BroadcastHandles<B>>
  private uid = ''

  constructor(fn: KeyedBroadcastProcessFunction<K, In, BroadcastIn, Out, B, S>, broadcast: B, place: Place) {
    this.fn = fn
    this.broadcast = broadcast
    this.place = place
  }

  open(host: OperatorContext<Out>): void | Promise<void> {
    this.uid = host.uid
    const { read, written } = openBroadcastStates(this.broadcast, host.operatorState)
    this.keyed = new KeyContext(host, openStates(this.fn.state ?? ({} as S), host.state), read)
    this.writing = withoutKey(new RecordContext(host, undefined, written))
    return this.fn.open?.(this.keyed)
  }

  processElement(value: In, timestamp: number): void {
    this.keyed.timestamp = timestamp
    const result: unknown = this.fn.onElement(value, this.keyed)
    if (result !== undefined) refusePromise('the process function', this.uid, this.place, result)
  }

  processElement2(value: BroadcastIn, timestamp: number): void {
    this.writing.timestamp = timestamp
    const result: unknown = this.fn.onBroadcast(value, this.writing)
    if (result !== undefined) refusePromise('onBroadcast', this.uid, this.place, result)
  }

  processWatermark(watermark: number): void {
    this.writing.watermark = watermark
  }

  onEventTimer(time: number): void {
    this.keyed.timestamp = time
    this.keyed.timeDomain = 'event'
    this.onTimer(time)
  }

  onProcessingTimer(time: number): void {
    this.keyed.timestamp = NO_TIMESTAMP
    this.keyed.timeDomain = 'processing'
    this.onTimer(time)
  }

  finish(): void | Promise<void> {
    this.keyed.timestamp = NO_TIMESTAMP
    return this.fn.finish?.(this.keyed)
  }

  close(): void | Promise<void> {
    return this.fn.close?.()
  }

  private onTimer(time: number): void {
    const result: unknown = this.fn.onTimer?.(time, this.keyed)
    if (result !== undefined) refusePromise('onTimer', this.uid, this.place, result)
  }
}

/** The types hide what belongs to a key; whoever looks for it all the same is told why it is not there. */
function withoutKey<Context extends object>(context: Context): Context {
  for (const name of ['key', 'state', 'timers']) {
    Object.defineProperty(context, name, {
      get: (): never => {
        throw new MillraceError('MILLRACE_USER', `onBroadcast has no ctx.${name}: a broadcast record has no key`, {
          hint: 'keep in broadcast state what onElement is to find',
        })
      },
    })
  }
  return context
}
