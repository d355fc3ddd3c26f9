import type {
  AggregatingState,
  KeyedStateStore,
  ListState,
  MapState,
  PaneState,
  ReducingState,
  StateKind,
  ValueState,
} from '../contract/state.js'
import { ListHandle } from './list-handle.js'
import { MapHandle } from './map-handle.js'
import { PaneHandle } from './pane-handle.js'
import type { StateHost } from './state-handle.js'
import type { StateColumn } from './state-layout.js'
import { AggregatingHandle, ReducingHandle, ValueHandle } from './value-handle.js'

/** The states of an operator by name. One handle a state, however often it is asked for. */
export class StateStore implements KeyedStateStore {
  readonly #host: StateHost
  readonly #handles = new Map<string, unknown>()

  constructor(host: StateHost) {
    this.#host = host
  }

  value<T>(name: string): ValueState<T> {
    return this.#handle(name, 'value', (column) => new ValueHandle<T>(this.#host, column))
  }

  list<T>(name: string): ListState<T> {
    return this.#handle(name, 'list', (column) => new ListHandle<T>(this.#host, column))
  }

  map<K, V>(name: string): MapState<K, V> {
    return this.#handle(name, 'map', (column) => new MapHandle<K, V>(this.#host, column))
  }

  reducing<T>(name: string): ReducingState<T> {
    return this.#handle(name, 'reducing', (column) => new ReducingHandle<T>(this.#host, column))
  }

  aggregating<In, Out>(name: string): AggregatingState<In, Out> {
    return this.#handle(name, 'aggregating', (column) => new AggregatingHandle<In, Out>(this.#host, column))
  }

  panes<A>(name: string): PaneState<A> {
    return this.#handle(name, 'panes', (column) => new PaneHandle<A>(this.#host, column))
  }

  #handle<H>(name: string, kind: StateKind, make: (column: StateColumn) => H): H {
    const column = this.#host.table.layout.find(name, kind)
    let handle = this.#handles.get(name)
    if (handle === undefined) {
      handle = make(column)
      this.#handles.set(name, handle)
    }
    return handle as H
  }
}
