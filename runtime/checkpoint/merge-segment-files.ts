import type { CheckpointStorage } from '../storage/storage.js'
import type { SegmentRef } from './manifest.js'
import { mergeSegments } from './merge-segments.js'
import { groupRuns, openRun, SegmentRunWriter, type RunTarget } from './segment-run.js'

/** What a merge makes. Rows of other key groups (a segment from before a rescale holds some) are left out. */
export interface MergeTarget extends RunTarget {
  readonly firstKeyGroup: number
  readonly lastKeyGroup: number
  /** The merge begins with the oldest run of the list, so nothing older can hold what was deleted. */
  readonly dropTombstones: boolean
  /** Size at which the result goes on in a further segment; default 64 MB. */
  readonly maxSegmentBytes?: number
}

/**
 * Merges runs that stand side by side in a list (oldest first) into one run, which takes their place. Any thread; holds one read-ahead per
 * run and one segment in memory, whatever the state's size. Deletes nothing: a manifest may still refer to the inputs. No refs when nothing is left.
 */
export async function mergeSegmentFiles(
  storage: CheckpointStorage,
  refs: readonly SegmentRef[],
  target: MergeTarget,
): Promise<readonly SegmentRef[]> {
  const { firstKeyGroup, lastKeyGroup, dropTombstones, maxSegmentBytes, ...run } = target
  const newestFirst = groupRuns(refs).reverse()
  const cursors = await Promise.all(newestFirst.map((one) => openRun(storage, one, firstKeyGroup, lastKeyGroup)))
  const writer = new SegmentRunWriter(storage, run, maxSegmentBytes)
  await mergeSegments(cursors, dropTombstones, writer)
  return writer.finish()
}
