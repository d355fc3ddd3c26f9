/**
 * Invariant: whatever CloudWatch does, the job neither waits nor fails. What cannot be sent waits in a bounded queue, the oldest goes
 * first when that is full, and one warning in a while says so.
 *
 *   series --> data points --> calls --> [ queue, bounded ] --> one call at a time
 */
import type { MetricDatum } from '@aws-sdk/client-cloudwatch'
import { awsFailure, isTransient } from '../aws/aws-errors.js'
import { toBatches } from './cloudwatch-batches.js'
import type { CloudWatchCalls } from './cloudwatch-client.js'
import { fits, toData } from './cloudwatch-datum.js'
import type { Series } from './series.js'

/** Calls that may wait. At 500 series and a minute between them: an hour's outage. */
const MAX_QUEUED = 60
const WARN_EVERY_MS = 300_000

/** Where a reporter publishes. */
export interface CloudWatchReporterOptions {
  readonly calls: CloudWatchCalls
  readonly namespace: string
  readonly intervalMs: number
  readonly warn: (message: string) => void
  /** Milliseconds; for the time between warnings only. */
  readonly now: () => number
}

/** Publishes series to CloudWatch. Main thread. */
export class CloudWatchReporter {
  private readonly options: CloudWatchReporterOptions
  private readonly queue: MetricDatum[][] = []
  private readonly aborting = new AbortController()
  private sending: Promise<void> | undefined
  private lost = 0
  private warnedMs = -Infinity
  private failing = false

  constructor(options: CloudWatchReporterOptions) {
    this.options = options
  }

  /** Returns at once. */
  publish(series: readonly Series[], atMs: number): void {
    const { intervalMs } = this.options
    const data = series.filter(({ dimensions }) => fits(dimensions)).flatMap((one) => toData(one, { atMs, intervalMs }))
    this.queue.push(...toBatches(data))
    while (this.queue.length > MAX_QUEUED) this.lost += this.queue.shift()!.length
    this.sending ??= this.send().finally(() => {
      this.sending = undefined
    })
  }

  /** Sends what waits, for so long at most. Never rejects. */
  async close(withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    // The SDK does not give up between two attempts when it is told to: it is left alone then.
    const tooLate = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs)
    })
    await Promise.race([this.rest(), tooLate])
    clearTimeout(timer)
    this.aborting.abort()
    this.options.calls.close()
  }

  private async rest(): Promise<void> {
    // What is under way may have begun before the last series were there, and have failed since.
    await this.sending
    await this.send()
  }

  /** Until nothing waits, or something does not get through: that is tried again with the next series. */
  private async send(): Promise<void> {
    const { calls, namespace } = this.options
    for (let next = this.queue[0]; next !== undefined; next = this.queue[0]) {
      try {
        await calls.putMetricData(namespace, next, this.aborting.signal)
        this.queue.splice(this.queue.indexOf(next), 1)
        this.succeeded()
      } catch (error) {
        const again = isTransient(error)
        // While it was being sent the queue may have got too long for it.
        const at = this.queue.indexOf(next)
        if (!again && at >= 0) {
          this.queue.splice(at, 1)
          this.lost += next.length
        }
        this.failed(error)
        if (again) return
      }
    }
  }

  private succeeded(): void {
    if (!this.failing) return
    this.failing = false
    const lost = this.lost === 0 ? '' : `; ${this.lost} data points are lost`
    this.options.warn(`CloudWatch takes metrics again${lost}`)
    this.lost = 0
  }

  private failed(error: unknown): void {
    const now = this.options.now()
    this.failing = true
    if (now - this.warnedMs < WARN_EVERY_MS) return
    this.warnedMs = now
    const { calls, namespace } = this.options
    const { message, hint } = awsFailure(error, {
      code: 'MILLRACE_OUTPUT',
      resource: `CloudWatch namespace "${namespace}"`,
      region: calls.region,
      permission: 'cloudwatch:PutMetricData',
    })
    const lost = this.lost === 0 ? '' : `; ${this.lost} data points are lost`
    this.options.warn(`metrics are not published, the job goes on: ${message}${lost} (${hint ?? ''})`)
  }
}
