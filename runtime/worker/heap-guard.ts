import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** How full a heap may be. */
const FULL = 0.8
/** A collection that freed enough is not asked for again so soon. */
const COLLECT_AGAIN_MS = 5000

/**
 * Watches this thread's heap, asked a few times a second. V8 ends a thread that is at its limit, but the whole process when a table or
 * array that has to grow does not fit: so a heap counts as full when it has no room for its large objects to double. Slot thread.
 */
export class HeapGuard {
  private readonly collect: () => void
  private collectedMs = -Infinity

  constructor() {
    setFlagsFromString('--expose-gc')
    this.collect = runInNewContext('gc') as () => void
  }

  /** Whether the heap is full, what is garbage not counted. */
  isFull(): boolean {
    if (!looksFull() || performance.now() - this.collectedMs < COLLECT_AGAIN_MS) return false
    this.collect()
    this.collectedMs = performance.now()
    return looksFull()
  }
}

function looksFull(): boolean {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
  const large = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'large_object_space')
  return used > limit * FULL || used + 2 * (large?.space_used_size ?? 0) > limit
}
