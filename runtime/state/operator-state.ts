import { MillraceError } from '../contract/errors.js'
import type {
  ListState,
  MapState,
  OperatorStateDescriptor,
  OperatorStateMode,
  OperatorStateStore,
} from '../contract/state.js'
import { BroadcastMap } from './broadcast-map.js'
import { OperatorList } from './operator-list.js'
import type { OperatorStateCell } from './operator-state-cell.js'

/** The operator state of one subtask, on the heap. Slot thread. Semantics: Flink's `OperatorStateStore`. */
export class OperatorState implements OperatorStateStore {
  readonly #uid: string
  readonly #descriptors: readonly OperatorStateDescriptor[]
  readonly #cells = new Map<string, OperatorStateCell>()

  /** `restored`: elements by name; a state without any is empty. */
  constructor(
    uid: string,
    descriptors: readonly OperatorStateDescriptor[],
    restored: ReadonlyMap<string, readonly unknown[]>,
  ) {
    this.#uid = uid
    this.#descriptors = descriptors
    for (const { name, mode } of descriptors) {
      const elements = restored.get(name) ?? []
      const cell =
        mode === 'broadcast' ? new BroadcastMap(elements as [unknown, unknown][]) : new OperatorList(elements)
      this.#cells.set(name, cell)
    }
  }

  list<T>(name: string): ListState<T> {
    this.#require(name, ['split', 'union'])
    return this.#cells.get(name) as OperatorList<T>
  }

  broadcast<K, V>(name: string): MapState<K, V> {
    this.#require(name, ['broadcast'])
    return this.#cells.get(name) as BroadcastMap<K, V>
  }

  /** All states, in the order of their declaration. */
  cells(): { readonly descriptor: OperatorStateDescriptor; readonly cell: OperatorStateCell }[] {
    return this.#descriptors.map((descriptor) => ({ descriptor, cell: this.#cells.get(descriptor.name)! }))
  }

  #require(name: string, modes: readonly OperatorStateMode[]): void {
    const found = this.#descriptors.find((descriptor) => descriptor.name === name)
    if (found !== undefined && modes.includes(found.mode)) return
    const what = found === undefined ? `no operator state '${name}'` : `'${name}' as ${found.mode} state`
    throw new MillraceError(
      'MILLRACE_GRAPH',
      `operator '${this.#uid}' declares ${what}, not as ${modes.join(' or ')}`,
      {
        hint: "declare it in the operator's operatorStates",
      },
    )
  }
}
