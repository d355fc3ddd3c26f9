import type { TimeShares } from '../metrics/figures.js'

/**
 * How one subtask spends its time. The clock is read a few times a batch, never for a record; it counts whole milliseconds, which adds up
 * to the truth over many readings. Slot thread.
 */
export class TaskTime {
  private readonly sinceMs: number
  private busyMs = 0
  private backPressuredMs = 0
  private stuckSinceMs: number | undefined

  constructor(nowMs: number) {
    this.sinceMs = nowMs
  }

  /** It worked from then till now. */
  worked(fromMs: number, nowMs: number): void {
    this.unstuck(fromMs)
    this.busyMs += nowMs - fromMs
  }

  /** It has something to do and cannot. */
  stuck(nowMs: number): void {
    this.stuckSinceMs ??= nowMs
  }

  /** It has nothing to do. */
  unstuck(nowMs: number): void {
    if (this.stuckSinceMs === undefined) return
    this.backPressuredMs += Math.max(0, nowMs - this.stuckSinceMs)
    this.stuckSinceMs = undefined
  }

  shares(nowMs: number): TimeShares {
    const stuckMs = this.stuckSinceMs === undefined ? 0 : Math.max(0, nowMs - this.stuckSinceMs)
    return { busyMs: this.busyMs, backPressuredMs: this.backPressuredMs + stuckMs, elapsedMs: nowMs - this.sinceMs }
  }
}
