import { MillraceError } from '../../runtime/contract/errors.js'
import type {
  Aggregator,
  AggregatingState,
  KeyedStateStore,
  ListState,
  MapState,
  ReducingState,
  StateDescriptor,
  ValueState,
} from '../../runtime/contract/state.js'
import { positiveDurationMs, type Duration } from '../api/duration.js'
import { atOf, requireFunction, type Place } from './user-function.js'

/** What may be said of a state besides its type. */
export interface StateOptions {
  /** Processing time after the last write at which a value is gone. Default: never. */
  readonly ttl?: Duration
  /** The version of what is stored, 1 by default: a checkpoint with another one is refused. Raise it when the type changes. */
  readonly version?: number
}

/** A state declared in a process function; `Handle` is what `ctx.state` has under its name. */
export interface StateDeclaration<Handle> {
  readonly describe: (name: string, place: Place) => StateDescriptor
  readonly open: (store: KeyedStateStore, name: string) => Handle
}

/** The states of a process function, by name. With the operator's uid a name is the state's identity for ever. */
export type StateDeclarations = Readonly<Record<string, StateDeclaration<unknown>>>

/** What `ctx.state` is for these declarations. */
export type StateHandles<S extends StateDeclarations> = {
  readonly [N in keyof S]: S[N] extends StateDeclaration<infer Handle> ? Handle : never
}

/** One value a key. */
export function value<T>(options: StateOptions = {}): StateDeclaration<ValueState<T>> {
  return declaration('value', options, (store, name) => store.value<T>(name))
}

/** A list a key. */
export function list<T>(options: StateOptions = {}): StateDeclaration<ListState<T>> {
  return declaration('list', options, (store, name) => store.list<T>(name))
}

/** A map a key. */
export function map<K, V>(options: StateOptions = {}): StateDeclaration<MapState<K, V>> {
  return declaration('map', options, (store, name) => store.map<K, V>(name))
}

/** One value a key, into which each added one is reduced. */
export function reducing<T>(reduce: (a: T, b: T) => T, options: StateOptions = {}): StateDeclaration<ReducingState<T>> {
  return declaration('reducing', options, (store, name) => store.reducing<T>(name), { reduce })
}

/** An accumulator a key; see {@link Aggregator}. */
export function aggregating<In, Acc, Out>(
  aggregator: Aggregator<In, Acc, Out>,
  options: StateOptions = {},
): StateDeclaration<AggregatingState<In, Out>> {
  return declaration('aggregating', options, (store, name) => store.aggregating<In, Out>(name), { aggregator })
}

/** The descriptors of declared states. MILLRACE_GRAPH for what is none. */
export function describeStates(declarations: StateDeclarations, place: Place): StateDescriptor[] {
  return Object.keys(declarations).map((name) => {
    const declared = declarations[name] as Partial<StateDeclaration<unknown>> | undefined
    if (typeof declared?.describe === 'function') return declared.describe(name, place)
    throw new MillraceError('MILLRACE_GRAPH', `state.${name} is no declaration of keyed state`, {
      hint: 'declare it with value(), list(), map(), reducing() or aggregating()',
      ...atOf(place),
    })
  })
}

/** The handles of declared states, for `ctx.state`. Call in `open`. */
export function openStates<S extends StateDeclarations>(declarations: S, store: KeyedStateStore): StateHandles<S> {
  const handles: Record<string, unknown> = {}
  for (const name of Object.keys(declarations)) handles[name] = declarations[name]!.open(store, name)
  return handles as StateHandles<S>
}

function declaration<Handle>(
  kind: StateDescriptor['kind'],
  { ttl, version = 1 }: StateOptions,
  open: (store: KeyedStateStore, name: string) => Handle,
  functions: Pick<StateDescriptor, 'reduce' | 'aggregator'> = {},
): StateDeclaration<Handle> {
  return {
    open,
    describe(name, place) {
      const { reduce, aggregator } = functions
      if (kind === 'reducing') requireFunction(reduce, `the reduce function of state.${name}`, place)
      if (kind === 'aggregating') requireAggregator(aggregator, `the aggregator of state.${name}`, place)
      const ttlMs = ttl === undefined ? undefined : positiveDurationMs(ttl, `ttl of state.${name}`)
      return { name, kind, fingerprint: `v${version}`, ...functions, ...(ttlMs === undefined ? {} : { ttlMs }) }
    },
  }
}

/** MILLRACE_GRAPH unless the aggregator's functions are there and synchronous. */
export function requireAggregator(aggregator: unknown, what: string, place: Place): void {
  const functions = (aggregator ?? {}) as Record<string, unknown>
  for (const name of ['create', 'add', 'result']) requireFunction(functions[name], `${name} of ${what}`, place)
  if (functions['merge'] !== undefined) requireFunction(functions['merge'], `merge of ${what}`, place)
}
