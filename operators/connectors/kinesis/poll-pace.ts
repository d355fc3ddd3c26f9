/** How often a shard is polled. Milliseconds between two calls. */
export interface PaceOptions {
  /** While there is more to read. The service allows 5 calls a second, to all that poll the shard together. */
  readonly fastestMs: number
  /** When nothing comes. */
  readonly idleMs: number
  /** The service gives 2 MB a second, to all that poll the shard together. */
  readonly bytesPerSecond: number
  /** In [0, 1). */
  readonly random: () => number
}

/** After throttling the time between calls grows up to so much. */
const SLOWEST_MS = 5_000
const EASE = 0.9

/**
 * When a shard is polled next. Behind its tip: as fast as allowed. Nothing new: slower and slower, up to `idleMs`. Throttled: twice as
 * slow, jittered, and easing off with each answer (others poll the shard too, and nobody says how many). What an answer weighed is
 * waited for: a call for more than the shard's share would be refused.
 */
export class PollPace {
  private readonly options: PaceOptions
  private intervalMs: number
  /** Throttling has taught that less is refused. */
  private floorMs: number
  private nextAtMs = -Infinity

  constructor(options: PaceOptions) {
    this.options = options
    this.floorMs = options.fastestMs
    this.intervalMs = options.fastestMs
  }

  /** Milliseconds until the next call. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.nextAtMs - nowMs)
  }

  /** A call that was sent at `sentMs` brought so much. */
  answered(sentMs: number, records: number, bytes: number, behind: boolean): void {
    const { fastestMs, idleMs, bytesPerSecond } = this.options
    this.floorMs = Math.max(fastestMs, this.floorMs * EASE)
    if (behind) this.intervalMs = this.floorMs
    else if (records > 0) this.intervalMs = Math.min(idleMs, this.floorMs * 2)
    else this.intervalMs = Math.min(idleMs, this.intervalMs * 2)
    const interval = Math.max(this.floorMs, this.intervalMs)
    this.nextAtMs = sentMs + Math.max(interval, (bytes / bytesPerSecond) * 1_000)
  }

  /** The service refused a call. */
  throttled(nowMs: number): void {
    this.floorMs = Math.min(SLOWEST_MS, this.floorMs * 2)
    this.nextAtMs = nowMs + this.floorMs * (0.5 + this.options.random())
  }

  /** A call failed for another reason: the next one after so long. */
  failed(nowMs: number, waitMs: number): void {
    this.nextAtMs = nowMs + Math.max(this.options.fastestMs, waitMs)
  }
}
