import { MillraceError } from '../../runtime/contract/errors.js'
import { FAILED_TAG, type FailedRecord } from '../../runtime/contract/failed-record.js'
import type { Partitioning } from '../../runtime/contract/graph.js'
import type { Key } from '../../runtime/contract/key.js'
import type { Sink } from '../../runtime/contract/sink.js'
import type { InvalidRecord } from '../../runtime/contract/source.js'
import type { AsyncContext, AsyncFunction, AsyncMapOptions, AsyncOptions } from '../async/async-function.js'
import { AsyncOperator } from '../async/async-operator.js'
import { asyncMapFunction, asyncSettings } from '../async/async-settings.js'
import { FilterOperator } from '../process/filter.js'
import { FlatMapOperator, type FlatMapFunction } from '../process/flat-map.js'
import type { NoState } from '../process/keyed-process.js'
import { MapOperator } from '../process/map.js'
import {
  describeOperatorStates,
  type BroadcastDeclarations,
  type OperatorStateDeclarations,
} from '../process/operator-state-declaration.js'
import { ProcessOperator, processFunctions, type ProcessFunction } from '../process/process.js'
import { atOf, requireFunction } from '../process/user-function.js'
import { LATE_TAG } from '../windows/late-records.js'
import { BuiltBroadcastConnectedStream, BuiltBroadcastStream } from './broadcast-streams.js'
import { CallSite } from './call-site.js'
import { BuiltConnectedStreams } from './connected-streams.js'
import type { ErrorPolicy } from './error-policy.js'
import { requireOperator, setErrorPolicy } from './set-error-policy.js'
import type { Port, PortInput, Transformation } from './transformation.js'
import { BuiltCoGroupedStreams, BuiltJoinedStreams } from './joined-streams.js'
import { BuiltKeyedStream } from './keyed-stream.js'
import type { OutputTag } from './output-tag.js'
import type { StreamFactory } from './stream-factory.js'
import type {
  BroadcastConnectedStream,
  BroadcastStream,
  CoGroupedStreams,
  ConnectedStreams,
  JoinedStreams,
  KeyedStream,
  OperatorOptions,
  OperatorStream,
  SinkOptions,
  SinkResult,
  SourceStream,
  Stream,
  WindowResultStream,
} from './streams.js'
import { requireUid } from './uids.js'

/** The side output of a source's undecodable records. */
export const INVALID_TAG = 'invalid'

/** Every unkeyed stream; which of its methods are there to be used, the interfaces say. One or more ports: a union has several. */
export class BuiltStream<T> implements SourceStream<T>, WindowResultStream<T, unknown> {
  readonly factory: StreamFactory
  readonly ports: readonly Port[]
  /** The operator that uid() names; not there on unions and side outputs. */
  private readonly owner: Transformation | undefined
  private readonly lateTag: string

  constructor(factory: StreamFactory, ports: readonly Port[], owner?: Transformation, lateTag: string = LATE_TAG) {
    this.factory = factory
    this.ports = ports
    this.owner = owner
    this.lateTag = lateTag
  }

  map<R>(fn: (value: T) => R): OperatorStream<R> {
    const site = new CallSite()
    requireFunction(fn, 'the argument of map()', site)
    return this.operator('map', site, () => new MapOperator(fn, site))
  }

  filter<S extends T>(predicate: (value: T) => value is S): OperatorStream<S>
  filter(predicate: (value: T) => boolean): OperatorStream<T>
  filter(predicate: (value: T) => boolean): OperatorStream<T> {
    const site = new CallSite()
    requireFunction(predicate, 'the argument of filter()', site)
    return this.operator('filter', site, () => new FilterOperator(predicate, site))
  }

  flatMap<R>(fn: FlatMapFunction<T, R>): OperatorStream<R> {
    const site = new CallSite()
    requireFunction(fn, 'the argument of flatMap()', site, true)
    return this.operator('flatMap', site, () => new FlatMapOperator(fn, site))
  }

  process<Out = T, S extends OperatorStateDeclarations = NoState>(
    fn: ProcessFunction<T, Out, S>,
    options?: OperatorOptions,
  ): OperatorStream<Out> {
    const site = new CallSite()
    const functions = processFunctions(fn, site)
    const operatorStates = describeOperatorStates(functions.state, site)
    const create = (): unknown => new ProcessOperator(functions, site)
    const work = { keyed: false, states: [], operatorStates, create }
    const check = fn.check?.bind(fn)
    const checked = check === undefined ? work : { ...work, check }
    return this.factory.operator<Out>('process', inputs(this.ports), checked, site, options)
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

  keyBy<K extends Key>(keyOf: (value: T) => K): KeyedStream<K, T> {
    requireFunction(keyOf, 'the argument of keyBy()', new CallSite())
    return new BuiltKeyedStream<K, T>(this.factory, this.ports, keyOf)
  }

  union<U = never>(...others: readonly Stream<U>[]): Stream<T | U> {
    const site = new CallSite()
    const ports = others.flatMap((other) => this.factory.own(other, 'stream', 'union()', site).ports)
    return this.factory.stream([...this.ports, ...ports])
  }

  connect<U>(other: Stream<U>): ConnectedStreams<T, U>
  connect<U, B extends BroadcastDeclarations>(other: BroadcastStream<U, B>): BroadcastConnectedStream<T, U, B>
  connect<U, B extends BroadcastDeclarations>(
    other: Stream<U> | BroadcastStream<U, B>,
  ): ConnectedStreams<T, U> | BroadcastConnectedStream<T, U, B> {
    const site = new CallSite()
    if (other instanceof BuiltBroadcastStream) {
      return new BuiltBroadcastConnectedStream<T, U, B>(this.factory, this.ports, other, site)
    }
    const { ports } = this.factory.own(other, 'stream', 'connect()', site)
    return new BuiltConnectedStreams<T, U>(this.factory, this.ports, ports)
  }

  join<U>(other: Stream<U>): JoinedStreams<T, U> {
    const { ports } = this.factory.own(other, 'stream', 'join()', new CallSite())
    return new BuiltJoinedStreams<T, U>(this.factory, this.ports, ports)
  }

  coGroup<U>(other: Stream<U>): CoGroupedStreams<T, U> {
    const { ports } = this.factory.own(other, 'stream', 'coGroup()', new CallSite())
    return new BuiltCoGroupedStreams<T, U>(this.factory, this.ports, ports)
  }

  rebalance(): Stream<T> {
    return this.partitioned({ kind: 'rebalance' })
  }

  broadcast(): Stream<T>
  broadcast<B extends BroadcastDeclarations>(states: B): BroadcastStream<T, B>
  broadcast<B extends BroadcastDeclarations>(states?: B): Stream<T> | BroadcastStream<T, B> {
    const stream = this.partitioned({ kind: 'broadcast' })
    return states === undefined ? stream : new BuiltBroadcastStream(stream, states, new CallSite())
  }

  sinkTo(sink: Sink<T>, options: SinkOptions): SinkResult<T> {
    return this.factory.sink(inputs(this.ports), sink, options, new CallSite())
  }

  uid(uid: string): this {
    const site = new CallSite()
    const owner = this.requireOwner('uid()', site)
    requireUid(uid, `the ${owner.what}`, site)
    owner.uid = uid
    return this
  }

  name(name: string): this {
    this.requireOwner('name()', new CallSite()).name = name
    return this
  }

  onError(policy: ErrorPolicy): this {
    const site = new CallSite()
    setErrorPolicy(this.requireOwner('onError()', site), policy, site)
    return this
  }

  get failed(): Stream<FailedRecord> {
    const site = new CallSite()
    requireOperator(this.requireOwner('failed', site), 'failed', site)
    return this.side(FAILED_TAG, site)
  }

  sideOutput<S>(tag: OutputTag<S>): Stream<S> {
    return this.side(tag.name, new CallSite())
  }

  get invalid(): Stream<InvalidRecord> {
    return this.side(INVALID_TAG, new CallSite())
  }

  get late(): Stream<unknown> {
    return this.side(this.lateTag, new CallSite())
  }

  /** Not in the types: for those who write JavaScript, or cast. */
  window(): never {
    throw unkeyed('window()', new CallSite())
  }

  /** Not in the types, as {@link window}. */
  reduce(): never {
    throw unkeyed('reduce()', new CallSite())
  }

  private operator<Out>(what: string, site: CallSite, create: () => unknown): OperatorStream<Out> {
    return this.factory.operator<Out>(what, inputs(this.ports), { keyed: false, states: [], create }, site)
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
    return this.factory.operator<Out>(what, inputs(this.ports), work, site, {
      uid,
      ...(name === undefined ? {} : { name }),
    })
  }

  private partitioned(partitioning: Partitioning): Stream<T> {
    return this.factory.stream(this.ports.map((port) => ({ ...port, partitioning })))
  }

  private side<S>(tag: string, site: CallSite): Stream<S> {
    const from = this.requireOwner('a side output', site)
    return this.factory.stream([{ from, tag, partitioning: { kind: 'forward' } }])
  }

  private requireOwner(what: string, site: CallSite): Transformation {
    if (this.owner !== undefined) return this.owner
    throw new MillraceError('MILLRACE_GRAPH', `${what} of a stream that no operator of its own makes`, {
      hint: 'unions and side outputs are not operators: use it on the operator they come from or go to',
      ...atOf(site),
    })
  }
}

function inputs(ports: readonly Port[]): readonly PortInput[] {
  return ports.map((port) => ({ port, input: 0 }))
}

function unkeyed(what: string, site: CallSite): MillraceError {
  return new MillraceError('MILLRACE_GRAPH', `${what} on a stream that is not keyed`, {
    hint: 'put keyBy(...) before it: state and windows belong to a key',
    ...atOf(site),
  })
}
