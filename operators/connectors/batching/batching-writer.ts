import { awsFailure } from '../../../runtime/aws/aws-errors.js'
import type { MillraceError } from '../../../runtime/contract/errors.js'
import type { SinkWriter, SinkWriterContext } from '../../../runtime/contract/sink.js'
import { steadyTime } from '../../../runtime/contract/time.js'
import { BatchSender, type SendListener } from './batch-sender.js'
import { type BatchingOptions, Refusal, type SendOutcome } from './batching-options.js'
import type { Pending } from './entry-queue.js'
import { Generation } from './generation.js'
import { KeyLanes } from './key-lanes.js'
import { OutageWatch } from './outage-watch.js'
import { SendMetrics } from './send-metrics.js'

const DEFAULT_MAX_BUFFERED_ENTRIES = 10_000
const DEFAULT_MAX_BUFFERED_BYTES = 32 * 1024 * 1024

/**
 * Writes records into a service that takes them in batches: the writer of every request-per-batch sink, at-least-once or idempotent.
 *
 *     write -> encode -> lane of its key -> sender -> delivered | rejected
 *
 * Invariant: what was written is in a lane or in the sender until it is delivered or rejected, and `flush` resolves when that is so for
 * all that were written before it. What the service does not take is sent again alone, in jittered steps; throttling lowers the rate; what
 * fails for too long fails the job: nothing is dropped. Semantics: Flink's AsyncSinkWriter (FLIP-171). Slot thread. Failures are
 * MILLRACE_OUTPUT, thrown by `write`, `busy` and `flush`.
 */
export class BatchingWriter<In, Entry> implements SinkWriter<In> {
  private readonly options: BatchingOptions<In, Entry>
  private readonly ctx: SinkWriterContext
  private readonly maxEntryBytes: number
  private readonly maxBufferedEntries: number
  private readonly maxBufferedBytes: number
  private readonly sender: BatchSender<In, Entry>
  private readonly outage: OutageWatch
  private readonly metrics: SendMetrics
  private readonly lanes = new KeyLanes<In, Entry>()
  /** Those with entries outstanding. */
  private readonly generations = new Set<Generation>()
  private generation = new Generation()
  private bufferedEntries = 0
  private bufferedBytes = 0
  private flushes = 0
  private waitingForRoom: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = []
  private failure: MillraceError | undefined
  private closed = false

  constructor(ctx: SinkWriterContext, options: BatchingOptions<In, Entry>) {
    const { maxEntryBytes = Infinity, maxRequestBytes, maxBufferedEntries, maxBufferedBytes } = options.limits
    this.ctx = ctx
    this.options = options
    this.maxEntryBytes = Math.min(maxEntryBytes, maxRequestBytes)
    this.maxBufferedEntries = maxBufferedEntries ?? DEFAULT_MAX_BUFFERED_ENTRIES
    this.maxBufferedBytes = maxBufferedBytes ?? DEFAULT_MAX_BUFFERED_BYTES
    this.outage = new OutageWatch(ctx, options.about, options.giveUpMs)
    this.sender = new BatchSender(ctx.clock, options, this.listener())
    this.metrics = new SendMetrics(ctx.metrics, {
      inFlight: () => this.sender.requestsInFlight,
      buffered: () => this.bufferedEntries,
    })
  }

  write(value: In, timestamp: number): void {
    if (this.failure !== undefined) throw this.failure
    const { options, generation } = this
    const entry = options.encode(value, timestamp)
    if (entry instanceof Refusal) return this.reject(undefined, value, timestamp, entry.reason)
    const bytes = options.sizeOf(entry)
    if (bytes > this.maxEntryBytes) {
      return this.reject(entry, value, timestamp, `${bytes} bytes, over the limit of ${this.maxEntryBytes} bytes`)
    }
    const key = options.orderKey?.(entry)
    const waiting = key !== undefined && options.lastWins === true ? this.lanes.lastWaiting(key) : undefined
    this.bufferedBytes += bytes - (waiting?.bytes ?? 0)
    // The newer value takes the place of the older one, and whoever waits for the older one waits for it.
    if (waiting !== undefined) return void Object.assign(waiting, { entry, value, timestamp, bytes })
    const pending = { entry, value, timestamp, bytes, key, generation, attempts: 0, failingSinceMs: NaN }
    this.bufferedEntries++
    generation.entered()
    this.generations.add(generation)
    if (key !== undefined && !this.lanes.enter(key, pending)) return
    this.sender.add(pending)
    if (this.flushes > 0) this.sender.hurry()
  }

  busy(): Promise<void> | undefined {
    if (this.failure !== undefined) throw this.failure
    if (this.hasRoom()) return undefined
    // Company would be waited for in vain: no record comes while the writer is busy.
    this.sender.hurry()
    return new Promise((resolve, reject) => this.waitingForRoom.push({ resolve, reject }))
  }

  async flush(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    this.generation = new Generation()
    this.flushes++
    this.sender.hurry()
    try {
      await Promise.all([...this.generations].map((generation) => generation.settled()))
    } finally {
      this.flushes--
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.sender.close()
    await this.options.close?.()
  }

  private listener(): SendListener<In, Entry> {
    return {
      delivered: (pending) => {
        this.metrics.sent.inc(this.options.countOf?.(pending.entry) ?? 1)
        this.leave(pending)
      },
      refused: (pending, reason) => {
        this.reject(pending.entry, pending.value, pending.timestamp, reason)
        this.leave(pending)
      },
      retried: (pending, outcome) => this.noteRetry(pending, outcome),
      failed: (error) => this.fail(error),
      answered: (ms) => {
        this.metrics.took(ms)
        this.giveRoom()
      },
    }
  }

  private hasRoom(): boolean {
    return this.bufferedEntries < this.maxBufferedEntries && this.bufferedBytes < this.maxBufferedBytes
  }

  private noteRetry(pending: Pending<In, Entry>, outcome: SendOutcome<Entry> & { readonly kind: 'retry' }): void {
    if (outcome.entry !== undefined) {
      const bytes = this.options.sizeOf(outcome.entry)
      this.bufferedBytes += bytes - pending.bytes
      pending.entry = outcome.entry
      pending.bytes = bytes
    }
    if (outcome.failed === false) {
      pending.attempts = 0
      pending.failingSinceMs = NaN
      return
    }
    this.metrics.retries.inc()
    pending.attempts++
    if (Number.isNaN(pending.failingSinceMs)) pending.failingSinceMs = steadyTime(this.ctx.clock)
    this.outage.failed(pending.failingSinceMs, outcome.reason)
  }

  /** It is delivered or rejected. */
  private leave(pending: Pending<In, Entry>): void {
    const { key, generation } = pending
    this.bufferedEntries--
    this.bufferedBytes -= pending.bytes
    const next = key === undefined ? undefined : this.lanes.settled(key)
    if (next !== undefined) this.sender.addUrgent(next)
    if (generation.left()) this.generations.delete(generation)
  }

  private reject(entry: Entry | undefined, value: In, timestamp: number, reason: string): void {
    this.metrics.errors.inc()
    if (this.options.reject === undefined) this.ctx.reject(value, timestamp, reason)
    else this.options.reject(entry, value, timestamp, reason)
  }

  private fail(error: unknown): void {
    this.failure = awsFailure(error, this.options.about)
    for (const { reject } of this.waitingForRoom.splice(0)) reject(this.failure)
    for (const generation of this.generations) generation.fail(this.failure)
  }

  private giveRoom(): void {
    if (this.waitingForRoom.length === 0 || !this.hasRoom()) return
    for (const { resolve } of this.waitingForRoom.splice(0)) resolve()
  }
}
