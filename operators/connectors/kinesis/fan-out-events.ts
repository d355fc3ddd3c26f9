// One subscription after another, each going on where the last event ended:
//
//     subscribe --> event, event, ... --> over: five minutes, or broken --> subscribe after the continuation number --> ...
//                        \-- shortly before the five minutes, the next one is opened beside it and takes over --/
//
// The two overlap: the later one replays what came by the earlier one meanwhile. The split reader drops it by sequence number.
import type { SubscribeToShardEvent } from '@aws-sdk/client-kinesis'
import type { FanOutReader } from './fan-out-reader.js'
import { Subscription } from './fan-out-subscription.js'
import { SubscriptionTroubles } from './fan-out-troubles.js'
import { Pause } from './pause.js'
import { type FetchStart, PositionRefused } from './shard-reader.js'
import { isTooEarly } from './too-early.js'

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

  constructor(reader: FanOutReader, shardId: string, from: FetchStart) {
    this.reader = reader
    this.shardId = shardId
    this.from = from
    const what = `${reader.ctx.stream.resource}, shard ${shardId}, ${reader.consumer.resource}`
    this.pause = new Pause(reader.ctx.clock)
    this.troubles = new SubscriptionTroubles(reader, what)
  }

  /** Undefined once closed. Rejects with what makes reading impossible. One call at a time. */
  async next(): Promise<SubscribeToShardEvent | undefined> {
    this.reading = true
    if (this.renewalIsDue) this.renew()
    try {
      while (!this.closed) {
        const event = await this.attempt()
        if (event === undefined) continue
        this.troubles.over()
        this.live = true
        if (isNumber(event.ContinuationSequenceNumber)) this.advance(event.ContinuationSequenceNumber)
        return event
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

  private advance(continuation: string): void {
    if (this.reached !== undefined && BigInt(continuation) <= BigInt(this.reached)) return
    this.reached = continuation
    this.from = { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: continuation }
  }

  /** One event, or undefined if there is to be another attempt. */
  private async attempt(): Promise<SubscribeToShardEvent | undefined> {
    try {
      this.current ??= await this.successor()
      if (this.closed) this.drop()
      const event = await this.current?.next()
      if (event === undefined) this.drop()
      return event
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
    await this.pause.wait(Math.max(this.troubles.waitMs(), this.lastCallMs + this.reader.times.spacingMs - this.now()))
    if (this.closed) return undefined
    return this.begun(await this.open())
  }

  private async open(): Promise<Subscription> {
    const { ctx, consumer, times } = this.reader
    const { clock } = ctx
    const consumerArn = await consumer.arn()
    this.consumerArn = consumerArn
    const { sdk, client } = await this.reader.connect()
    this.lastCallMs = clock.now()
    const { shardId, from: start } = this
    return Subscription.open(
      { sdk, client, clock, consumerArn, shardId, start, silenceMs: times.silenceMs },
      this.closing.signal,
    )
  }

  private begun(subscription: Subscription): Subscription {
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
      if ('sequenceNumber' in from) throw new PositionRefused(error)
      throw stream.failure(error, PERMISSION)
    }
    // It was closed, and all that was in it has expired.
    if (trouble === 'missing' && !(await this.reader.consumer.isOtherThan(this.consumerArn))) {
      throw new PositionRefused(error)
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
