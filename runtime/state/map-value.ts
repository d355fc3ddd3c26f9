import type { MapKey } from '../codec/map-key.js'
import type { Key } from '../contract/key.js'

/** The value of a cell that was deleted and whose row in a checkpoint still needs a tombstone. */
export const DELETED: unique symbol = Symbol('deleted')

/** One entry of a map state: a row of its own. */
export class MapCell {
  readonly key: Key
  readonly mapKey: MapKey
  value: unknown
  /** Epoch milliseconds of the last write; 0 without a time to live. */
  stamp: number
  /** The epoch of the last change; 0 is none since the restore. */
  epoch: number
  /** A row of it may be in a checkpoint. */
  stored: boolean

  constructor(key: Key, mapKey: MapKey, value: unknown, stamp: number, epoch: number, stored: boolean) {
    this.key = key
    this.mapKey = mapKey
    this.value = value
    this.stamp = stamp
    this.epoch = epoch
    this.stored = stored
  }
}

/** A map state of one key. `cells` holds the deleted ones that still need a tombstone, too. */
export class MapValue {
  readonly cells: Map<MapKey, MapCell> = new Map()
  /** Cells that are not deleted. */
  live = 0
  /** Changed since they were last encoded. */
  changed: MapCell[] = []
  /** Encoded for a checkpoint that may not be complete. */
  pending: MapCell[] = []

  /** Writes a cell; true when it is a new one to the reader. `key` is kept: it must not change. */
  set(mapKey: MapKey, key: Key, value: unknown, stamp: number, epoch: number): boolean {
    const cell = this.cells.get(mapKey)
    if (cell === undefined) {
      const added = new MapCell(key, mapKey, value, stamp, epoch, false)
      this.cells.set(mapKey, added)
      this.changed.push(added)
      this.live++
      return true
    }
    const revived = cell.value === DELETED
    if (revived) this.live++
    cell.value = value
    cell.stamp = stamp
    this.#change(cell, epoch)
    return revived
  }

  /** Deletes a cell that is not deleted. */
  delete(cell: MapCell, epoch: number): void {
    this.live--
    cell.value = DELETED
    if (cell.stored) this.#change(cell, epoch)
    else this.cells.delete(cell.mapKey)
  }

  /** The cells of checkpoints up to `completedEpoch` are settled: deleted ones go. */
  settle(completedEpoch: number): void {
    for (const cell of this.pending) {
      if (cell.epoch <= completedEpoch && cell.value === DELETED) this.cells.delete(cell.mapKey)
    }
    this.pending = this.pending.filter((cell) => cell.epoch > completedEpoch)
  }

  /** The pending checkpoint will not be: what it held after `completedEpoch` counts as changed in `epoch`. */
  revert(completedEpoch: number, epoch: number): void {
    for (const cell of this.pending) if (cell.epoch > completedEpoch) this.#change(cell, epoch)
    this.settle(completedEpoch)
    this.pending = []
  }

  #change(cell: MapCell, epoch: number): void {
    if (cell.epoch === epoch) return
    cell.epoch = epoch
    this.changed.push(cell)
  }
}
