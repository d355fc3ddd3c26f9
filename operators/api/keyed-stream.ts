import type { Key } from '../../runtime/contract/key.js'
import type { Sink } from '../../runtime/contract/sink.js'
import type { AsyncContext, AsyncFunction, AsyncMapOptions, AsyncOptions } from '../async/async-function.js'
import { AsyncOperator } from '../async/async-operator.js'
import { asyncMapFunction, asyncSettings } from '../async/async-settings.js'
import { FilterOperator } from '../process/filter.js'
import { FlatMapOperator, type FlatMapFunction } from '../process/flat-map.js'
import {
  KeyedProcessOperator,
  keyedFunctions,
  type KeyedProcessFunction,
  type NoState,
} from '../process/keyed-process.js'
import { KeyedReduceOperator, REDUCE_STATE, type ReduceFunction } from '../process/keyed-reduce.js'
import { MapOperator } from '../process/map.js'
import type { BroadcastDeclarations } from '../process/operator-state-declaration.js'
import { describeStates, type StateDeclarations } from '../process/state-declaration.js'
import { requireFunction } from '../process/user-function.js'
import type { SessionWindows, SlidingWindows, TumblingWindows, WindowAssigner } from '../windows/assigner.js'
import { BuiltBroadcastStream, BuiltKeyedBroadcastConnectedStream } from './broadcast-streams.js'
import { CallSite } from './call-site.js'
import { BuiltConnectedKeyedStreams } from './connected-streams.js'
import type { Port } from './transformation.js'
import { hashed } from './hashed.js'
import type { OperatorWork, StreamFactory } from './stream-factory.js'
import type {
  BroadcastStream,
  ConnectedKeyedStreams,
  KeyedBroadcastConnectedStream,
  KeyedStream,
  OperatorOptions,
  OperatorStream,
  SessionWindowedStream,
  SinkOptions,
  SinkResult,
  WindowedStream,
} from './streams.js'
import { requireUid } from './uids.js'
import { BuiltWindowedStream, requireAssigner } from './windowed-stream.js'

/** A stream and the key it is partitioned by; becomes hash edges into whatever reads it. */
export class BuiltKeyedStream<K extends Key, T> implements KeyedStream<K, T> {
  readonly factory: StreamFactory
  /** The ports, partitioned. */
  readonly ports: readonly Port[]

  constructor(factory: StreamFactory, ports: readonly Port[], keyOf: (value: T) => K) {
    this.factory = factory
    this.ports = hashed(ports, keyOf)
  }

  map<R>(fn: (value: T) => R): OperatorStream<R> {
    const site = new CallSite()
    requireFunction(fn, 'the argument of map()', site)
    return this.operator('map', { keyed: false, states: [], create: () => new MapOperator(fn, site) }, site)
  }

  filter<S extends T>(predicate: (value: T) => value is S): OperatorStream<S>
  filter(predicate: (value: T) => boolean): OperatorStream<T>
  filter(predicate: (value: T) => boolean): OperatorStream<T> {
    const site = new CallSite()
    requireFunction(predicate, 'the argument of filter()', site)
    return this.operator(
      'filter',
      { keyed: false, states: [], create: () => new FilterOperator(predicate, site) },
      site,
    )
  }

  flatMap<R>(fn: FlatMapFunction<T, R>): OperatorStream<R> {
    const site = new CallSite()
    requireFunction(fn, 'the argument of flatMap()', site, true)
    return this.operator('flatMap', { keyed: false, states: [], create: () => new FlatMapOperator(fn, site) }, site)
  }

  process<Out = T, S extends StateDeclarations = NoState>(
    fn: KeyedProcessFunction<K, T, Out, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out> {
    const site = new CallSite()
    const functions = keyedFunctions(fn, site)
    const states = describeStates(functions.state, site)
    const create = (): unknown => new KeyedProcessOperator(functions, site)
    return this.operator('keyed process', { keyed: true, states, create }, site, options)
  }

  asyncMap<R>(
    fn: (value: T, ctx: AsyncContext<R>) => Promise<R> | R,
    options: AsyncMapOptions<T, R>,
  ): OperatorStream<R> {
    const site = new CallSite()
    return this.async('asyncMap', asyncMapFunction(fn, options, site), options, site)
  }

  asyncProcess<Out = T>(fn: AsyncFunction<T, Out>, options: AsyncOptions): OperatorStream<Out> {
    return this.async('asyncProcess', fn, options, new CallSite())
  }

  reduce(fn: ReduceFunction<T>, options?: OperatorOptions): OperatorStream<T> {
    const site = new CallSite()
    requireFunction(fn, 'the argument of reduce()', site)
    const create = (): unknown => new KeyedReduceOperator(fn, site)
    return this.operator('reduce', { keyed: true, states: [REDUCE_STATE], create }, site, options)
  }

  window(assigner: SessionWindows): SessionWindowedStream<K, T>
  window(assigner: TumblingWindows | SlidingWindows): WindowedStream<K, T>
  window(assigner: WindowAssigner): SessionWindowedStream<K, T>
  window(assigner: WindowAssigner): WindowedStream<K, T> {
    requireAssigner(assigner, new CallSite())
    return new BuiltWindowedStream<K, T>(this.factory, this.ports, assigner)
  }

  connect<U>(other: KeyedStream<K, U>): ConnectedKeyedStreams<K, T, U>
  connect<U, B extends BroadcastDeclarations>(other: BroadcastStream<U, B>): KeyedBroadcastConnectedStream<K, T, U, B>
  connect<U, B extends BroadcastDeclarations>(
    other: KeyedStream<K, U> | BroadcastStream<U, B>,
  ): ConnectedKeyedStreams<K, T, U> | KeyedBroadcastConnectedStream<K, T, U, B> {
    const site = new CallSite()
    if (other instanceof BuiltBroadcastStream) {
      return new BuiltKeyedBroadcastConnectedStream<K, T, U, B>(this.factory, this.ports, other, site)
    }
    const { ports } = this.factory.own(other, 'keyed stream', 'connect() of a keyed stream', site)
    return new BuiltConnectedKeyedStreams<K, T, U>(this.factory, this.ports, ports)
  }

  sinkTo(sink: Sink<T>, options: SinkOptions): SinkResult<T> {
    const inputs = this.ports.map((port) => ({ port, input: 0 as const }))
    return this.factory.sink(inputs, sink, options, new CallSite())
  }

  private async<Out>(
    what: string,
    fn: AsyncFunction<T, Out>,
    options: AsyncOptions,
    site: CallSite,
  ): OperatorStream<Out> {
    requireUid((options as AsyncOptions | undefined)?.uid, `the ${what}`, site)
    const settings = asyncSettings(fn, options, `${what}()`, site)
    const create = (): unknown => new AsyncOperator(settings)
    const check = fn.check?.bind(fn)
    const work = { keyed: false, states: [], create, ...(check === undefined ? {} : { check }) }
    const { uid, name } = options
    return this.operator<Out>(what, work, site, { uid, ...(name === undefined ? {} : { name }) })
  }

  private operator<Out>(
    what: string,
    work: OperatorWork,
    site: CallSite,
    options?: OperatorOptions,
  ): OperatorStream<Out> {
    const inputs = this.ports.map((port) => ({ port, input: 0 as const }))
    return this.factory.operator<Out>(what, inputs, work, site, options)
  }
}
