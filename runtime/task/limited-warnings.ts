import type { Clock } from '../contract/time.js'

const LINES_PER_SECOND = 5

/** Shows a few warnings a second and counts the rest. Slot thread. */
export class LimitedWarnings {
  private readonly clock: Clock
  private readonly warn: (message: string) => void
  /** What the hidden ones are: `invalid records`. */
  private readonly what: string
  private second = -Infinity
  private shown = 0
  private hidden = 0

  constructor(clock: Clock, what: string, warn: (message: string) => void) {
    this.clock = clock
    this.what = what
    this.warn = warn
  }

  /** Whether another one may be shown now. */
  next(): boolean {
    const second = Math.floor(this.clock.now() / 1000)
    if (second !== this.second) {
      if (this.hidden > 0) this.warn(`${this.hidden} more ${this.what}`)
      this.second = second
      this.shown = 0
      this.hidden = 0
    }
    if (this.shown++ < LINES_PER_SECOND) return true
    this.hidden++
    return false
  }
}
