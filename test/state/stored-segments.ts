import type { SegmentRef } from '../../runtime/checkpoint/manifest.js'
import { mergeSegmentFiles } from '../../runtime/checkpoint/merge-segment-files.js'
import { SegmentBuilder } from '../../runtime/checkpoint/segment-builder.js'
import { SegmentRanges } from '../../runtime/checkpoint/segment-ranges.js'
import type { CheckpointStorage } from '../../runtime/storage/storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'
import { MAX_PARALLELISM, type Rows } from './backend-world.js'

/** What complete checkpoints leave: a run of segments each, in blocks and ranges of a few rows. */
export class StoredSegments {
  readonly storage: CheckpointStorage
  #refs: readonly SegmentRef[] = []
  #runs = 0

  constructor(storage: CheckpointStorage = new MemoryStorage()) {
    this.storage = storage
  }

  get runs(): number {
    return this.#refs.length
  }

  async add({ rows }: Rows): Promise<void> {
    if (rows.size === 0) return
    const builder = new SegmentBuilder(64, 64)
    for (const { keyGroup, key, value, minTimer } of rows.values())
      builder.add(keyGroup, key, 0, key.length, value ?? key, 0, value?.length ?? 0, value === undefined, minTimer)
    const target = { epoch: 1, checkpointId: ++this.#runs, uid: 'op', subtask: 0, run: 's' }
    const bytes = builder.finish()
    const { firstKeyGroup, lastKeyGroup, crc } = builder
    const path = `segments/${this.#runs}.seg`
    await this.storage.write(path, bytes)
    const ref = { path, ...target, firstKeyGroup, lastKeyGroup, rows: builder.rows, bytes: bytes.length, crc }
    this.#refs = [...this.#refs, ref]
  }

  /** Merges the oldest runs, as in the background. */
  async merge(runs: number): Promise<void> {
    const target = { epoch: 1, checkpointId: ++this.#runs, uid: 'op', subtask: 0, run: 'm' }
    const range = { firstKeyGroup: 0, lastKeyGroup: MAX_PARALLELISM - 1, dropTombstones: true }
    const merged = await mergeSegmentFiles(this.storage, this.#refs.slice(0, runs), { ...target, ...range })
    this.#refs = [...merged, ...this.#refs.slice(runs)]
  }

  open(firstKeyGroup: number = 0, lastKeyGroup: number = MAX_PARALLELISM - 1): Promise<SegmentRanges> {
    return SegmentRanges.open(this.storage, this.#refs, firstKeyGroup, lastKeyGroup, 64)
  }
}
