import type { Counter, MetricGroup } from '../../../runtime/contract/metrics.js'
import type { Clock } from '../../../runtime/contract/time.js'

const INTERVAL_MS = 1000
const LONGEST_LINE = 1000

/** What it needs of the sink's context. */
export interface LimitedLinesContext {
  readonly uid: string
  readonly clock: Clock
  readonly metrics: MetricGroup
  warn(message: string): void
}

/**
 * Warnings, at most so many in each second that has any; then one line that says how many more there were. Lines over 1,000
 * characters are cut. The counters `consoleLines` and `consoleLinesNotShown` count all of them. Slot thread.
 */
export class LimitedLines {
  private readonly ctx: LimitedLinesContext
  private readonly most: number
  private readonly all: Counter
  private readonly notShown: Counter
  private shown = 0
  private more = 0
  private cancel: (() => void) | undefined

  constructor(ctx: LimitedLinesContext, mostPerSecond: number) {
    this.ctx = ctx
    this.most = mostPerSecond
    this.all = ctx.metrics.counter('consoleLines')
    this.notShown = ctx.metrics.counter('consoleLinesNotShown')
  }

  add(line: string): void {
    this.all.inc()
    this.cancel ??= this.ctx.clock.setTimeout(() => this.endInterval(), INTERVAL_MS)
    if (this.shown < this.most) {
      this.shown++
      this.warn(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}… (${line.length} characters)` : line)
    } else {
      this.more++
      this.notShown.inc()
    }
  }

  close(): void {
    this.cancel?.()
    this.endInterval()
  }

  private endInterval(): void {
    const { more } = this
    this.cancel = undefined
    this.shown = this.more = 0
    if (more > 0) this.warn(`… ${more} more`)
  }

  private warn(line: string): void {
    this.ctx.warn(`${this.ctx.uid}: ${line}`)
  }
}
