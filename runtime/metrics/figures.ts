/** What slots tell the main thread of their metrics, a few times a second: plain data. */
import type { Distribution } from './local-histogram.js'

/** How the figures of subtasks become one. `each`: one value of every subtask. */
export type Combine = 'sum' | 'max' | 'min' | 'each'

/** One metric of one operator subtask; `key`: see `metricKey`. Counts are those since the attempt began. */
export type Figure =
  | { readonly key: string; readonly kind: 'counter' | 'meter'; readonly count: number }
  | { readonly key: string; readonly kind: 'gauge'; readonly value: number; readonly combine: Combine }
  /** Of the time since the report before. */
  | { readonly key: string; readonly kind: 'histogram'; readonly seen: Distribution; readonly notFinite: number }

/** How a subtask spent its time since the attempt began, milliseconds. */
export interface TimeShares {
  readonly busyMs: number
  /** It had something to do, but its output was full or it waited for a service or a disk. */
  readonly backPressuredMs: number
  readonly elapsedMs: number
}

/** Garbage collections of a thread since it began. */
export interface Collections {
  readonly youngCount: number
  readonly youngMs: number
  readonly oldCount: number
  readonly oldMs: number
}

/** What a thread uses. */
export interface ThreadUsage {
  readonly heapUsedBytes: number
  readonly heapLimitBytes: number
  readonly collections: Collections
}

/** All figures of a slot. */
export interface SlotFigures {
  readonly operators: readonly OperatorFigures[]
  /** By task id. */
  readonly tasks: readonly { readonly task: number; readonly time: TimeShares }[]
  /** Absent where slots share a thread. */
  readonly thread?: ThreadUsage
}

/** Of one operator subtask, or of a source's enumerator. */
export interface OperatorFigures {
  readonly uid: string
  readonly figures: readonly Figure[]
}
