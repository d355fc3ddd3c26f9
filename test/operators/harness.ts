// Runs one operator of a job graph by hand: state and timers in plain maps, one subtask, nothing asynchronous.
import { isDeepStrictEqual } from 'node:util'
import { MillraceError } from '../../runtime/contract/errors.js'
import type { JobGraph, OperatorNode } from '../../runtime/contract/graph.js'
import type { Key } from '../../runtime/contract/key.js'
import type { Counter, MetricGroup } from '../../runtime/contract/metrics.js'
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { Output } from '../../runtime/contract/output.js'
import type {
  Aggregator,
  AggregatingState,
  KeyedStateStore,
  ListState,
  MapState,
  PaneState,
  ReducingState,
  StateDescriptor,
  TimerService,
  ValueState,
} from '../../runtime/contract/state.js'
import { OperatorState } from '../../runtime/state/operator-state.js'
import { keyText } from '../oracles/keys.js'

export interface Emitted {
  readonly value: unknown
  readonly timestamp: number
}

export interface HarnessOptions {
  /** Side outputs that somebody reads. */
  readonly read?: readonly string[]
  /** `copy`: what is not written back is lost. `share`: state and operator hold the same objects, as a cache does. */
  readonly state?: 'copy' | 'share'
}

interface Timer {
  readonly key: Key
  readonly time: number
  readonly namespace: number
}

type AnyOperator = Operator<unknown, unknown, unknown>

export class OperatorHarness {
  readonly main: Emitted[] = []
  readonly counters = new Map<string, number>()
  watermark = -Infinity
  processingTime = 0
  /** Timers set so far, those set again included. */
  timersSet = 0
  private readonly node: OperatorNode
  private readonly options: HarnessOptions
  private readonly sides = new Map<string, Emitted[]>()
  /** By key, then by state name. */
  private readonly entries = new Map<string, Map<string, unknown>>()
  private readonly eventTimers = new Map<string, Timer>()
  private readonly processingTimers = new Map<string, Timer>()
  private readonly emitted: { readonly value: unknown; readonly copy: unknown }[] = []
  private key: Key | undefined
  private operator: AnyOperator

  constructor(graph: JobGraph, uid: string, options: HarnessOptions = {}) {
    const node = graph.nodes.find((other) => other.uid === uid)
    if (node?.kind !== 'operator') throw new Error(`no operator ${uid}`)
    this.node = node
    this.options = options
    this.operator = this.start()
  }

  /** A new operator on the state of the old one, as after a restore. */
  restart(): void {
    this.operator = this.start()
  }

  push(value: unknown, timestamp: number, input: 0 | 1 = 0): void {
    const { partitioning } = this.node.inputs.find((edge) => edge.input === input)!
    this.key = partitioning.kind === 'hash' ? partitioning.keyOf(value as never) : undefined
    if (input === 0) this.operator.processElement(value, timestamp)
    else this.operator.processElement2!(value, timestamp)
    this.key = undefined
  }

  /** `count` records of the key and pane, combined. */
  pushPartial(key: Key, pane: number, acc: unknown, count: number): void {
    this.key = key
    this.operator.processPartial!(pane, acc, count)
    this.key = undefined
  }

  /** Fires event timers up to `watermark`, those set meanwhile too, by time. */
  advance(watermark: number): void {
    if (watermark <= this.watermark) return
    this.watermark = watermark
    this.fire(this.eventTimers, watermark, (time, namespace) => this.operator.onEventTimer!(time, namespace))
    this.operator.processWatermark?.(watermark)
  }

  advanceProcessingTime(now: number): void {
    this.processingTime = now
    this.fire(this.processingTimers, now, (time, namespace) => this.operator.onProcessingTimer!(time, namespace))
  }

  async finish(): Promise<void> {
    this.advance(Infinity)
    await this.operator.finish?.()
    await this.operator.close?.()
  }

  values(): unknown[] {
    return this.main.map(({ value }) => value)
  }

  side(tag: string): Emitted[] {
    return this.sides.get(tag) ?? []
  }

  pendingTimers(): number {
    return this.eventTimers.size
  }

  /** Keys that have any state left. */
  keysWithState(): number {
    const isEmpty = (state: unknown): boolean =>
      state === undefined || (state instanceof Map && state.size === 0) || (Array.isArray(state) && state.length === 0)
    return [...this.entries.values()].filter((states) => ![...states.values()].every(isEmpty)).length
  }

  /** Records that were changed after they were emitted. */
  changedRecords(): unknown[] {
    return this.emitted.filter(({ value, copy }) => !isDeepStrictEqual(value, copy)).map(({ value }) => value)
  }

  private start(): AnyOperator {
    const operator = this.node.create() as unknown as AnyOperator
    void operator.open?.(this.context())
    return operator
  }

  private fire(timers: Map<string, Timer>, until: number, call: (time: number, namespace: number) => void): void {
    for (;;) {
      let id: string | undefined
      for (const [other, { time }] of timers) {
        if (time <= until && (id === undefined || time < timers.get(id)!.time)) id = other
      }
      if (id === undefined) break
      const { key, time, namespace } = timers.get(id)!
      timers.delete(id)
      this.key = key
      call(time, namespace)
      this.key = undefined
    }
  }

  private currentKey(): Key {
    if (this.key === undefined) throw new Error('no current key')
    return this.key
  }

  private collect(list: Emitted[]): Output<never> {
    return {
      emit: (value, timestamp) => {
        // Copies cannot be changed through state.
        if (this.options.state === 'share') this.emitted.push({ value, copy: structuredClone(value) })
        list.push({ value, timestamp })
      },
    }
  }

  private sideOutput(tag: string): Output<never> {
    let list = this.sides.get(tag)
    if (list === undefined) this.sides.set(tag, (list = []))
    return this.collect(list)
  }

  private context(): OperatorContext<never> {
    return {
      uid: this.node.uid,
      jobId: 'job',
      runId: 'run',
      subtask: 0,
      parallelism: 1,
      maxParallelism: 128,
      attempt: 1,
      output: this.collect(this.main),
      sideOutput: (tag) => this.sideOutput(tag),
      hasSideOutput: (tag) => this.options.read?.includes(tag) ?? false,
      ...(this.node.keyed ? { state: this.store(), timers: this.timers() } : ({} as never)),
      operatorState: new OperatorState(this.node.uid, this.node.operatorStates ?? [], new Map()),
      currentKey: () => this.currentKey(),
      clock: { now: () => this.processingTime, setTimeout: () => () => undefined },
      metrics: this.metrics(),
      execute: (task) => task(),
      failureOf: () => (error) => {
        throw error
      },
      releaseWatermark: () => undefined,
      print: () => undefined,
      warn: () => undefined,
    }
  }

  private metrics(): MetricGroup {
    return {
      counter: (name) => this.counter(name),
      gauge: () => undefined,
      meter: () => ({ mark: () => undefined }),
      histogram: () => ({ update: () => undefined }),
      addGroup: () => this.metrics(),
    }
  }

  private counter(name: string): Counter {
    const { counters } = this
    return {
      inc: (by = 1) => void counters.set(name, (counters.get(name) ?? 0) + by),
      get count() {
        return counters.get(name) ?? 0
      },
    }
  }

  private timers(): TimerService {
    const set = (timers: Map<string, Timer>, time: number, namespace: number): void => {
      if (Number.isNaN(time)) throw new Error('a timer at NaN')
      this.timersSet++
      const key = this.currentKey()
      timers.set(`${time}/${namespace}/${keyText(key)}`, { key, time, namespace })
    }
    const drop = (timers: Map<string, Timer>, time: number, namespace: number): void =>
      void timers.delete(`${time}/${namespace}/${keyText(this.currentKey())}`)
    return {
      currentWatermark: () => this.watermark,
      currentProcessingTime: () => this.processingTime,
      registerEventTimer: (time, namespace = 0) => {
        if (this.watermark === Infinity) throw new MillraceError('MILLRACE_TIMER', 'a timer after the end of time')
        set(this.eventTimers, time, namespace)
      },
      deleteEventTimer: (time, namespace = 0) => drop(this.eventTimers, time, namespace),
      registerProcessingTimer: (time, namespace = 0) => set(this.processingTimers, time, namespace),
      deleteProcessingTimer: (time, namespace = 0) => drop(this.processingTimers, time, namespace),
    }
  }

  private copy<T>(value: T): T {
    return this.options.state === 'share' ? value : structuredClone(value)
  }

  private read<T>(name: string): T | undefined {
    return this.entries.get(keyText(this.currentKey()))?.get(name) as T | undefined
  }

  private write(name: string, value: unknown): void {
    const id = keyText(this.currentKey())
    let states = this.entries.get(id)
    if (states === undefined) this.entries.set(id, (states = new Map()))
    states.set(name, value)
  }

  private mapOf<K, V>(name: string): Map<K, V> {
    let entries = this.read<Map<K, V>>(name)
    if (entries === undefined) this.write(name, (entries = new Map<K, V>()))
    return entries
  }

  private store(): KeyedStateStore {
    const descriptor = (name: string): StateDescriptor => {
      const found = this.node.states.find((state) => state.name === name)
      if (found === undefined) throw new MillraceError('MILLRACE_GRAPH', `state ${name} is not declared`)
      return found
    }
    return {
      value: <T>(name: string): ValueState<T> => ({
        value: () => this.copy(this.read<T>((descriptor(name), name))),
        update: (value) => this.write(name, this.copy(value)),
        clear: () => this.write(name, undefined),
      }),
      list: <T>(name: string): ListState<T> => ({
        get: () => this.copy(this.read<T[]>(name) ?? []),
        add: (value) => this.write(name, [...(this.read<T[]>(name) ?? []), this.copy(value)]),
        update: (values) => this.write(name, this.copy([...values])),
        clear: () => this.write(name, undefined),
      }),
      map: <K, V>(name: string): MapState<K, V> => ({
        get: (key) => this.copy(this.mapOf<K, V>(name).get(key)),
        has: (key) => this.mapOf<K, V>(name).has(key),
        set: (key, value) => void this.mapOf<K, V>(name).set(key, this.copy(value)),
        delete: (key) => void this.mapOf<K, V>(name).delete(key),
        entries: () => [...this.copy(this.mapOf<K, V>(name))],
        isEmpty: () => this.mapOf<K, V>(name).size === 0,
        clear: () => this.write(name, undefined),
      }),
      reducing: <T>(name: string): ReducingState<T> => {
        const reduce = descriptor(name).reduce as unknown as (a: T, b: T) => T
        return {
          get: () => this.copy(this.read<T>(name)),
          add: (value) => {
            const before = this.read<T>(name)
            this.write(name, this.copy(before === undefined ? value : reduce(this.copy(before), value)))
          },
          clear: () => this.write(name, undefined),
        }
      },
      aggregating: <In, Out>(name: string): AggregatingState<In, Out> => {
        const aggregator = descriptor(name).aggregator as unknown as Aggregator<In, unknown, Out>
        return {
          get: () => {
            const acc = this.read(name)
            return acc === undefined ? undefined : aggregator.result(this.copy(acc))
          },
          add: (value) => {
            const before = this.read(name) ?? aggregator.create()
            this.write(name, this.copy(aggregator.add(this.copy(before), value)))
          },
          clear: () => this.write(name, undefined),
        }
      },
      panes: <A>(name: string): PaneState<A> => {
        if (descriptor(name).kind !== 'panes') throw new Error(`state ${name} has no panes`)
        return {
          get: (pane) => this.copy(this.mapOf<number, A>(name).get(pane)),
          set: (pane, value) => void this.mapOf<number, A>(name).set(pane, this.copy(value)),
          delete: (pane) => void this.mapOf<number, A>(name).delete(pane),
          panes: () => [...this.mapOf<number, A>(name).keys()].sort((a, b) => a - b),
        }
      },
    }
  }
}
