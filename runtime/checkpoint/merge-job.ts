import type { SegmentRef } from './manifest.js'
import type { MergeTarget } from './merge-segment-files.js'

/** A merge as plain data: it may run on another thread. */
export interface MergeJob {
  readonly storageUrl: string
  /** Oldest first. */
  readonly refs: readonly SegmentRef[]
  readonly target: MergeTarget
}
