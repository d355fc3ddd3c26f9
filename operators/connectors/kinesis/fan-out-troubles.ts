import { backoffMs } from '../../../runtime/aws/backoff.js'
import type { Counter } from '../../../runtime/contract/metrics.js'
import { steadyTime } from '../../../runtime/contract/time.js'
import { subscriptionTrouble, type SubscriptionTrouble } from './fan-out-errors.js'
import type { FanOutReader } from './fan-out-reader.js'

/** Another subscription is in the way for five seconds; the service takes one call a second. */
const REFUSED = { leastMs: 1_000, baseMs: 500, maxMs: 4_000 }
const BROKEN = { leastMs: 0, baseMs: 200, maxMs: 10_000 }
const TAKEN_OVER_TOO_OFTEN = 3

/** What has gone wrong with the subscriptions of one shard since the last event: how long to wait, and when to say so. Slot thread. */
export class SubscriptionTroubles {
  private readonly reader: FanOutReader
  private readonly what: string
  private readonly refused: Counter
  private readonly broken: Counter
  private inARow = 0
  private backOff = BROKEN
  private sinceMs = 0
  private told = false
  private takenOver = 0

  /** `what`: for warnings. */
  constructor(reader: FanOutReader, what: string) {
    this.reader = reader
    this.what = what
    this.refused = reader.ctx.metrics.counter('numSubscriptionsRefused')
    this.broken = reader.ctx.metrics.counter('numSubscriptionsBroken')
  }

  /** Counts it if asking again may help. `live`: events had come by this subscription. */
  note(error: unknown, live: boolean): SubscriptionTrouble {
    const trouble = subscriptionTrouble(error)
    if (trouble === 'broken') this.count(this.broken, BROKEN, error)
    if (trouble === 'in-use' || trouble === 'throttled') this.count(this.refused, REFUSED, error)
    if (trouble === 'in-use' && live) this.tellOfRival()
    return trouble
  }

  /** The service's clock has not come to the start: waiting mends it. */
  noteEarly(error: unknown): SubscriptionTrouble {
    this.count(this.refused, REFUSED, error)
    return 'throttled'
  }

  /** Before the next call. Milliseconds. */
  waitMs(): number {
    if (this.inARow === 0) return 0
    return this.backOff.leastMs + backoffMs(this.inARow, { ...this.backOff, random: this.reader.ctx.random })
  }

  /** An event has come. */
  over(): void {
    this.inARow = 0
    this.told = false
  }

  private count(counter: Counter, backOff: typeof BROKEN, error: unknown): void {
    const { ctx, times } = this.reader
    counter.inc()
    this.backOff = backOff
    if (this.inARow++ === 0) this.sinceMs = steadyTime(ctx.clock)
    if (steadyTime(ctx.clock) - this.sinceMs >= times.warnAfterMs) this.tellOfOutage(error)
  }

  private tellOfOutage(error: unknown): void {
    if (this.told) return
    this.told = true
    const seconds = Math.round((steadyTime(this.reader.ctx.clock) - this.sinceMs) / 1000)
    const { name, message } = error as Error
    this.reader.ctx.warn(`${this.what}: no subscription for ${seconds} s (${name}: ${message}); trying on`)
  }

  /** A reader that is left from before takes over once at most. */
  private tellOfRival(): void {
    if (++this.takenOver !== TAKEN_OVER_TOO_OFTEN) return
    this.reader.ctx.warn(
      `${this.what}: somebody else subscribes with the same consumer, again and again; each job needs its own`,
    )
  }
}
