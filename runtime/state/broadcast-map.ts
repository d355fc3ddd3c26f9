import { keyLength } from '../codec/key-codec.js'
import { mapKeyOf, type MapKey } from '../codec/map-key.js'
import type { Key } from '../contract/key.js'
import type { MapState } from '../contract/state.js'
import { copyKey } from './copy-key.js'
import type { OperatorStateCell } from './operator-state-cell.js'

/**
 * Operator state of mode `broadcast`: a map in the order of insertion. Keys are of the listed key types (MILLRACE_KEY otherwise). The map
 * is copied before the first write after a barrier.
 */
export class BroadcastMap<K, V> implements MapState<K, V>, OperatorStateCell {
  changes = 0
  #pairs: Map<MapKey, readonly [K, V]>
  #frozen = false

  constructor(restored: readonly (readonly [K, V])[]) {
    this.#pairs = new Map(restored.map((pair) => [mapKeyOf(pair[0] as Key), pair]))
  }

  get size(): number {
    return this.#pairs.size
  }

  get(key: K): V | undefined {
    return this.#pairs.get(mapKeyOf(key as Key))?.[1]
  }

  has(key: K): boolean {
    return this.#pairs.has(mapKeyOf(key as Key))
  }

  set(key: K, value: V): void {
    const mapKey = mapKeyOf(key as Key)
    keyLength(key as Key) // refuses lone surrogates
    this.#toWrite().set(mapKey, [copyKey(key as Key) as K, value])
  }

  delete(key: K): void {
    const mapKey = mapKeyOf(key as Key)
    if (this.#pairs.has(mapKey)) this.#toWrite().delete(mapKey)
  }

  entries(): Iterable<[K, V]> {
    return Array.from(this.#pairs.values(), ([key, value]) => [key, value])
  }

  isEmpty(): boolean {
    return this.#pairs.size === 0
  }

  clear(): void {
    if (this.#pairs.size > 0) this.#toWrite().clear()
  }

  freeze(): Iterable<readonly [K, V]> {
    this.#frozen = true
    return this.#pairs.values()
  }

  #toWrite(): Map<MapKey, readonly [K, V]> {
    this.changes++
    if (this.#frozen) this.#pairs = new Map(this.#pairs)
    this.#frozen = false
    return this.#pairs
  }
}
