import type { Clock } from '../contract/time.js'

/** A clock that stands still until a test moves it. */
export class VirtualClock implements Clock {
  private nowMs: number
  private readonly waiting = new Set<{ readonly atMs: number; readonly callback: () => void }>()

  constructor(startMs: number) {
    this.nowMs = startMs
  }

  now(): number {
    return this.nowMs
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    const entry = { atMs: this.nowMs + Math.max(0, delayMs), callback }
    this.waiting.add(entry)
    return () => void this.waiting.delete(entry)
  }

  /** Moves on to `ms`, never back; calls what comes due on the way, in order of time. */
  advanceTo(ms: number): void {
    for (;;) {
      const [next] = [...this.waiting].filter(({ atMs }) => atMs <= ms).sort((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      this.waiting.delete(next)
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.callback()
    }
    this.nowMs = Math.max(this.nowMs, ms)
  }
}
