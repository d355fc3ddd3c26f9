import type { SegmentRef } from '../checkpoint/manifest.js'
import { NO_TIMER } from '../checkpoint/segment-format.js'
import { SegmentRunWriter } from '../checkpoint/segment-run.js'
import type { KeyedBackend } from '../state/keyed-backend.js'
import type { RowSink } from '../state/row-sink.js'
import type { CheckpointStorage } from '../storage/storage.js'
import type { SlotAssignment } from '../worker/protocol.js'
import type { SegmentRun, SegmentWriter } from './snapshot-encoder.js'

/** Writes what changed since the last checkpoint as one run of segments for each keyed operator subtask. Slot thread. */
export class SegmentFiles implements SegmentWriter {
  private readonly storage: CheckpointStorage
  private readonly assignment: SlotAssignment

  constructor(storage: CheckpointStorage, assignment: SlotAssignment) {
    this.storage = storage
    this.assignment = assignment
  }

  begin(uid: string, checkpointId: number, backend: KeyedBackend): SegmentRun {
    const { epoch, attempt, slot } = this.assignment
    const target = { epoch, checkpointId, uid, subtask: slot, run: `a${attempt}` }
    return new BackendRun(backend, new SegmentRunWriter(this.storage, target))
  }
}

class BackendRun implements SegmentRun {
  private readonly backend: KeyedBackend
  private readonly writer: SegmentRunWriter
  private readonly sink: RowSink
  private storing: Promise<void> | undefined

  constructor(backend: KeyedBackend, writer: SegmentRunWriter) {
    this.backend = backend
    this.writer = writer
    this.sink = {
      add: (keyGroup, key, keyFrom, keyTo, value, valueFrom, valueTo, minTimer) =>
        this.store(writer.add(keyGroup, key, keyFrom, keyTo, value, valueFrom, valueTo, false, minTimer)),
      addTombstone: (keyGroup, key, keyFrom, keyTo) =>
        this.store(writer.add(keyGroup, key, keyFrom, keyTo, key, 0, 0, true, NO_TIMER)),
    }
  }

  slice(maxRows: number): boolean | Promise<boolean> {
    const reading = this.backend.prefetchFrozen()
    if (reading !== undefined) return reading.then(() => false)
    const done = this.backend.writeSlice(this.sink, maxRows)
    const { storing } = this
    this.storing = undefined
    return storing === undefined ? done : storing.then(() => done)
  }

  finish(): Promise<readonly SegmentRef[]> {
    return this.writer.finish()
  }

  /** A segment was filled and is being stored: the slice ends as it is, the next one waits. */
  private store(storing: void | Promise<void>): void {
    if (storing === undefined) return
    this.storing = this.storing === undefined ? storing : Promise.all([this.storing, storing]).then(() => {})
  }
}
