import { setMaxListeners } from 'node:events'
import { backoffMs } from '../../../runtime/aws/backoff.js'
import { steadyTime, type Clock } from '../../../runtime/contract/time.js'
import type { BatchingOptions, SendOutcome } from './batching-options.js'
import { EntryQueue, type Pending } from './entry-queue.js'
import { SendRate } from './send-rate.js'
import { type RequestResult, sendRequest } from './send-request.js'
import { Timers } from './timers.js'

const DEFAULT_MAX_IN_FLIGHT = 8
const DEFAULT_LINGER_MS = 100
const DEFAULT_BACKOFF = { baseMs: 100, maxMs: 2_000 }
/** What a request under way may take to settle when the writer is closed: it must not land behind those of the next attempt. */
const CLOSE_WAIT_MS = 5_000

/** Whom a sender tells what became of entries. */
export interface SendListener<In, Entry> {
  delivered(pending: Pending<In, Entry>): void
  refused(pending: Pending<In, Entry>, reason: string): void
  /** Will be sent again, in place of it `outcome.entry` if there is one. Throws when it has been tried for too long. */
  retried(pending: Pending<In, Entry>, outcome: SendOutcome<Entry> & { readonly kind: 'retry' }): void
  failed(error: unknown): void
  /** A request is over; `ms` is how long it took. */
  answered(ms: number): void
}

/**
 * Fills requests and sends them.
 *
 *     fresh --full, lingered, or hurried--> request -> delivered | refused
 *     urgent <- backoff <- not taken ---------'
 *
 * Invariant: an entry is in exactly one place (`fresh`, `urgent`, a request, a backoff) until its listener has heard of it. After
 * `failed` nothing is sent any more. Slot thread.
 */
export class BatchSender<In, Entry> {
  private readonly options: BatchingOptions<In, Entry>
  private readonly clock: Clock
  private readonly listener: SendListener<In, Entry>
  private readonly maxInFlight: number
  private readonly rate: SendRate
  private readonly timers: Timers
  private readonly fresh = new EntryQueue<In, Entry>()
  private readonly urgent = new EntryQueue<In, Entry>()
  private readonly aborting = new AbortController()
  private readonly requests = new Set<Promise<void>>()
  private inFlightEntries = 0
  /** How many of `fresh` need not wait for company any more. */
  private due = 0
  private lingering = false
  /** Whole requests that failed in a row; those of one episode count as one. */
  private fruitless = 0
  private paused = false
  private stopped = false

  constructor(clock: Clock, options: BatchingOptions<In, Entry>, listener: SendListener<In, Entry>) {
    const { maxEntries, maxInFlight = DEFAULT_MAX_IN_FLIGHT } = options.limits
    this.options = options
    this.clock = clock
    this.listener = listener
    this.maxInFlight = maxInFlight
    this.rate = new SendRate(maxEntries * maxInFlight)
    this.timers = new Timers(clock)
    // One for each request under way: more than Node takes for normal.
    setMaxListeners(0, this.aborting.signal)
  }

  get requestsInFlight(): number {
    return this.requests.size
  }

  /** Sends it when a request is full, or when it has lingered. */
  add(pending: Pending<In, Entry>): void {
    this.fresh.push(pending)
    if (this.isFull()) this.pump()
    else this.linger()
  }

  /** Sends it with the next request: it has waited long enough. */
  addUrgent(pending: Pending<In, Entry>): void {
    this.urgent.push(pending)
  }

  /** Sends what is there without waiting for company. */
  hurry(): void {
    this.due = this.fresh.length
    this.pump()
  }

  /** Sends nothing more; resolves when requests under way are over, or have been given time to. */
  async close(): Promise<void> {
    this.stop()
    if (this.requests.size > 0) {
      let cancel: () => void = () => undefined
      const late = new Promise<void>((resolve) => {
        cancel = this.clock.setTimeout(resolve, CLOSE_WAIT_MS)
      })
      await Promise.race([Promise.all(this.requests), late])
      cancel()
    }
    this.aborting.abort()
  }

  private stop(): void {
    this.stopped = true
    this.timers.cancelAll()
    this.fresh.clear()
    this.urgent.clear()
  }

  private isFull(): boolean {
    const { maxEntries, maxRequestBytes } = this.options.limits
    return this.fresh.length >= Math.min(maxEntries, this.rate.limit) || this.fresh.bytes >= maxRequestBytes
  }

  private linger(): void {
    if (this.lingering) return
    this.lingering = true
    this.timers.after(this.options.limits.lingerMs ?? DEFAULT_LINGER_MS, () => {
      this.lingering = false
      this.hurry()
    })
  }

  /** Sends what may be sent now. */
  private pump(): void {
    if (this.stopped || this.paused) return
    const { maxEntries } = this.options.limits
    while (this.requests.size < this.maxInFlight) {
      const available = this.urgent.length + this.fresh.length
      if (available === 0) return
      if (this.urgent.length === 0 && this.due === 0 && !this.isFull()) break
      const size = Math.min(maxEntries, this.rate.limit, available)
      if (this.inFlightEntries > 0 && this.inFlightEntries + size > this.rate.limit) break
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
    const startMs = steadyTime(this.clock)
    const entries = batch.map(({ entry }) => entry)
    const request = sendRequest(this.options, entries, this.aborting.signal)
      .then((result) => this.settle(batch, result, ticket))
      .catch((error: unknown) => {
        if (this.stopped) return
        this.stop()
        this.listener.failed(error)
      })
      .then(() => {
        this.inFlightEntries -= batch.length
        this.requests.delete(request)
        this.pump()
        this.listener.answered(steadyTime(this.clock) - startMs)
      })
    this.requests.add(request)
  }

  private settle(
    batch: readonly Pending<In, Entry>[],
    { outcomes, failed }: RequestResult<Entry>,
    ticket: number,
  ): void {
    if (this.stopped) return
    const again: Pending<In, Entry>[] = []
    let throttled = false
    for (let i = 0; i < batch.length; i++) {
      const pending = batch[i]!
      const outcome = outcomes?.[i]
      if (outcome?.kind === 'retry') {
        throttled ||= outcome.throttled ?? true
        this.listener.retried(pending, outcome)
        again.push(pending)
      } else if (outcome?.kind === 'refused') {
        this.listener.refused(pending, outcome.reason)
      } else {
        this.listener.delivered(pending)
      }
    }
    if (again.length > 0) this.sendLater(again)
    const lowered = throttled && this.rate.throttled(ticket)
    if (!throttled) this.rate.succeeded()
    if (!failed) this.fruitless = 0
    else if (lowered) this.pause()
  }

  private sendLater(again: readonly Pending<In, Entry>[]): void {
    const attempt = again.reduce((most, { attempts }) => Math.max(most, attempts), 1)
    this.timers.after(this.waitMs(attempt), () => {
      this.urgent.pushFront(again)
      this.pump()
    })
  }

  /** A service that takes nothing is not asked by one request after the other. */
  private pause(): void {
    this.paused = true
    this.timers.after(this.waitMs(++this.fruitless), () => {
      this.paused = false
      this.pump()
    })
  }

  private waitMs(attempt: number): number {
    const { backoff = DEFAULT_BACKOFF, random = Math.random } = this.options
    return backoffMs(attempt, { ...backoff, random })
  }
}
