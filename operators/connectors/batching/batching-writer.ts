import { awsFailure } from '../../../runtime/aws/aws-errors.js'
import { backoffMs } from '../../../runtime/aws/backoff.js'
import type { MillraceError } from '../../../runtime/contract/errors.js'
import type { SinkWriter, SinkWriterContext } from '../../../runtime/contract/sink.js'
import { type BatchingOptions, Refusal, type SendOutcome } from './batching-options.js'
import { EntryQueue, type Pending } from './entry-queue.js'
import { Generation } from './generation.js'
import { KeyLanes } from './key-lanes.js'
import { OutageWatch } from './outage-watch.js'
import { SendMetrics } from './send-metrics.js'
import { SendRate } from './send-rate.js'
import { type RequestResult, sendRequest } from './send-request.js'

const DEFAULT_MAX_IN_FLIGHT = 8
const DEFAULT_MAX_BUFFERED_ENTRIES = 10_000
const DEFAULT_MAX_BUFFERED_BYTES = 32 * 1024 * 1024
const DEFAULT_LINGER_MS = 100
const DEFAULT_BACKOFF = { baseMs: 100, maxMs: 2_000 }
/** What a request under way may take to settle when the writer is closed: it must not land behind those of the next attempt. */
const CLOSE_WAIT_MS = 5_000

/**
 * Writes records into a service that takes them in batches: the writer of every request-per-batch sink, at-least-once or idempotent.
 *
 *     write -> encode -> lane of its key -> fresh --full, lingered, busy or flush--> request -> delivered | rejected
 *                                           urgent <- backoff <- not taken -----------'
 *
 * Invariant: an entry is in exactly one place (a lane, `fresh`, `urgent`, a request, a backoff) until it is delivered or rejected, and
 * `flush` resolves when that is so for all that were written before it. What is not taken is sent again alone, in jittered steps;
 * throttling lowers the rate; what fails for too long fails the job: nothing is dropped. Semantics: Flink's AsyncSinkWriter (FLIP-171).
 * Slot thread. Failures are MILLRACE_OUTPUT, thrown by `write`, `busy` and `flush`.
 */
export class BatchingWriter<In, Entry> implements SinkWriter<In> {
  private readonly options: BatchingOptions<In, Entry>
  private readonly ctx: SinkWriterContext
  private readonly maxEntryBytes: number
  private readonly maxInFlight: number
  private readonly maxBufferedEntries: number
  private readonly maxBufferedBytes: number
  private readonly lingerMs: number
  private readonly rate: SendRate
  private readonly outage: OutageWatch
  private readonly metrics: SendMetrics
  private readonly fresh = new EntryQueue<In, Entry>()
  private readonly urgent = new EntryQueue<In, Entry>()
  private readonly lanes = new KeyLanes<In, Entry>()
  private readonly aborting = new AbortController()
  private readonly requests = new Set<Promise<void>>()
  private readonly timers = new Set<() => void>()
  private readonly generations = new Set<Generation>()
  private inFlightEntries = 0
  private bufferedEntries = 0
  private bufferedBytes = 0
  /** How many of `fresh` need not wait for company any more. */
  private due = 0
  private lingering = false
  /** Whole requests that failed in a row; those of one episode count as one. */
  private fruitless = 0
  private paused = false
  private generation = new Generation()
  private flushes = 0
  private waitingForRoom: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[] = []
  private failure: MillraceError | undefined
  private closed = false

  constructor(ctx: SinkWriterContext, options: BatchingOptions<In, Entry>) {
    const { limits } = options
    this.ctx = ctx
    this.options = options
    this.maxEntryBytes = Math.min(limits.maxEntryBytes ?? Infinity, limits.maxRequestBytes)
    this.maxInFlight = limits.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT
    this.maxBufferedEntries = limits.maxBufferedEntries ?? DEFAULT_MAX_BUFFERED_ENTRIES
    this.maxBufferedBytes = limits.maxBufferedBytes ?? DEFAULT_MAX_BUFFERED_BYTES
    this.lingerMs = limits.lingerMs ?? DEFAULT_LINGER_MS
    this.rate = new SendRate(limits.maxEntries * this.maxInFlight)
    this.outage = new OutageWatch(ctx, options.about, options.giveUpMs)
    this.metrics = new SendMetrics(ctx.metrics, {
      inFlight: () => this.requests.size,
      buffered: () => this.bufferedEntries,
    })
  }

  write(value: In, timestamp: number): void {
    if (this.failure !== undefined) throw this.failure
    const { options, generation } = this
    const entry = options.encode(value, timestamp)
    if (entry instanceof Refusal) return this.refuse(undefined, value, timestamp, entry.reason)
    const bytes = options.sizeOf(entry)
    if (bytes > this.maxEntryBytes) {
      return this.refuse(entry, value, timestamp, `${bytes} bytes, over the limit of ${this.maxEntryBytes} bytes`)
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
    this.fresh.push(pending)
    if (this.isFull() || this.flushes > 0) this.pump()
    else this.linger()
  }

  busy(): Promise<void> | undefined {
    if (this.failure !== undefined) throw this.failure
    if (this.hasRoom()) return undefined
    // Company would be waited for in vain: no record comes while the writer is busy.
    this.due = this.fresh.length
    this.pump()
    return new Promise((resolve, reject) => this.waitingForRoom.push({ resolve, reject }))
  }

  async flush(): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    this.generation = new Generation()
    this.flushes++
    this.pump()
    try {
      await Promise.all([...this.generations].map((generation) => generation.settled()))
    } finally {
      this.flushes--
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    for (const cancel of this.timers) cancel()
    this.timers.clear()
    this.fresh.clear()
    this.urgent.clear()
    this.lanes.clear()
    await this.requestsSettled()
    this.aborting.abort()
    await this.options.close?.()
  }

  private async requestsSettled(): Promise<void> {
    if (this.requests.size === 0) return
    let cancel: () => void = () => undefined
    const late = new Promise<void>((resolve) => {
      cancel = this.ctx.clock.setTimeout(resolve, CLOSE_WAIT_MS)
    })
    await Promise.race([Promise.all(this.requests), late])
    cancel()
  }

  private hasRoom(): boolean {
    return this.bufferedEntries < this.maxBufferedEntries && this.bufferedBytes < this.maxBufferedBytes
  }

  private isFull(): boolean {
    const { maxEntries, maxRequestBytes } = this.options.limits
    return this.fresh.length >= Math.min(maxEntries, this.rate.limit) || this.fresh.bytes >= maxRequestBytes
  }

  private linger(): void {
    if (this.lingering) return
    this.lingering = true
    this.later(this.lingerMs, () => {
      this.lingering = false
      this.due = this.fresh.length
      this.pump()
    })
  }

  /** Sends what may be sent now. */
  private pump(): void {
    if (this.closed || this.failure !== undefined || this.paused) return
    const { maxEntries } = this.options.limits
    while (this.requests.size < this.maxInFlight) {
      const available = this.urgent.length + this.fresh.length
      if (available === 0) return
      if (this.urgent.length === 0 && this.due === 0 && this.flushes === 0 && !this.isFull()) break
      const size = Math.min(maxEntries, this.rate.limit, available)
      if (this.inFlightEntries > 0 && this.inFlightEntries + size > this.rate.limit) return
      this.request(this.take(size))
    }
    // What came behind a full request.
    if (this.fresh.length > this.due) this.linger()
  }

  private take(size: number): Pending<In, Entry>[] {
    const batch: Pending<In, Entry>[] = []
    const { maxRequestBytes } = this.options.limits
    let bytes = 0
    while (batch.length < size) {
      const queue = this.urgent.length > 0 ? this.urgent : this.fresh
      const next = queue.peek()
      if (next === undefined || (batch.length > 0 && bytes + next.bytes > maxRequestBytes)) break
      queue.shift()
      if (queue === this.fresh && this.due > 0) this.due--
      bytes += next.bytes
      batch.push(next)
    }
    return batch
  }

  private request(batch: readonly Pending<In, Entry>[]): void {
    this.inFlightEntries += batch.length
    const { ticket } = this.rate
    const startMs = this.ctx.clock.now()
    const entries = batch.map(({ entry }) => entry)
    const request = sendRequest(this.options, entries, this.aborting.signal)
      .then((result) => this.settle(batch, result, ticket))
      .catch((error: unknown) => this.fail(error))
      .then(() => {
        this.metrics.took(this.ctx.clock.now() - startMs)
        this.inFlightEntries -= batch.length
        this.requests.delete(request)
        this.pump()
        this.giveRoom()
      })
    this.requests.add(request)
  }

  private settle(
    batch: readonly Pending<In, Entry>[],
    { outcomes, failed }: RequestResult<Entry>,
    ticket: number,
  ): void {
    if (this.closed) return
    const again: Pending<In, Entry>[] = []
    let throttled = false
    for (let i = 0; i < batch.length; i++) {
      const pending = batch[i]!
      const outcome = outcomes?.[i]
      if (outcome?.kind === 'retry') {
        throttled ||= outcome.throttled ?? true
        this.noteRetry(pending, outcome)
        again.push(pending)
      } else if (outcome?.kind === 'refused') {
        this.refuse(pending.entry, pending.value, pending.timestamp, outcome.reason)
        this.leave(pending)
      } else {
        this.metrics.sent.inc(this.options.countOf?.(pending.entry) ?? 1)
        this.leave(pending)
      }
    }
    if (again.length > 0) this.sendLater(again)
    const lowered = throttled && this.rate.throttled(ticket)
    if (!throttled) this.rate.succeeded()
    if (!failed) this.fruitless = 0
    else if (lowered) this.pause()
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
    if (Number.isNaN(pending.failingSinceMs)) pending.failingSinceMs = this.ctx.clock.now()
    this.outage.failed(pending.failingSinceMs, outcome.reason)
  }

  private sendLater(again: readonly Pending<In, Entry>[]): void {
    const attempt = again.reduce((most, { attempts }) => Math.max(most, attempts), 1)
    this.later(this.waitMs(attempt), () => {
      this.urgent.pushFront(again)
      this.pump()
    })
  }

  /** A service that takes nothing is not asked by one request after the other. */
  private pause(): void {
    this.paused = true
    this.later(this.waitMs(++this.fruitless), () => {
      this.paused = false
      this.pump()
    })
  }

  private waitMs(attempt: number): number {
    const { backoff = DEFAULT_BACKOFF, random = Math.random } = this.options
    return backoffMs(attempt, { ...backoff, random })
  }

  /** It is delivered or rejected. */
  private leave(pending: Pending<In, Entry>): void {
    const { key, generation } = pending
    this.bufferedEntries--
    this.bufferedBytes -= pending.bytes
    const next = key === undefined ? undefined : this.lanes.settled(key)
    if (next !== undefined) this.urgent.push(next)
    if (generation.left()) this.generations.delete(generation)
  }

  private refuse(entry: Entry | undefined, value: In, timestamp: number, reason: string): void {
    this.metrics.errors.inc()
    if (this.options.reject === undefined) this.ctx.reject(value, timestamp, reason)
    else this.options.reject(entry, value, timestamp, reason)
  }

  private fail(error: unknown): void {
    if (this.closed || this.failure !== undefined) return
    this.failure = awsFailure(error, this.options.about)
    for (const { reject } of this.waitingForRoom.splice(0)) reject(this.failure)
    for (const generation of this.generations) generation.fail(this.failure)
  }

  private giveRoom(): void {
    if (this.waitingForRoom.length > 0 && this.hasRoom()) {
      for (const { resolve } of this.waitingForRoom.splice(0)) resolve()
    }
  }

  private later(delayMs: number, callback: () => void): void {
    const cancel = this.ctx.clock.setTimeout(() => {
      this.timers.delete(cancel)
      if (!this.closed && this.failure === undefined) callback()
    }, delayMs)
    this.timers.add(cancel)
  }
}
