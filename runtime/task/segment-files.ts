import type { SegmentRef } from '../checkpoint/manifest.js'
import { SegmentBuilder } from '../checkpoint/segment-builder.js'
import { NO_TIMER } from '../checkpoint/segment-format.js'
import { segmentPath } from '../checkpoint/segment-path.js'
import type { KeyedBackend, RowSink } from '../state/keyed-backend.js'
import type { CheckpointStorage } from '../storage/storage.js'
import type { SlotAssignment } from '../worker/protocol.js'
import type { SegmentWriter } from './snapshot-encoder.js'

/** Writes what changed since the last checkpoint as one segment for each keyed operator subtask. Slot thread. */
export class SegmentFiles implements SegmentWriter {
  private readonly storage: CheckpointStorage
  private readonly assignment: SlotAssignment

  constructor(storage: CheckpointStorage, assignment: SlotAssignment) {
    this.storage = storage
    this.assignment = assignment
  }

  async write(uid: string, checkpointId: number, backend: KeyedBackend): Promise<readonly SegmentRef[]> {
    const builder = new SegmentBuilder()
    backend.writeRows(rowSink(builder))
    if (builder.rows === 0) return []
    const bytes = builder.finish()
    const { epoch, slot } = this.assignment
    const path = segmentPath({ epoch, checkpointId, uid, subtask: slot, kind: 's', sequence: 0 })
    await this.storage.write(path, bytes)
    const ref: SegmentRef = {
      path,
      epoch,
      checkpointId,
      uid,
      subtask: slot,
      run: `${epoch}-${checkpointId}-${slot}`,
      firstKeyGroup: builder.firstKeyGroup,
      lastKeyGroup: builder.lastKeyGroup,
      rows: builder.rows,
      bytes: bytes.length,
      crc: builder.crc,
    }
    return [ref]
  }
}

function rowSink(builder: SegmentBuilder): RowSink {
  return {
    add: (keyGroup, key, keyFrom, keyTo, value, valueFrom, valueTo, minTimer) =>
      builder.add(keyGroup, key, keyFrom, keyTo, value, valueFrom, valueTo, false, minTimer),
    addTombstone: (keyGroup, key, keyFrom, keyTo) =>
      builder.add(keyGroup, key, keyFrom, keyTo, key, 0, 0, true, NO_TIMER),
  }
}
