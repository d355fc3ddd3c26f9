import { join } from 'node:path'
import { SegmentRanges } from '../checkpoint/segment-ranges.js'
import { keyGroupRange } from '../codec/key-group.js'
import type { OperatorNode } from '../contract/graph.js'
import type { Clock } from '../contract/time.js'
import { KeyedBackend } from '../state/keyed-backend.js'
import { LevelSpill } from '../state/level-spill.js'
import type { SpillStore } from '../state/spill-store.js'
import type { CheckpointStorage } from '../storage/storage.js'
import type { OperatorRestore, SlotAssignment } from '../worker/protocol.js'

/** Where a slot's state goes that does not fit into memory. */
export interface SlotSpill {
  /** A range of its own for one operator subtask. */
  region(): SpillStore
  close(): Promise<void>
}

/** Makes and restores the keyed state of a slot's operators; they share the slot's budget and its LevelDB. Slot thread. */
export class BackendFactory {
  private readonly assignment: SlotAssignment
  private readonly storage: CheckpointStorage
  private readonly clock: Clock
  private readonly spill: SlotSpill
  private readonly keyedOperators: number

  /** `spill`: default a LevelDB of the slot's own. */
  constructor(
    assignment: SlotAssignment,
    storage: CheckpointStorage,
    clock: Clock,
    keyedOperators: number,
    spill: SlotSpill = levelSpill(assignment),
  ) {
    this.assignment = assignment
    this.storage = storage
    this.clock = clock
    this.keyedOperators = Math.max(1, keyedOperators)
    this.spill = spill
  }

  async create(node: OperatorNode, restore: OperatorRestore | undefined): Promise<KeyedBackend> {
    const { slot, maxParallelism, parallelism, memory } = this.assignment
    const range = keyGroupRange(slot, maxParallelism, parallelism)
    const backend = new KeyedBackend({
      uid: node.uid,
      states: node.states,
      firstKeyGroup: range.first,
      lastKeyGroup: range.last,
      clock: this.clock,
      cacheBytes: memory.cacheBytes / this.keyedOperators,
      spill: this.spill.region(),
      // What may be dropped was decided before the job started.
      allowNonRestoredState: true,
      ...(restore === undefined ? {} : { restoredSchema: restore.schema, watermark: restore.watermark }),
    })
    if (restore !== undefined && restore.segments.length > 0) {
      const rows = await SegmentRanges.open(this.storage, restore.segments, range.first, range.last)
      backend.restoreFrom(rows, restore.firstTimers)
    }
    return backend
  }

  async close(): Promise<void> {
    await this.spill.close()
  }
}

function levelSpill({ spillDirectory, epoch, attempt, slot, memory }: SlotAssignment): SlotSpill {
  const folder = join(spillDirectory, `e${epoch}-a${attempt}-s${slot}`)
  return new LevelSpill(folder, {
    cacheBytes: memory.levelDbBytes / 2,
    writeBufferBytes: memory.levelDbBytes / 4,
  })
}
