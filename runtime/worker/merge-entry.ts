import type { SegmentRef } from '../checkpoint/manifest.js'
import { mergeSegmentFiles } from '../checkpoint/merge-segment-files.js'
import type { MergeJob } from '../checkpoint/merge-job.js'
import { openStorage } from '../storage/open-storage.js'

/** Runs one merge of segments; a background thread's entry. */
export async function runMerge(job: MergeJob): Promise<readonly SegmentRef[]> {
  return mergeSegmentFiles(openStorage(job.storageUrl), job.refs, job.target)
}
