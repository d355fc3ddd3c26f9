import type {
  KeyedStateStore,
  ListState,
  MapState,
  OperatorStateStore,
  ReducingState,
  ValueState,
} from '../contract/state.js'
import { deepFreeze } from './deep-freeze.js'

/**
 * The same states, but what is stored is frozen: only `update()` and its like persist, and a job that relies on changing what it got
 * throws. Accumulators stay as they are, since aggregators may change them.
 */
export function frozenState(store: KeyedStateStore): KeyedStateStore {
  return {
    value: <T>(name: string): ValueState<T> => {
      const state = store.value<T>(name)
      return {
        value: () => deepFreeze(state.value()),
        update: (value) => state.update(deepFreeze(value)),
        clear: () => state.clear(),
      }
    },
    list: <T>(name: string) => frozenList(store.list<T>(name)),
    map: <K, V>(name: string) => frozenMap(store.map<K, V>(name)),
    reducing: <T>(name: string): ReducingState<T> => {
      const state = store.reducing<T>(name)
      return {
        get: () => deepFreeze(state.get()),
        add: (value) => state.add(deepFreeze(value)),
        clear: () => state.clear(),
      }
    },
    aggregating: (name) => store.aggregating(name),
    panes: (name) => store.panes(name),
  }
}

/** The same for state that belongs to no key. */
export function frozenOperatorState(store: OperatorStateStore): OperatorStateStore {
  return {
    list: <T>(name: string) => frozenList(store.list<T>(name)),
    broadcast: <K, V>(name: string) => frozenMap(store.broadcast<K, V>(name)),
  }
}

function frozenList<T>(state: ListState<T>): ListState<T> {
  return {
    get: () => freezeAll(state.get()),
    add: (value) => state.add(deepFreeze(value)),
    update: (values) => state.update(freezeAll(values)),
    clear: () => state.clear(),
  }
}

function frozenMap<K, V>(state: MapState<K, V>): MapState<K, V> {
  return {
    get: (key) => deepFreeze(state.get(key)),
    has: (key) => state.has(key),
    set: (key, value) => state.set(deepFreeze(key), deepFreeze(value)),
    delete: (key) => state.delete(key),
    entries: () => freezeEntries(state.entries()),
    isEmpty: () => state.isEmpty(),
    clear: () => state.clear(),
  }
}

function freezeAll<T>(values: readonly T[]): readonly T[] {
  for (const value of values) deepFreeze(value)
  return values
}

function* freezeEntries<K, V>(entries: Iterable<[K, V]>): Iterable<[K, V]> {
  for (const [key, value] of entries) yield [deepFreeze(key), deepFreeze(value)]
}
