import type { Output } from '../contract/output.js'
import type { InvalidRecord } from '../contract/source.js'
import type { Clock } from '../contract/time.js'
import { LimitedWarnings } from './limited-warnings.js'

const SHOWN_CHARACTERS = 300

/**
 * Where invalid records go that the job does not read: a few a second are shown as warnings, the rest are only counted
 * (`numInvalidRecords`). Nothing is dropped silently, and a broken input floods nobody. Slot thread.
 */
export class UnreadInvalid implements Output<unknown> {
  private readonly warn: (message: string) => void
  private readonly warnings: LimitedWarnings

  constructor(clock: Clock, warn: (message: string) => void) {
    this.warn = warn
    this.warnings = new LimitedWarnings(clock, 'invalid records', warn)
  }

  emit(value: unknown): void {
    if (!this.warnings.next()) return
    const { raw, reason, source } = value as InvalidRecord
    const excerpt = raw.length > SHOWN_CHARACTERS ? `${raw.slice(0, SHOWN_CHARACTERS)}…` : raw
    this.warn(`invalid record at ${source}: ${reason}: ${excerpt}`)
  }
}
