import { KeyLog } from './key-log.js'
import type { SpilledChanges as Changes } from './snapshot.js'

interface GroupChanges {
  /** Changed in this epoch. */
  changed: KeyLog
  /** Changed in the frozen epoch, spilled before it was encoded. */
  frozen: KeyLog
  /** Changed in the frozen epoch, spilled after it was encoded: wanted again only if the checkpoint is aborted. */
  readonly encoded: KeyLog
}

/** Row keys of changed entries that are not in memory, by group. A key stands in a list once an epoch. */
export class SpilledChanges implements Changes {
  readonly #groups = new Map<number, GroupChanges>()
  #reading = -1

  change(group: number, rowKey: Uint8Array): void {
    this.#of(group).changed.add(rowKey)
  }

  encode(group: number, rowKey: Uint8Array): void {
    this.#of(group).encoded.add(rowKey)
  }

  freeze(): void {
    for (const group of this.#groups.values()) {
      const changed = group.changed
      group.changed = group.frozen
      group.frozen = changed
    }
  }

  hasFrozen(group: number): boolean {
    return this.#reading === group || (this.#groups.get(group)?.frozen.count ?? 0) > 0
  }

  /** Frozen keys of a group; until {@link endRead} the group still has some. */
  beginRead(group: number, limit: number): Uint8Array[] {
    this.#reading = group
    return this.#of(group).frozen.read(limit)
  }

  endRead(): void {
    this.#reading = -1
  }

  revert(): void {
    for (const { changed, frozen, encoded } of this.#groups.values()) {
      changed.addAll(frozen)
      changed.addAll(encoded)
      frozen.clear()
      encoded.clear()
    }
  }

  complete(): void {
    for (const [at, { changed, frozen, encoded }] of this.#groups) {
      frozen.clear()
      encoded.clear()
      if (changed.count === 0) this.#groups.delete(at)
    }
  }

  #of(group: number): GroupChanges {
    let changes = this.#groups.get(group)
    if (changes === undefined) {
      changes = { changed: new KeyLog(), frozen: new KeyLog(), encoded: new KeyLog() }
      this.#groups.set(group, changes)
    }
    return changes
  }
}
