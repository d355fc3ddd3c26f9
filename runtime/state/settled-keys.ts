import type { MapKey } from '../codec/map-key.js'

/** Keys that were looked for in the rows of a checkpoint before their range was moved: what the rows hold of them counts no more. */
export class SettledKeys {
  readonly #groups = new Map<number, Set<MapKey>>()

  add(keyGroup: number, key: MapKey): void {
    const group = this.#groups.get(keyGroup)
    if (group === undefined) this.#groups.set(keyGroup, new Set([key]))
    else group.add(key)
  }

  has(keyGroup: number, key: MapKey): boolean {
    return this.#groups.get(keyGroup)?.has(key) ?? false
  }

  /** Forgets the groups below that one. */
  dropBelow(keyGroup: number): void {
    for (const group of this.#groups.keys()) if (group < keyGroup) this.#groups.delete(group)
  }
}
