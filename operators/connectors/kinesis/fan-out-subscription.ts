import type { KinesisClient, SubscribeToShardEvent, SubscribeToShardEventStream } from '@aws-sdk/client-kinesis'
import type { Clock } from '../../../runtime/contract/time.js'
import type { FetchStart } from './shard-reader.js'

type Sdk = typeof import('@aws-sdk/client-kinesis')

/** What is subscribed to, and how long nothing may come: the service sends an event every few seconds, with or without records. */
export interface SubscriptionRequest {
  readonly sdk: Sdk
  readonly client: KinesisClient
  readonly clock: Clock
  readonly consumerArn: string
  readonly shardId: string
  readonly start: FetchStart
  readonly silenceMs: number
}

/** The connection says nothing any more. */
class SilentSubscription extends Error {
  constructor(silenceMs: number) {
    super(`no event for ${silenceMs} ms`)
    this.name = 'TimeoutError'
  }
}

/** Whoever reads it has had enough; a request handler need not notice. */
class AbortedSubscription extends Error {
  constructor() {
    super('the subscription was aborted')
    this.name = 'AbortError'
  }
}

/** One SubscribeToShard: from its answer to its end, which comes after five minutes at the latest. Not reading it holds it back. */
export class Subscription {
  private readonly clock: Clock
  private readonly silenceMs: number
  private readonly abortion = new AbortController()
  /** Where it started, and when it was asked for. */
  readonly start: FetchStart
  readonly openedMs: number
  private first: { readonly event: SubscribeToShardEvent; readonly atMs: number } | undefined
  private events: AsyncIterator<SubscribeToShardEventStream, undefined> | undefined

  private constructor({ clock, silenceMs, start }: SubscriptionRequest) {
    this.clock = clock
    this.start = start
    this.openedMs = clock.now()
    this.silenceMs = silenceMs
  }

  /** Resolves when the first event is there. Rejects with the SDK's error. Aborting `signal` gives up. */
  static async open(request: SubscriptionRequest, signal: AbortSignal): Promise<Subscription> {
    const opened = new Subscription(request)
    const abort = (): void => opened.abort()
    signal.addEventListener('abort', abort)
    if (signal.aborted) abort()
    try {
      await opened.subscribe(request)
      const event = await opened.read()
      if (event !== undefined) opened.first = { event, atMs: request.clock.now() }
      return opened
    } catch (error) {
      opened.abort()
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  /** The next event, and when it was read; undefined when the subscription is over or was aborted. Rejects with what broke it. One call at a time. */
  async next(): Promise<{ readonly event: SubscribeToShardEvent; readonly atMs: number } | undefined> {
    const { first } = this
    this.first = undefined
    if (first !== undefined && !this.aborted) return first
    const event = await this.read()
    return event && { event, atMs: this.clock.now() }
  }

  private async read(): Promise<SubscribeToShardEvent | undefined> {
    const { events } = this
    while (events !== undefined && !this.aborted) {
      try {
        const { value } = await this.watched(events.next())
        if (value === undefined) return undefined
        if (value.SubscribeToShardEvent !== undefined) return value.SubscribeToShardEvent
      } catch (error) {
        if (this.aborted && !(error instanceof SilentSubscription)) return undefined
        throw error
      }
    }
    return undefined
  }

  get aborted(): boolean {
    return this.abortion.signal.aborted
  }

  /** Breaks the connection. Any number of times. */
  abort(): void {
    this.abortion.abort()
  }

  private async subscribe({ sdk, client, consumerArn, shardId, start }: SubscriptionRequest): Promise<void> {
    const command = new sdk.SubscribeToShardCommand({
      ConsumerARN: consumerArn,
      ShardId: shardId,
      StartingPosition: {
        Type: start.type,
        ...('timestampMs' in start ? { Timestamp: new Date(start.timestampMs) } : {}),
        ...('sequenceNumber' in start ? { SequenceNumber: start.sequenceNumber } : {}),
      },
    })
    const { EventStream: stream } = await this.watched(client.send(command, { abortSignal: this.abortion.signal }))
    this.events = stream?.[Symbol.asyncIterator]() as AsyncIterator<SubscribeToShardEventStream, undefined> | undefined
  }

  /** Rejects if it is aborted, and aborts it if nothing comes for too long. */
  private watched<T>(answer: Promise<T>): Promise<T> {
    const { signal } = this.abortion
    return new Promise((resolve, reject) => {
      const aborted = (): void => reject(new AbortedSubscription())
      const stopWatching = this.clock.setTimeout(() => {
        reject(new SilentSubscription(this.silenceMs))
        this.abort()
      }, this.silenceMs)
      signal.addEventListener('abort', aborted)
      if (signal.aborted) aborted()
      void answer.then(resolve, reject).finally(() => {
        stopWatching()
        signal.removeEventListener('abort', aborted)
      })
    })
  }
}
