/** The streams of a job, as types: what can be done with each. Built by `StreamEnvironment`; names are Flink's. */
import type { FailedRecord } from '../../runtime/contract/failed-record.js'
import type { Key } from '../../runtime/contract/key.js'
import type { RejectedRecord, Sink } from '../../runtime/contract/sink.js'
import type { InvalidRecord } from '../../runtime/contract/source.js'
import type { Aggregator } from '../../runtime/contract/state.js'
import type { AsyncContext, AsyncFunction, AsyncMapOptions, AsyncOptions } from '../async/async-function.js'
import type { CoGroupFunction, JoinFunction } from '../joins/co-group-contents.js'
import type { BroadcastProcessFunction } from '../process/broadcast-process.js'
import type { FlatMapFunction } from '../process/flat-map.js'
import type { KeyedBroadcastProcessFunction } from '../process/keyed-broadcast-process.js'
import type { KeyedCoProcessFunction, KeyedProcessFunction, NoState } from '../process/keyed-process.js'
import type { ReduceFunction } from '../process/keyed-reduce.js'
import type { BroadcastDeclarations, OperatorStateDeclarations } from '../process/operator-state-declaration.js'
import type { CoProcessFunction, ProcessFunction } from '../process/process.js'
import type { StateDeclarations } from '../process/state-declaration.js'
import type { AccumulatorSchema, MergeableAggregator } from '../windows/aggregator.js'
import type { SessionWindows, SlidingWindows, TumblingWindows, WindowAssigner } from '../windows/assigner.js'
import type { WindowFunction, WindowResultFunction } from '../windows/window-contents.js'
import type { Duration } from './duration.js'
import type { ErrorPolicy } from './error-policy.js'
import type { OutputTag } from './output-tag.js'

/** How an operator is known; see `uid()` and `name()` of {@link OperatorStream}. */
export interface OperatorOptions {
  readonly uid?: string
  readonly name?: string
}

/** A sink needs a uid: what it has not yet committed is found by it after a restart. */
export interface SinkOptions {
  readonly uid: string
  readonly name?: string
}

/** What comes of a sink. */
export interface SinkResult<T> {
  /**
   * What the sink could never write (over a service's limits, refused for good), with the reason. Unread, the first such record fails the
   * job. They come when the sink knows, so windows of event time may find them late.
   */
  readonly rejected: Stream<RejectedRecord<T>>
}

/** Records of type T, in order within each subtask. Functions on records are synchronous and must not change them. */
export interface Stream<T> {
  /** One record for each. */
  map<R>(fn: (value: T) => R): OperatorStream<R>
  /** The records for which the predicate holds; a type guard narrows the stream. */
  filter<S extends T>(predicate: (value: T) => value is S): OperatorStream<S>
  filter(predicate: (value: T) => boolean): OperatorStream<T>
  /** Any number of records for each: returned as an iterable, or emitted to the second argument. */
  flatMap<R>(fn: FlatMapFunction<T, R>): OperatorStream<R>
  /** A function with side outputs, a lifecycle and state of its subtasks. With state it needs a uid. */
  process<Out = T, S extends OperatorStateDeclarations = NoState>(
    fn: ProcessFunction<T, Out, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out>
  /**
   * One record for each, of a function that waits for something outside: many calls at a time, in order unless said otherwise. Flink:
   * `AsyncDataStream`.
   */
  asyncMap<R>(fn: (value: T, ctx: AsyncContext<R>) => Promise<R> | R, options: AsyncMapOptions<T, R>): OperatorStream<R>
  /** As {@link asyncMap}, with any number of records, side outputs and a lifecycle. */
  asyncProcess<Out = T>(fn: AsyncFunction<T, Out>, options: AsyncOptions): OperatorStream<Out>
  /** Partitions by a key: all records of one key go to the same subtask. The function must be pure. */
  keyBy<K extends Key>(keyOf: (value: T) => K): KeyedStream<K, T>
  /** These records and those of other streams, in no order between streams. */
  union<U = never>(...others: readonly Stream<U>[]): Stream<T | U>
  /** Two streams into one operator. */
  connect<U>(other: Stream<U>): ConnectedStreams<T, U>
  /** This stream and one that every subtask sees all of, with what it keeps of that. */
  connect<U, B extends BroadcastDeclarations>(other: BroadcastStream<U, B>): BroadcastConnectedStream<T, U, B>
  /** Pairs of records with equal keys in the same window: `a.join(b).where(...).equalTo(...).window(...).apply(...)`. */
  join<U>(other: Stream<U>): JoinedStreams<T, U>
  /** As {@link join}, but whole groups, also where one side has no record. */
  coGroup<U>(other: Stream<U>): CoGroupedStreams<T, U>
  /** Deals the records out in turn: behind a source with fewer splits than there are subtasks. */
  rebalance(): Stream<T>
  /** Every record to every subtask. */
  broadcast(): Stream<T>
  /** Every record to every subtask, with the states that are made of them there: see {@link BroadcastStream}. */
  broadcast<B extends BroadcastDeclarations>(states: B): BroadcastStream<T, B>
  /** Writes the records; what the sink guarantees is the sink's to say. */
  sinkTo(sink: Sink<T>, options: SinkOptions): SinkResult<T>
}

/** What an operator emits. Flink: `SingleOutputStreamOperator`. */
export interface OperatorStream<T> extends Stream<T> {
  /** Names the operator for ever: its state is found by it. Needed for everything that has state. Letters, digits, `.`, `_`, `-`. */
  uid(uid: string): this
  /** For people: progress, metrics, messages. */
  name(name: string): this
  /** What the operator's function emits to a side output. */
  sideOutput<S>(tag: OutputTag<S>): Stream<S>
  /**
   * What becomes of a record that the function throws for (a timer, a key function, too): see {@link ErrorPolicy}. What the function
   * emitted and stored before it threw stays. Errors that are not the record's fault always fail the job.
   */
  onError(policy: ErrorPolicy): this
  /** Records that the function threw for. Read, they go here and the job goes on; unread, {@link onError} says what becomes of them. */
  readonly failed: Stream<FailedRecord>
}

/** Decoded records of a source. */
export interface SourceStream<T> extends OperatorStream<T> {
  /** What could not be decoded, with its raw text, reason and position. Unread, a few a second are shown as warnings and all are counted. */
  readonly invalid: Stream<InvalidRecord>
}

/** Results of windows over records of type T. */
export interface WindowResultStream<Out, T> extends OperatorStream<Out> {
  /** Records too late for all of their windows, as they came. Unread, they are dropped and counted (`numLateRecordsDropped`). */
  readonly late: Stream<T>
}

/** Records partitioned by key. Flink: `KeyedStream`. */
export interface KeyedStream<K extends Key, T> {
  /** See {@link Stream.map}; the results are not keyed. */
  map<R>(fn: (value: T) => R): OperatorStream<R>
  /** See {@link Stream.filter}; the results are not keyed. */
  filter<S extends T>(predicate: (value: T) => value is S): OperatorStream<S>
  filter(predicate: (value: T) => boolean): OperatorStream<T>
  /** See {@link Stream.flatMap}; the results are not keyed. */
  flatMap<R>(fn: FlatMapFunction<T, R>): OperatorStream<R>
  /** A function with state, timers, side outputs and a lifecycle. Needs a uid. */
  process<Out = T, S extends StateDeclarations = NoState>(
    fn: KeyedProcessFunction<K, T, Out, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out>
  /** See {@link Stream.asyncMap}; the results are not keyed, and equal keys are in the same subtask. */
  asyncMap<R>(fn: (value: T, ctx: AsyncContext<R>) => Promise<R> | R, options: AsyncMapOptions<T, R>): OperatorStream<R>
  /** See {@link Stream.asyncProcess}. */
  asyncProcess<Out = T>(fn: AsyncFunction<T, Out>, options: AsyncOptions): OperatorStream<Out>
  /** For each record, what all of its key so far reduce to. Needs a uid. */
  reduce(fn: ReduceFunction<T>, options?: OperatorOptions): OperatorStream<T>
  /** Event-time windows, each key's apart. */
  window(assigner: SessionWindows): SessionWindowedStream<K, T>
  window(assigner: TumblingWindows | SlidingWindows): WindowedStream<K, T>
  window(assigner: WindowAssigner): SessionWindowedStream<K, T>
  /** Two keyed streams into one function, with the state of the key they share. */
  connect<U>(other: KeyedStream<K, U>): ConnectedKeyedStreams<K, T, U>
  /** This stream and one that every subtask sees all of, with what it keeps of that. */
  connect<U, B extends BroadcastDeclarations>(other: BroadcastStream<U, B>): KeyedBroadcastConnectedStream<K, T, U, B>
  /** See {@link Stream.sinkTo}; all records of one key go to the same writer. */
  sinkTo(sink: Sink<T>, options: SinkOptions): SinkResult<T>
}

/**
 * Windows of a keyed stream. A window fires when the watermark reaches end - 1, results carry that timestamp; with allowed lateness each
 * record that comes later fires it again, and its state stays for that long. Every result stream needs a uid.
 */
export interface WindowedStream<K extends Key, T> {
  /** How long after its end a window still takes records. Default: 0. */
  allowedLateness(lateness: Duration): this
  /** Names the side output of late records; without it they are the result's `late`. */
  sideOutputLateData(tag: OutputTag<T>): this
  /** One accumulator a window. With sliding windows, one a slice if the aggregator can merge. */
  aggregate<Acc, Result>(aggregator: Aggregator<T, Acc, Result> & AccumulatorSchema): WindowResultStream<Result, T>
  aggregate<Acc, Result, Out>(
    aggregator: Aggregator<T, Acc, Result> & AccumulatorSchema,
    fn: WindowResultFunction<K, Result, Out>,
  ): WindowResultStream<Out, T>
  /** All records of a window reduced to one. */
  reduce(fn: ReduceFunction<T>): WindowResultStream<T, T>
  reduce<Out>(fn: ReduceFunction<T>, result: WindowResultFunction<K, T, Out>): WindowResultStream<Out, T>
  /** All records of a window, kept until it fires: `aggregate` needs far less state. Flink: `apply`. */
  apply<Out = T>(fn: WindowFunction<K, T, Out>): WindowResultStream<Out, T>
  /** The same as {@link apply}. */
  process<Out = T>(fn: WindowFunction<K, T, Out>): WindowResultStream<Out, T>
}

/** As {@link WindowedStream}; sessions merge, so an aggregator must have `merge`. */
export interface SessionWindowedStream<K extends Key, T> extends Omit<
  WindowedStream<K, T>,
  'aggregate' | 'allowedLateness' | 'sideOutputLateData'
> {
  allowedLateness(lateness: Duration): this
  sideOutputLateData(tag: OutputTag<T>): this
  /** One accumulator a session. */
  aggregate<Acc, Result>(
    aggregator: MergeableAggregator<T, Acc, Result> & AccumulatorSchema,
  ): WindowResultStream<Result, T>
  aggregate<Acc, Result, Out>(
    aggregator: MergeableAggregator<T, Acc, Result> & AccumulatorSchema,
    fn: WindowResultFunction<K, Result, Out>,
  ): WindowResultStream<Out, T>
}

/** Two streams on their way into one function. Flink: `ConnectedStreams`. */
export interface ConnectedStreams<T, U> {
  /** Partitions both by keys of the same type, which then share state. */
  keyBy<K extends Key>(keyOf1: (value: T) => K, keyOf2: (value: U) => K): ConnectedKeyedStreams<K, T, U>
  /** A function on records of both, with state of its subtasks. With state it needs a uid. */
  process<Out = T, S extends OperatorStateDeclarations = NoState>(
    fn: CoProcessFunction<T, U, Out, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out>
}

/** Two keyed streams on their way into one function. */
export interface ConnectedKeyedStreams<K extends Key, T, U> {
  /** A function on records of both, with state and timers of the key. Needs a uid. */
  process<Out = T, S extends StateDeclarations = NoState>(
    fn: KeyedCoProcessFunction<K, T, U, Out, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out>
}

/**
 * A stream for `connect()` that goes to every subtask, with maps that `onBroadcast` makes of it, the same everywhere:
 * `rules.broadcast({ rules: map<string, Rule>() })`. Flink: `BroadcastStream`.
 */
export interface BroadcastStream<T, B extends BroadcastDeclarations> {
  readonly of: Stream<T>
  readonly states: B
}

/** A stream and a broadcast one on their way into one function. Flink: `BroadcastConnectedStream`. */
export interface BroadcastConnectedStream<T, U, B extends BroadcastDeclarations> {
  /** Needs a uid. */
  process<Out = T, S extends OperatorStateDeclarations = NoState>(
    fn: BroadcastProcessFunction<T, U, Out, B, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out>
}

/** A keyed stream and a broadcast one on their way into one function. */
export interface KeyedBroadcastConnectedStream<K extends Key, T, U, B extends BroadcastDeclarations> {
  /** Needs a uid. */
  process<Out = T, S extends StateDeclarations = NoState>(
    fn: KeyedBroadcastProcessFunction<K, T, U, Out, B, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out>
}

/** `a.join(b)`: see {@link Stream.join}. */
export interface JoinedStreams<T, U> {
  /** The key of the left stream's records. */
  where<K extends Key>(keyOf: (value: T) => K): JoinWhere<JoinWindowed<K, T, U>, K, U>
}

/** `a.coGroup(b)`: see {@link Stream.coGroup}. */
export interface CoGroupedStreams<T, U> {
  /** The key of the left stream's records. */
  where<K extends Key>(keyOf: (value: T) => K): JoinWhere<CoGroupWindowed<K, T, U>, K, U>
}

/** The left key is known. */
export interface JoinWhere<Windowed, K extends Key, U> {
  /** The key of the right stream's records. */
  equalTo(keyOf: (value: U) => K): { window(assigner: WindowAssigner): Windowed }
}

/** A window join. Late records are dropped and counted. The result needs a uid. */
export interface JoinWindowed<K extends Key, T, U> {
  /** See {@link WindowedStream.allowedLateness}. */
  allowedLateness(lateness: Duration): this
  /** One result for each pair. */
  apply<Out>(fn: JoinFunction<K, T, U, Out>): OperatorStream<Out>
}

/** A window co-group. Late records are dropped and counted. The result needs a uid. */
export interface CoGroupWindowed<K extends Key, T, U> {
  /** See {@link WindowedStream.allowedLateness}. */
  allowedLateness(lateness: Duration): this
  /** Called once for each key and window. */
  apply<Out = T>(fn: CoGroupFunction<K, T, U, Out>): OperatorStream<Out>
}
