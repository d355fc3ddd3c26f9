import type { MetricGroup } from '../../runtime/contract/metrics.js'
import type { OperatorContext } from '../../runtime/contract/operator.js'
import type { Output } from '../../runtime/contract/output.js'
import type { TimerService } from '../../runtime/contract/state.js'
import { type Clock, MIN_WATERMARK, NO_TIMESTAMP } from '../../runtime/contract/time.js'
import type { OutputTag } from '../api/output-tag.js'
import type { Collector } from './collector.js'
import type {
  BroadcastDeclarations,
  BroadcastHandles,
  OperatorStateDeclarations,
  OperatorStateHandles,
  ReadOnlyBroadcastHandles,
} from './operator-state-declaration.js'
import type { StateDeclarations, StateHandles } from './state-declaration.js'

/** What `open` sees: the subtask, no record and no key. */
export interface OpenContext {
  readonly uid: string
  readonly jobId: string
  readonly subtask: number
  readonly parallelism: number
  readonly metrics: MetricGroup
  /** Of the host: the only clock a function may read. */
  readonly clock: Clock
  /** A line in the log, with the operator's uid. */
  warn(message: string): void
}

/** What a process function sees of the record it was called for. The same object each time: valid during the call only. */
export interface ProcessContext<Out> extends Collector<Out>, OpenContext {
  /** Event time of the record or event timer, epoch milliseconds; `NO_TIMESTAMP` (-Infinity) where there is none. */
  readonly timestamp: number
  /** The operator's current watermark. */
  readonly watermark: number
  /** Emits to a side output; a tag that nobody reads drops the record and costs nothing. */
  output<T>(tag: OutputTag<T>, value: NoInfer<T>): void
}

/** What a function without a key also sees: the declared states of its subtask, by name. */
export interface WithOperatorState<S extends OperatorStateDeclarations> {
  readonly state: OperatorStateHandles<S>
}

/** What a function sees of broadcast state where broadcast records come in. */
export interface WithBroadcast<B extends BroadcastDeclarations> {
  readonly broadcast: BroadcastHandles<B>
}

/** What a function sees of broadcast state everywhere else. */
export interface WithReadOnlyBroadcast<B extends BroadcastDeclarations> {
  readonly broadcast: ReadOnlyBroadcastHandles<B>
}

/** Timers of the current key. Registering one twice fires it once. */
export interface Timers {
  currentWatermark(): number
  /** Epoch milliseconds, from the host's clock: the only clock a function may read. */
  currentProcessingTime(): number
  /** Fires when the watermark reaches `time`; on the next watermark if it is past. MILLRACE_TIMER once the input has ended. */
  registerEventTimer(time: number): void
  deleteEventTimer(time: number): void
  registerProcessingTimer(time: number): void
  deleteProcessingTimer(time: number): void
}

/** What a keyed process function sees: also its key, and the key's state and timers. */
export interface KeyedContext<K, Out, S extends StateDeclarations> extends ProcessContext<Out> {
  readonly key: K
  /** The declared states, by name, of the current key. */
  readonly state: StateHandles<S>
  readonly timers: Timers
}

/** What `onTimer` sees. `timestamp` is the event timer's time; a processing timer has none. */
export interface TimerContext<K, Out, S extends StateDeclarations> extends KeyedContext<K, Out, S> {
  readonly timeDomain: 'event' | 'processing'
}

/** The context of a function that has no key: one object, its fields set for each record. Slot thread. */
export class RecordContext<Out, S, B> implements ProcessContext<Out> {
  readonly uid: string
  readonly jobId: string
  readonly clock: Clock
  readonly subtask: number
  readonly parallelism: number
  readonly metrics: MetricGroup
  readonly state: S
  readonly broadcast: B
  timestamp: number = NO_TIMESTAMP
  watermark: number = MIN_WATERMARK
  private readonly host: OperatorContext<Out>
  private readonly main: Output<Out>
  private readonly sides = new Map<string, Output<unknown>>()

  constructor(host: OperatorContext<Out>, state: S, broadcast: B) {
    this.host = host
    this.state = state
    this.broadcast = broadcast
    this.main = host.output
    this.uid = host.uid
    this.jobId = host.jobId
    this.clock = host.clock
    this.subtask = host.subtask
    this.parallelism = host.parallelism
    this.metrics = host.metrics
  }

  warn(message: string): void {
    this.host.warn(message)
  }

  emit(value: Out): void {
    this.main.emit(value, this.timestamp)
  }

  output<T>(tag: OutputTag<T>, value: NoInfer<T>): void {
    sideOutput(this.host, this.sides, tag.name).emit(value, this.timestamp)
  }
}

/** The context of a keyed operator: one object, its fields set for each record and timer. Slot thread. */
export class KeyContext<K, Out, S extends StateDeclarations, B = undefined> implements TimerContext<K, Out, S> {
  readonly uid: string
  readonly jobId: string
  readonly clock: Clock
  readonly subtask: number
  readonly parallelism: number
  readonly metrics: MetricGroup
  readonly state: StateHandles<S>
  readonly broadcast: B
  readonly timers: TimerService
  timestamp: number = NO_TIMESTAMP
  timeDomain: 'event' | 'processing' = 'event'
  private readonly host: OperatorContext<Out>
  private readonly main: Output<Out>
  private readonly sides = new Map<string, Output<unknown>>()

  constructor(host: OperatorContext<Out>, state: StateHandles<S>, broadcast: B) {
    this.host = host
    this.broadcast = broadcast
    this.main = host.output
    this.uid = host.uid
    this.jobId = host.jobId
    this.clock = host.clock
    this.subtask = host.subtask
    this.parallelism = host.parallelism
    this.metrics = host.metrics
    this.state = state
    this.timers = host.timers
  }

  warn(message: string): void {
    this.host.warn(message)
  }

  get key(): K {
    return this.host.currentKey() as K
  }

  get watermark(): number {
    return this.timers.currentWatermark()
  }

  emit(value: Out): void {
    this.main.emit(value, this.timestamp)
  }

  output<T>(tag: OutputTag<T>, value: NoInfer<T>): void {
    sideOutput(this.host, this.sides, tag.name).emit(value, this.timestamp)
  }
}

function sideOutput(host: OperatorContext<never>, opened: Map<string, Output<unknown>>, tag: string): Output<unknown> {
  let output = opened.get(tag)
  if (output === undefined) {
    output = host.sideOutput(tag)
    opened.set(tag, output)
  }
  return output
}
