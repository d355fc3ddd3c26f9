// One subscription after another, each going on where the last event ended:
//
//     subscribe --> event, event, ... --> over: five minutes, or broken --> subscribe after the continuation number --> ...
//                        \-- shortly before the five minutes, the next one is opened beside it and takes over --/
//
// The two overlap: the later one replays what came by the earlier one meanwhile. The split reader drops it by sequence number.
import type { SubscribeToShardEvent } from '@aws-sdk/client-kinesis'
import { isBeyondLeastRetention } from './expired-position.js'
import type { FanOutReader } from './fan-out-reader.js'
import { Subscription } from './fan-out-subscription.js'
import { SubscriptionTroubles } from './fan-out-troubles.js'
import { Pause } from './pause.js'
import { type FetchStart, PositionRefused } from './shard-reader.js'
import { isTooEarly } from './too-early.js'
import { steadyTime } from '../../../runtime/contract/time.js'

/** An event. */
export interface ShardEvent {
  readonly event: SubscribeToShardEvent
  /** When it was read. Epoch milliseconds. */
  readonly atMs: number
  /** The service said it then or later; one that nobody asked for waits, for as long as reading is held back. */
  readonly saidMs: number
  /** Of the first one of a subscription: where that started. */
  readonly start: FetchStart | undefined
}

/** An event that let itself be waited for so long was not there before. */
const WAITED_FOR_MS = 1_000
const PERMISSION = 'kinesis:SubscribeToShard'

/** The events of one shard, across its subscriptions. Not asking for the next one holds the service back. Slot thread. */
export class ShardEvents {
  private readonly reader: FanOutReader
  private readonly shardId: string
  private readonly troubles: SubscriptionTroubles
  private readonly closing = new AbortController()
  private readonly pause: Pause
  /** Where the next subscription starts. */
  private from: FetchStart
  private current: Subscription | undefined
  private live = false
  private reading = false
  private renewal: Promise<Subscription | undefined> | undefined
  private renewalIsDue = false
  private stopRenewing: (() => void) | undefined
  private lastCallMs = -Infinity
  private consumerArn = ''
  private reached: string | undefined
  /** Of the subscription that is read: no event has come by it. */
  private anew = false
  /** The last record, and until when everything has been read. */
  private last: { readonly sequenceNumber: string; readToMs: number } | undefined

  constructor(reader: FanOutReader, shardId: string, from: FetchStart) {
    this.reader = reader
    this.shardId = shardId
    this.from = from
    const what = `${reader.ctx.stream.resource}, shard ${shardId}, ${reader.consumer.resource}`
    this.pause = new Pause(reader.ctx.clock)
    this.troubles = new SubscriptionTroubles(reader, what)
  }

  /** Undefined once closed. Rejects with what makes reading impossible. One call at a time. */
  async next(): Promise<ShardEvent | undefined> {
    this.reading = true
    const askedMs = this.now()
    if (this.renewalIsDue) this.renew()
    try {
      while (!this.closed) {
        const read = await this.attempt(askedMs)
        if (read === undefined) continue
        this.troubles.over()
        this.live = true
        this.follow(read)
        return read
      }
      return undefined
    } finally {
      this.reading = false
    }
  }

  /** The last continuation number. It never goes back, although an overlap may. */
  get continuation(): string | undefined {
    return this.reached
  }

  close(): void {
    this.closing.abort()
    this.pause.end()
    this.drop()
    void this.renewal?.then((next) => next?.abort())
  }

  private get closed(): boolean {
    return this.closing.signal.aborted
  }

  private follow({ event, saidMs }: ShardEvent): void {
    const record = event.Records?.at(-1)
    const sequenceNumber = record?.SequenceNumber
    const arrivalMs = record?.ApproximateArrivalTimestamp?.getTime()
    if (sequenceNumber !== undefined) this.last = { sequenceNumber, readToMs: arrivalMs ?? saidMs }
    else if (this.last !== undefined && event.MillisBehindLatest === 0) this.last.readToMs = saidMs
    if (isNumber(event.ContinuationSequenceNumber)) this.advance(event.ContinuationSequenceNumber)
  }

  /** What the last record's being there shows is needed once it, and what came since, may have been dropped. */
  private get startNow(): FetchStart {
    const { last, from } = this
    if (last === undefined || !isBeyondLeastRetention(last.readToMs, this.now())) return from
    return { type: 'AT_SEQUENCE_NUMBER', sequenceNumber: last.sequenceNumber }
  }

  private advance(continuation: string): void {
    if (this.reached !== undefined && BigInt(continuation) <= BigInt(this.reached)) return
    this.reached = continuation
    this.from = { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: continuation }
  }

  /** One event, or undefined if there is to be another attempt. */
  private async attempt(askedMs: number): Promise<ShardEvent | undefined> {
    try {
      this.current ??= await this.successor()
      if (this.closed) this.drop()
      const { current } = this
      const read = await current?.next()
      if (read === undefined || current === undefined) {
        this.drop()
        return undefined
      }
      const { start, openedMs } = current
      const saidMs = read.atMs - askedMs >= WAITED_FOR_MS ? Math.max(openedMs, askedMs) : openedMs
      const { anew } = this
      this.anew = false
      return { ...read, saidMs, start: anew ? start : undefined }
    } catch (error) {
      const { live } = this
      this.drop()
      if (this.closed) return undefined
      // Ours took over from ours.
      const expected = this.renewal !== undefined
      await this.judge(error, live && !expected)
      return undefined
    }
  }

  /** The renewal, if it came to something; else a new subscription. */
  private async successor(): Promise<Subscription | undefined> {
    const renewal = await this.renewal
    this.renewal = undefined
    if (renewal !== undefined) return this.begun(renewal)
    const spacingMs = this.lastCallMs + this.reader.times.spacingMs - steadyTime(this.reader.ctx.clock)
    await this.pause.wait(Math.max(this.troubles.waitMs(), spacingMs))
    if (this.closed) return undefined
    return this.begun(await this.open())
  }

  private async open(): Promise<Subscription> {
    const { ctx, consumer, times } = this.reader
    const { clock } = ctx
    const consumerArn = await consumer.arn()
    this.consumerArn = consumerArn
    const { sdk, client } = await this.reader.connect()
    this.lastCallMs = steadyTime(clock)
    const { shardId, startNow: start } = this
    return Subscription.open(
      { sdk, client, clock, consumerArn, shardId, start, silenceMs: times.silenceMs },
      this.closing.signal,
    )
  }

  private begun(subscription: Subscription): Subscription {
    this.anew = true
    this.stopRenewing = this.reader.ctx.clock.setTimeout(() => this.renew(), this.reader.times.renewAfterMs)
    return subscription
  }

  /** Opens the next one beside the current one. What goes wrong shows when the current one is over. */
  private renew(): void {
    const { current } = this
    if (current === undefined) return
    // Held back: what would come by the next one would not be read either.
    this.renewalIsDue = !this.reading
    if (this.renewalIsDue) return
    this.renewal = this.open().then(
      (next) => {
        current.abort()
        return next
      },
      () => undefined,
    )
  }

  private drop(): void {
    this.stopRenewing?.()
    this.renewalIsDue = false
    this.current?.abort()
    this.current = undefined
    this.live = false
  }

  private async judge(error: unknown, live: boolean): Promise<void> {
    const { stream, clock } = this.reader.ctx
    const { from } = this
    const early = 'timestampMs' in from && isTooEarly(error, from.timestampMs, clock)
    const trouble = early ? this.troubles.noteEarly(error) : this.troubles.note(error, live)
    if (trouble === 'fatal') throw stream.failure(error, permissionFor(error))
    if (trouble === 'position') {
      if ('sequenceNumber' in from) throw new PositionRefused(error, from)
      throw stream.failure(error, PERMISSION)
    }
    // It was closed, and all that was in it has expired.
    if (trouble === 'missing' && !(await this.reader.consumer.isOtherThan(this.consumerArn))) {
      throw new PositionRefused(error, from)
    }
  }

  private now(): number {
    return this.reader.ctx.clock.now()
  }
}

function isNumber(text: string | undefined): text is string {
  return text !== undefined && text !== ''
}

function permissionFor(error: unknown): string {
  return (error as Error).name.startsWith('KMS') ? 'kms:Decrypt' : PERMISSION
}
