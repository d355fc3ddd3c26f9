import type { Collections, SlotFigures, ThreadUsage, TimeShares } from './figures.js'

const NONE: TimeShares = { busyMs: 0, backPressuredMs: 0, elapsedMs: 0 }
const NO_COLLECTIONS: Collections = { youngCount: 0, youngMs: 0, oldCount: 0, oldMs: 0 }

/** What one slot used as the main thread knows it: its tasks' time, its thread's heap and garbage collections. */
export class SlotUsage {
  private readonly last = new Map<number, TimeShares>()
  private readonly fresh = new Map<number, TimeShares>()
  private thread: ThreadUsage | undefined
  private before = NO_COLLECTIONS

  take({ tasks, thread }: SlotFigures): void {
    for (const { task, time } of tasks) {
      this.fresh.set(task, plus(this.fresh.get(task) ?? NONE, minus(time, this.last.get(task) ?? NONE)))
      this.last.set(task, time)
    }
    this.thread = thread
  }

  /** Another thread from now on. */
  restart(): void {
    this.last.clear()
    this.before = this.collections
    this.thread = undefined
  }

  /** By task, since this was asked before. */
  takeTimes(): [task: number, time: TimeShares][] {
    const times = [...this.fresh].filter(([, time]) => time.elapsedMs > 0)
    this.fresh.clear()
    return times
  }

  get heapPercent(): number | undefined {
    const { thread } = this
    return thread === undefined ? undefined : (100 * thread.heapUsedBytes) / thread.heapLimitBytes
  }

  /** Of all threads that this slot has had. */
  get collections(): Collections {
    const now = this.thread?.collections ?? NO_COLLECTIONS
    return {
      youngCount: this.before.youngCount + now.youngCount,
      youngMs: this.before.youngMs + now.youngMs,
      oldCount: this.before.oldCount + now.oldCount,
      oldMs: this.before.oldMs + now.oldMs,
    }
  }
}

function plus(a: TimeShares, b: TimeShares): TimeShares {
  return {
    busyMs: a.busyMs + b.busyMs,
    backPressuredMs: a.backPressuredMs + b.backPressuredMs,
    elapsedMs: a.elapsedMs + b.elapsedMs,
  }
}

function minus(a: TimeShares, b: TimeShares): TimeShares {
  return plus(a, { busyMs: -b.busyMs, backPressuredMs: -b.backPressuredMs, elapsedMs: -b.elapsedMs })
}
