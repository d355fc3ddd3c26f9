import type { Output } from '../contract/output.js'
import type { InvalidRecord } from '../contract/source.js'
import type { Clock } from '../contract/time.js'

const LINES_PER_SECOND = 5
const SHOWN_CHARACTERS = 300

/**
 * Where invalid records go that the job does not read: a few a second are shown as warnings, the rest are only counted
 * (`numInvalidRecords`). Nothing is dropped silently, and a broken input floods nobody. Slot thread.
 */
export class UnreadInvalid implements Output<unknown> {
  private readonly clock: Clock
  private readonly warn: (message: string) => void
  private second = -Infinity
  private shown = 0
  private hidden = 0

  constructor(clock: Clock, warn: (message: string) => void) {
    this.clock = clock
    this.warn = warn
  }

  emit(value: unknown): void {
    const second = Math.floor(this.clock.now() / 1000)
    if (second !== this.second) {
      if (this.hidden > 0) this.warn(`${this.hidden} more invalid records`)
      this.second = second
      this.shown = 0
      this.hidden = 0
    }
    if (this.shown++ >= LINES_PER_SECOND) {
      this.hidden++
      return
    }
    const { raw, reason, source } = value as InvalidRecord
    const excerpt = raw.length > SHOWN_CHARACTERS ? `${raw.slice(0, SHOWN_CHARACTERS)}…` : raw
    this.warn(`invalid record at ${source}: ${reason}: ${excerpt}`)
  }
}
