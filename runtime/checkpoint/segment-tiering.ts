/** Which runs to merge: `from` to `to` (exclusive) of the list, oldest first. `from` 0: deleted rows may be dropped. */
export interface MergeChoice {
  readonly from: number
  readonly to: number
}

/** When to merge. */
export interface TieringOptions {
  /** Live runs of a subtask's operator; default 10. */
  readonly maxRuns?: number
  /** Runs of like size that are worth merging; default 4. */
  readonly minWidth?: number
}

/**
 * Size-tiered merging, as RocksDB's universal compaction: decides from the runs' sizes in bytes, oldest first, what to merge next;
 * undefined: nothing. Applied until it says nothing, at most `maxRuns` are left, a byte is rewritten O(log) times, and the newer runs
 * together stay smaller than the oldest one, so that dead versions take at most about as much room as live ones. Pure.
 */
export function chooseMerge(bytes: readonly number[], options: TieringOptions = {}): MergeChoice | undefined {
  const maxRuns = options.maxRuns ?? 10
  const minWidth = options.minWidth ?? 4
  const count = bytes.length
  if (count < 2) return undefined
  const newer = bytes.slice(1).reduce((sum, size) => sum + size, 0)
  if (count >= minWidth && newer >= (bytes[0] as number)) return { from: 0, to: count }
  for (let to = count; to >= minWidth; to--) {
    let from = to - 1
    let sum = bytes[from] as number
    while (from > 0 && (bytes[from - 1] as number) <= sum) sum += bytes[--from] as number
    if (to - from >= minWidth) return { from, to }
  }
  return count > maxRuns ? cheapest(bytes, count - maxRuns + 1) : undefined
}

/** The neighbours whose merge writes least. */
function cheapest(bytes: readonly number[], width: number): MergeChoice {
  let best = 0
  let bestSum = Infinity
  for (let from = 0; from + width <= bytes.length; from++) {
    const sum = bytes.slice(from, from + width).reduce((total, size) => total + size, 0)
    if (sum < bestSum) [best, bestSum] = [from, sum]
  }
  return { from: best, to: best + width }
}
