/**
 * Invariant: at most `capacity` calls are under way; what came of a record leaves once, from the slot's loop, behind the watermarks that
 * were before it; a barrier and the end of input wait until nothing is under way, so checkpoints hold no calls.
 *
 *   record --> [ queue ] --> call ... done --> task on the loop --> results, then the watermark behind
 */
import { MillraceError } from '../../runtime/contract/errors.js'
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { Output } from '../../runtime/contract/output.js'
import { MIN_WATERMARK } from '../../runtime/contract/time.js'
import type { AsyncFunction } from './async-function.js'
import { AsyncRecord } from './async-record.js'
import type { RetryDelay } from './async-retry.js'
import { Deadlines } from './deadlines.js'
import { Fifo } from './fifo.js'
import { Generations } from './generations.js'
import { RecordQueue } from './record-queue.js'

/** What an asynchronous operator is set to. */
export interface AsyncSettings<In, Out> {
  readonly fn: AsyncFunction<In, Out>
  readonly capacity: number
  readonly timeoutMs: number
  readonly ordered: boolean
  readonly retryDelay: RetryDelay
}

/** Runs an {@link AsyncFunction}. Slot thread. */
export class AsyncOperator<In, Out> implements Operator<In, Out> {
  private readonly settings: AsyncSettings<In, Out>
  private readonly queue: RecordQueue<AsyncRecord<In, Out>>
  /** One record may have made several: they wait to be begun. */
  private readonly unbegun = new Fifo<AsyncRecord<In, Out>>()
  private readonly underWay = new Set<AsyncRecord<In, Out>>()
  private deadlines!: Deadlines<AsyncRecord<In, Out>>
  private host!: OperatorContext<Out>
  private readonly generations = new Generations()
  private readonly sides = new Map<string, Output<unknown>>()
  private leaving = false
  private beginning = false
  private room: Promise<void> | undefined
  private endPause: () => void = () => {}

  constructor(settings: AsyncSettings<In, Out>) {
    this.settings = settings
    this.queue = new RecordQueue(settings.ordered, MIN_WATERMARK)
  }

  open(host: OperatorContext<Out>): void | Promise<void> {
    this.host = host
    const over = (record: AsyncRecord<In, Out>): boolean => record.done
    this.deadlines = new Deadlines(host.clock, this.settings.timeoutMs, over, (record) => this.timedOut(record))
    host.metrics.gauge('asyncRecordsInFlight', () => this.queue.size)
    return this.settings.fn.open?.(host)
  }

  processElement(value: In, timestamp: number): void {
    const failed = this.host.failureOf(value, timestamp)
    const record = new AsyncRecord<In, Out>(value, timestamp, this.generations.add(), failed)
    this.queue.add(record)
    this.unbegun.push(record)
    this.beginMore()
  }

  processWatermark(watermark: number): void {
    this.queue.addWatermark(watermark)
  }

  holdWatermark(watermark: number): number {
    return this.queue.size === 0 ? watermark : Math.min(watermark, this.queue.passed)
  }

  busy(): Promise<void> | undefined {
    if (this.queue.size < this.settings.capacity) return undefined
    this.room ??= new Promise((resolve) => (this.endPause = resolve))
    return this.room
  }

  settled(): Promise<void> | undefined {
    return this.generations.settled()
  }

  prepareBarrier(): Promise<void> | undefined {
    return this.settled()
  }

  finish(): Promise<void> | undefined {
    return this.settled()
  }

  close(): void | Promise<void> {
    this.deadlines.close()
    for (const record of this.underWay) this.giveUp(record, new Error('the attempt of the job has ended'))
    this.underWay.clear()
    return this.settings.fn.close?.()
  }

  /** A function that does not wait ends before its call returns, which begins the next one: a loop, or the stack would grow. */
  private beginMore(): void {
    if (this.beginning) return
    this.beginning = true
    while (this.unbegun.length > 0 && this.underWay.size < this.settings.capacity) {
      const record = this.unbegun.shift()!
      this.underWay.add(record)
      this.deadlines.add(record)
      this.call(record)
    }
    this.beginning = false
  }

  private call(record: AsyncRecord<In, Out>): void {
    const call = ++record.call
    const current = (): boolean => record.call === call && !record.done
    let result: Promise<void> | void
    try {
      result = this.settings.fn.onElement(record.value, record)
    } catch (error) {
      return this.failed(record, error)
    }
    if (result === undefined) return this.finished(record)
    result.then(
      () => current() && this.finished(record),
      (error: unknown) => current() && this.failed(record, error),
    )
  }

  private failed(record: AsyncRecord<In, Out>, error: unknown): void {
    record.failures++
    const delayMs = this.settings.retryDelay(record.failures, error)
    if (delayMs === undefined) return this.fail(record, error)
    record.forget()
    this.host.metrics.counter('numAsyncRetries').inc()
    record.cancelRetry = this.host.clock.setTimeout(() => this.call(record), delayMs)
  }

  private timedOut(record: AsyncRecord<In, Out>): void {
    const { fn, timeoutMs } = this.settings
    this.host.metrics.counter('numAsyncTimeouts').inc()
    const error = new MillraceError('MILLRACE_USER', `a record was not done ${timeoutMs} ms after its call`, {
      hint: 'give asyncMap or asyncProcess a longer `timeout`, or `onTimeout` to go on without',
    })
    this.giveUp(record, error)
    if (fn.onTimeout === undefined) return this.fail(record, error)
    record.forget()
    try {
      fn.onTimeout(record.value, record)
    } catch (thrown) {
      return this.fail(record, thrown)
    }
    this.finished(record)
  }

  private giveUp(record: AsyncRecord<In, Out>, reason: Error): void {
    record.call++
    record.abort(reason)
  }

  private fail(record: AsyncRecord<In, Out>, error: unknown): void {
    record.call++
    this.host.execute(() => {
      record.failed(error)
      record.forget()
      this.finished(record)
    })
  }

  private finished(record: AsyncRecord<In, Out>): void {
    this.underWay.delete(record)
    this.queue.done(record)
    this.beginMore()
    this.leaveSoon()
  }

  private leaveSoon(): void {
    if (this.leaving || this.queue.next() === undefined) return
    this.leaving = true
    this.host.execute(this.leave)
  }

  /** One record at a time: what is behind the operator may not be able to take more. */
  private readonly leave = (): void => {
    this.leaving = false
    const record = this.queue.next()!
    record.leave(this.host.output, this.side)
    if (this.queue.shift()) this.host.releaseWatermark()
    this.generations.left(record.generation)
    if (this.room !== undefined && this.queue.size < this.settings.capacity) {
      this.room = undefined
      this.endPause()
    }
    this.leaveSoon()
  }

  private readonly side = (tag: string): Output<unknown> => {
    let output = this.sides.get(tag)
    if (output === undefined) this.sides.set(tag, (output = this.host.sideOutput(tag)))
    return output
  }
}
