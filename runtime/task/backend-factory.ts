import { join } from 'node:path'
import { mergeSegments } from '../checkpoint/merge-segments.js'
import { SegmentReader } from '../checkpoint/segment-reader.js'
import { keyGroupRange } from '../codec/key-group.js'
import type { OperatorNode } from '../contract/graph.js'
import type { Clock } from '../contract/time.js'
import { KeyedBackend } from '../state/keyed-backend.js'
import type { CheckpointStorage } from '../storage/storage.js'
import type { OperatorRestore, SlotAssignment } from '../worker/protocol.js'

/** Makes and restores the keyed state of a slot's operators. Slot thread. */
export class BackendFactory {
  private readonly assignment: SlotAssignment
  private readonly storage: CheckpointStorage
  private readonly clock: Clock

  constructor(assignment: SlotAssignment, storage: CheckpointStorage, clock: Clock) {
    this.assignment = assignment
    this.storage = storage
    this.clock = clock
  }

  async create(node: OperatorNode, restore: OperatorRestore | undefined): Promise<KeyedBackend> {
    const { slot, maxParallelism, parallelism, memory } = this.assignment
    const range = keyGroupRange(slot, maxParallelism, parallelism)
    const backend = new KeyedBackend({
      uid: node.uid,
      states: node.states,
      maxParallelism,
      firstKeyGroup: range.first,
      lastKeyGroup: range.last,
      clock: this.clock,
      cacheBytes: memory.cacheBytes,
    })
    if (restore !== undefined && restore.segments.length > 0) await this.restore(backend, restore, range.first, range.last)
    return backend
  }

  async close(): Promise<void> {}

  private async restore(backend: KeyedBackend, restore: OperatorRestore, first: number, last: number): Promise<void> {
    const newestFirst = [...restore.segments].reverse()
    const readers = await Promise.all(newestFirst.map((ref) => SegmentReader.open(this.storage, ref)))
    const cursors = readers.map((reader) => reader.cursor(first, last))
    await mergeSegments(cursors, true, {
      add: (keyGroup, key, keyFrom, keyTo, value, valueFrom, valueTo) =>
        backend.restoreRow(keyGroup, key, keyFrom, keyTo, value, valueFrom, valueTo),
    })
  }
}
