import { MillraceError } from '../../runtime/contract/errors.js'
import type {
  ListState,
  MapState,
  OperatorStateDescriptor,
  OperatorStateStore,
  StateDescriptor,
} from '../../runtime/contract/state.js'
import type { StateDeclaration, StateOptions } from './state-declaration.js'
import { atOf, type Place } from './user-function.js'

/** See {@link unionList}. */
export interface UnionListDeclaration<T> {
  readonly fingerprint: string
  readonly open: (store: OperatorStateStore, name: string) => ListState<T>
}

/**
 * A list of the subtask, of a function on a stream that is not keyed: after a restore every subtask has the elements of all. Flink:
 * `getUnionListState`. With `list()` instead, each element goes to one subtask.
 */
export function unionList<T>(options: Pick<StateOptions, 'version'> = {}): UnionListDeclaration<T> {
  return { fingerprint: `v${options.version ?? 1}`, open: (store, name) => store.list<T>(name) }
}

/** The states of a function on a stream that is not keyed, by name: `list()` and `unionList()`. */
export type OperatorStateDeclarations = Readonly<
  Record<string, StateDeclaration<ListState<unknown>> | UnionListDeclaration<unknown>>
>

/** What `ctx.state` is for these declarations. */
export type OperatorStateHandles<S extends OperatorStateDeclarations> = {
  readonly [N in keyof S]: S[N] extends { readonly open: (store: never, name: string) => infer Handle } ? Handle : never
}

/** The states that go with a broadcast stream, by name: `map()` only. */
export type BroadcastDeclarations = Readonly<Record<string, StateDeclaration<MapState<unknown, unknown>>>>

/** What `ctx.broadcast` is where broadcast records come in. */
export type BroadcastHandles<B extends BroadcastDeclarations> = {
  readonly [N in keyof B]: B[N] extends StateDeclaration<infer Handle> ? Handle : never
}

/** A broadcast state where it may only be read. */
export type ReadOnlyBroadcastState<K, V> = Pick<MapState<K, V>, 'get' | 'has' | 'entries' | 'isEmpty'>

/** What `ctx.broadcast` is everywhere else. */
export type ReadOnlyBroadcastHandles<B extends BroadcastDeclarations> = {
  readonly [N in keyof B]: B[N] extends StateDeclaration<MapState<infer K, infer V>>
    ? ReadOnlyBroadcastState<K, V>
    : never
}

/** The descriptors of a function's operator states. MILLRACE_GRAPH for what cannot be one. */
export function describeOperatorStates(
  declarations: OperatorStateDeclarations,
  place: Place,
): OperatorStateDescriptor[] {
  return Object.keys(declarations).map((name) => {
    const declared = declarations[name] as unknown
    if (isUnionList(declared)) return { name, mode: 'union', fingerprint: declared.fingerprint }
    const { fingerprint } = describe(name, declared, 'list', 'list() or unionList(), as the stream is not keyed', place)
    return { name, mode: 'split', fingerprint }
  })
}

/** The descriptors of the states that go with a broadcast stream. MILLRACE_GRAPH for what is no `map()`. */
export function describeBroadcastStates(declarations: BroadcastDeclarations, place: Place): OperatorStateDescriptor[] {
  return Object.keys(declarations).map((name) => {
    const { fingerprint } = describe(name, declarations[name], 'map', 'map(), as it is broadcast', place)
    return { name, mode: 'broadcast', fingerprint }
  })
}

/** The handles of declared operator states, for `ctx.state`. Call in `open`. */
export function openOperatorStates<S extends OperatorStateDeclarations>(
  declarations: S,
  store: OperatorStateStore,
): OperatorStateHandles<S> {
  const handles = Object.keys(declarations).map((name) => [name, store.list(name)])
  return Object.fromEntries(handles) as OperatorStateHandles<S>
}

/** The handles of broadcast states, to write and to read only. Call in `open`. */
export function openBroadcastStates<B extends BroadcastDeclarations>(
  declarations: B,
  store: OperatorStateStore,
): { readonly written: BroadcastHandles<B>; readonly read: ReadOnlyBroadcastHandles<B> } {
  const written = Object.keys(declarations).map((name) => [name, store.broadcast(name)] as const)
  const read = written.map(([name, state]) => [name, readOnly(name, state)])
  return {
    written: Object.fromEntries(written) as BroadcastHandles<B>,
    read: Object.fromEntries(read) as ReadOnlyBroadcastHandles<B>,
  }
}

function readOnly(name: string, state: MapState<unknown, unknown>): MapState<unknown, unknown> {
  const refuse = (): never => {
    throw new MillraceError('MILLRACE_USER', `broadcast state "${name}" was written outside of onBroadcast`, {
      hint: 'only there does every subtask write the same',
    })
  }
  return {
    get: (key) => state.get(key),
    has: (key) => state.has(key),
    entries: () => state.entries(),
    isEmpty: () => state.isEmpty(),
    set: refuse,
    delete: refuse,
    clear: refuse,
  }
}

function isUnionList(declared: unknown): declared is UnionListDeclaration<unknown> {
  const { fingerprint, open } = (declared ?? {}) as Partial<UnionListDeclaration<unknown>>
  return typeof fingerprint === 'string' && typeof open === 'function'
}

function describe(
  name: string,
  declared: unknown,
  kind: 'list' | 'map',
  allowed: string,
  place: Place,
): StateDescriptor {
  const declaration = declared as Partial<StateDeclaration<unknown>> | undefined
  const descriptor = typeof declaration?.describe === 'function' ? declaration.describe(name, place) : undefined
  if (descriptor?.kind !== kind) {
    const what = descriptor === undefined ? 'is no state declaration' : `is ${descriptor.kind} state`
    throw new MillraceError('MILLRACE_GRAPH', `state.${name} ${what}`, {
      hint: `declare it with ${allowed}`,
      ...atOf(place),
    })
  }
  if (descriptor.ttlMs !== undefined) {
    throw new MillraceError('MILLRACE_GRAPH', `state.${name} has a ttl`, {
      hint: 'only state of a key can expire: delete what is too old',
      ...atOf(place),
    })
  }
  return descriptor
}
