/** The kinds of keyed state. `panes` is what windows use: one value per pane (a number, the window's or slice's start). */
export type StateKind = 'value' | 'list' | 'map' | 'reducing' | 'aggregating' | 'panes'

/** An accumulator's functions, as Flink's AggregateFunction. `merge` may change and return `a`, never `b`. */
export interface Aggregator<In, Acc, Out> {
  create(): Acc
  /** May change and return `acc`. */
  add(acc: Acc, value: In): Acc
  result(acc: Acc): Out
  merge?(a: Acc, b: Acc): Acc
}

/**
 * Declares one state of an operator. `name` is unique in the operator and, with the operator's uid, the state's identity for ever.
 * `fingerprint` describes what the stored values mean beyond their kind (a window assigner, a user's schema version):
 * a checkpoint whose fingerprint differs is refused.
 */
export interface StateDescriptor {
  readonly name: string
  readonly kind: StateKind
  readonly fingerprint: string
  /** Milliseconds after the last write at which a value is gone; processing time. */
  readonly ttlMs?: number
  readonly reduce?: (a: never, b: never) => unknown
  readonly aggregator?: Aggregator<never, unknown, unknown>
}

/** What a manifest keeps of one state. Its place in the list is the ordinal that stands in rows, for ever. */
export interface StateSchema {
  readonly name: string
  readonly kind: StateKind
  readonly codec: string
  readonly version: number
  readonly fingerprint: string
  /** Left behind by a restore that was allowed to: its ordinal is never used again. */
  readonly dropped?: true
}

/** State of the current key. What a getter returns must not be changed in place: only a write persists. */
export interface ValueState<T> {
  value(): T | undefined
  update(value: T): void
  clear(): void
}

/** A list of the current key. */
export interface ListState<T> {
  get(): readonly T[]
  add(value: T): void
  update(values: readonly T[]): void
  clear(): void
}

/** A map of the current key; each entry is stored on its own. */
export interface MapState<K, V> {
  get(key: K): V | undefined
  has(key: K): boolean
  set(key: K, value: V): void
  delete(key: K): void
  entries(): Iterable<[K, V]>
  isEmpty(): boolean
  clear(): void
}

/** One value of the current key, combined by the declared function. */
export interface ReducingState<T> {
  get(): T | undefined
  add(value: T): void
  clear(): void
}

/** An accumulator of the current key, seen through its result. */
export interface AggregatingState<In, Out> {
  get(): Out | undefined
  add(value: In): void
  clear(): void
}

/**
 * One value per pane of the current key. Unlike the user's states, an accumulator got here may be changed in place if it is `set`
 * again at once (before the operator returns): windows aggregate without allocating.
 */
export interface PaneState<A> {
  get(pane: number): A | undefined
  set(pane: number, value: A): void
  delete(pane: number): void
  /** The panes of the current key, ascending. A fresh array: panes may be changed while it is walked. */
  panes(): readonly number[]
}

/** Keyed state of one operator subtask; the host sets the current key before each element and each timer. */
export interface KeyedStateStore {
  /** Declared in `OperatorNode.states`; asking for another name is MILLRACE_GRAPH. Call in `open`, keep the handle. */
  value<T>(name: string): ValueState<T>
  list<T>(name: string): ListState<T>
  map<K, V>(name: string): MapState<K, V>
  reducing<T>(name: string): ReducingState<T>
  aggregating<In, Out>(name: string): AggregatingState<In, Out>
  panes<A>(name: string): PaneState<A>
}

/**
 * Timers of the current key. A timer is identified by (key, time, namespace); registering it twice fires it once.
 * Semantics: Flink's InternalTimerService.
 */
export interface TimerService {
  currentWatermark(): number
  /** Epoch milliseconds, from the host's clock. */
  currentProcessingTime(): number
  /** Fires when the watermark reaches `time`. MILLRACE_TIMER when the watermark is already +infinity. */
  registerEventTimer(time: number, namespace?: number): void
  deleteEventTimer(time: number, namespace?: number): void
  registerProcessingTimer(time: number, namespace?: number): void
  deleteProcessingTimer(time: number, namespace?: number): void
}

/**
 * How operator state is dealt out when it is restored. Flink's modes. `split`: each element goes to one subtask, in order, to its own one
 * while the parallelism stays the same. `union`: every subtask gets all elements. `broadcast`: the same map in every subtask.
 */
export type OperatorStateMode = 'split' | 'union' | 'broadcast'

/** Declares one state of an operator's subtask, which belongs to no key. Name and fingerprint as in {@link StateDescriptor}. */
export interface OperatorStateDescriptor {
  readonly name: string
  readonly mode: OperatorStateMode
  readonly fingerprint: string
}

/**
 * Operator state of one subtask, restored before `open`. It is kept on the heap. What a getter returns must not be changed in place:
 * only a write persists.
 */
export interface OperatorStateStore {
  /** Declared in `OperatorNode.operatorStates` as `split` or `union`; another name is MILLRACE_GRAPH. */
  list<T>(name: string): ListState<T>
  /**
   * Declared as `broadcast`. Every subtask must make the same writes up to each barrier: the checkpoint keeps the map of one of them.
   * `entries` are in the order of insertion.
   */
  broadcast<K, V>(name: string): MapState<K, V>
}
