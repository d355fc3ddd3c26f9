import { constants, PerformanceObserver, type PerformanceEntry } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { ThreadUsage } from './figures.js'

/** Watches the heap and the garbage collections of the thread that made it, from then on. */
export class ThreadWatch {
  private youngCount = 0
  private youngMs = 0
  private oldCount = 0
  private oldMs = 0
  private readonly observer: PerformanceObserver

  constructor() {
    this.observer = new PerformanceObserver((list) => this.add(list.getEntries()))
    this.observer.observe({ entryTypes: ['gc'] })
  }

  usage(): ThreadUsage {
    this.add(this.observer.takeRecords())
    const { used_heap_size, heap_size_limit } = getHeapStatistics()
    const { youngCount, youngMs, oldCount, oldMs } = this
    return {
      heapUsedBytes: used_heap_size,
      heapLimitBytes: heap_size_limit,
      collections: { youngCount, youngMs, oldCount, oldMs },
    }
  }

  close(): void {
    this.observer.disconnect()
  }

  private add(entries: readonly PerformanceEntry[]): void {
    for (const entry of entries) {
      const { duration } = entry
      const kind = (entry as { detail?: { kind?: number } }).detail?.kind
      if (kind === constants.NODE_PERFORMANCE_GC_MINOR) {
        this.youngCount++
        this.youngMs += duration
        continue
      }
      // Steps of incremental marking belong to the collection that ends them.
      if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) this.oldCount++
      this.oldMs += duration
    }
  }
}
