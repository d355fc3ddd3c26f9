/** Grows by so many entries with each request that went well: Flink's default. */
const INCREASE = 10
const DECREASE = 0.5

/**
 * How many entries may be under way: additive increase, multiplicative decrease, as in Flink's AIMDScalingStrategy (FLIP-171). Starts at
 * the most. One episode of throttling halves it once: requests that were under way already when it was halved don't halve it again.
 */
export class SendRate {
  private readonly most: number
  private entries: number
  private episode = 0

  constructor(mostEntries: number) {
    this.most = mostEntries
    this.entries = mostEntries
  }

  /** Entries that may be under way, at least 1. */
  get limit(): number {
    return Math.floor(this.entries)
  }

  /** To be noted when a request leaves, and given back with its outcome. */
  get ticket(): number {
    return this.episode
  }

  succeeded(): void {
    this.entries = Math.min(this.most, this.entries + INCREASE)
  }

  /** False if the request left before the rate was last lowered. */
  throttled(ticket: number): boolean {
    if (ticket !== this.episode) return false
    this.episode++
    this.entries = Math.max(1, this.entries * DECREASE)
    return true
  }
}
