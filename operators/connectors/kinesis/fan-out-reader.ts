import type { FanOutConsumer } from './fan-out-consumer.js'
import type { SubscriptionRequest } from './fan-out-subscription.js'
import type { ReadAheadMemory } from './read-ahead-memory.js'
import type { FetchContext } from './shard-reader.js'

/** When things are done. Milliseconds. */
export interface FanOutTimes {
  /** Age of a subscription at which the next one takes over: below the five minutes that the service allows. */
  readonly renewAfterMs: number
  /** Without any event for so long a connection is dead. */
  readonly silenceMs: number
  /** Between two calls for the same shard; the service allows one a second. */
  readonly spacingMs: number
  /** Refusals and breaks that last longer are warned of. */
  readonly warnAfterMs: number
}

/** What the fetchers of one reader share. */
export interface FanOutReader {
  readonly ctx: FetchContext
  readonly consumer: FanOutConsumer
  readonly memory: ReadAheadMemory
  readonly times: FanOutTimes
  /** The client of subscriptions, the same for all. */
  connect(): Promise<Pick<SubscriptionRequest, 'sdk' | 'client'>>
}
