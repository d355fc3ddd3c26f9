import { MillraceError } from '../../runtime/contract/errors.js'
import type { Counter } from '../../runtime/contract/metrics.js'
import type { OperatorContext } from '../../runtime/contract/operator.js'
import type { Output } from '../../runtime/contract/output.js'

/** The side output of late records unless the user names another. */
export const LATE_TAG = 'late'

/** What becomes of a late record: it goes to the late output as it came, or, if nobody reads that, is dropped and counted. */
export class LateRecords {
  private readonly output: Output<unknown> | undefined
  private readonly dropped: Counter
  private readonly uid: string

  constructor(ctx: OperatorContext<never>, tag: string | undefined) {
    this.output = tag !== undefined && ctx.hasSideOutput(tag) ? ctx.sideOutput(tag) : undefined
    this.uid = ctx.uid
    this.dropped = ctx.metrics.counter('numLateRecordsDropped')
  }

  take(value: unknown, timestamp: number): void {
    if (this.output === undefined) this.dropped.inc()
    else this.output.emit(value, timestamp)
  }

  /** Records that come combined are not what the late output is to get; where somebody reads it, none may come late. */
  takePartial(count: number): void {
    if (this.output === undefined) return this.dropped.inc(count)
    throw new MillraceError(
      'MILLRACE_INTERNAL',
      `${count} combined records came too late to the operator "${this.uid}"`,
    )
  }
}
