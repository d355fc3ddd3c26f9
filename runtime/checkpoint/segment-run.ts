import type { CheckpointStorage } from '../storage/storage.js'
import type { SegmentRef } from './manifest.js'
import { SegmentBuilder, type RowSink } from './segment-builder.js'
import { SegmentCursor } from './segment-cursor.js'
import { segmentPath } from './segment-path.js'
import { SegmentReader } from './segment-reader.js'

/** Whose run it is; with the parts' numbers, these make its files' names. `run` is unique within the others. */
export interface RunTarget {
  readonly epoch: number
  readonly checkpointId: number
  readonly uid: string
  readonly subtask: number
  /** Letters, digits and `.`. */
  readonly run: string
}

/** Leaves room for the index in a builder's buffer, which has grown to 16 MiB by then. */
const MAX_SEGMENT_BYTES = 12 * 1024 * 1024

/** Writes rows in ascending order to as many segments as they need, so that memory stays bounded. Any thread. */
export class SegmentRunWriter implements RowSink {
  readonly #storage: CheckpointStorage
  readonly #target: RunTarget
  readonly #maxBytes: number
  readonly #refs: SegmentRef[] = []
  #builder: SegmentBuilder = new SegmentBuilder()

  /** A segment is closed by the row that takes it to `maxBytes`. */
  constructor(storage: CheckpointStorage, target: RunTarget, maxBytes: number = MAX_SEGMENT_BYTES) {
    this.#storage = storage
    this.#target = target
    this.#maxBytes = maxBytes
  }

  /** As `SegmentBuilder.add`; a promise when a segment was filled and is being stored. */
  add(
    keyGroup: number,
    key: Uint8Array,
    keyFrom: number,
    keyTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    tombstone: boolean,
    minTimer: number,
  ): void | Promise<void> {
    this.#builder.add(keyGroup, key, keyFrom, keyTo, value, valueFrom, valueTo, tombstone, minTimer)
    if (this.#builder.bytes >= this.#maxBytes) return this.#store()
  }

  /** Stores what is left. The run's segments in order; none when there were no rows. */
  async finish(): Promise<readonly SegmentRef[]> {
    if (this.#builder.rows > 0) await this.#store()
    return this.#refs
  }

  async #store(): Promise<void> {
    const builder = this.#builder
    this.#builder = new SegmentBuilder()
    const path = segmentPath({ ...this.#target, part: this.#refs.length })
    const bytes = builder.finish()
    const { firstKeyGroup, lastKeyGroup, rows, crc } = builder
    this.#refs.push({ path, ...this.#target, firstKeyGroup, lastKeyGroup, rows, bytes: bytes.length, crc })
    await this.#storage.write(path, bytes)
  }
}

/** The refs of a list, oldest first, by run: a run's segments stand side by side. */
export function groupRuns(refs: readonly SegmentRef[]): SegmentRef[][] {
  const runs: SegmentRef[][] = []
  for (const ref of refs) {
    const last = runs.at(-1)?.[0]
    const same = last?.run === ref.run && last.epoch === ref.epoch && last.subtask === ref.subtask
    if (same && last.checkpointId === ref.checkpointId) runs.at(-1)?.push(ref)
    else runs.push([ref])
  }
  return runs
}

/** One cursor over the segments of a run, for a key-group range, inclusive. */
export async function openRun(
  storage: CheckpointStorage,
  run: readonly SegmentRef[],
  firstKeyGroup: number,
  lastKeyGroup: number,
): Promise<SegmentCursor> {
  const needed = run.filter((ref) => ref.lastKeyGroup >= firstKeyGroup && ref.firstKeyGroup <= lastKeyGroup)
  const readers = await Promise.all(needed.map((ref) => SegmentReader.open(storage, ref)))
  return new SegmentCursor(
    readers.flatMap(({ blocks }) => blocks),
    firstKeyGroup,
    lastKeyGroup,
  )
}
