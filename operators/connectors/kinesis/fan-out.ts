import type { HttpHandlerUserInput } from '@smithy/core/protocols'
import { clientSettings } from '../../../runtime/aws/client-settings.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import { type ConsumerId, ConsumerLookup } from './consumer-lookup.js'
import { consumerNameFor } from './consumer-name.js'
import { type ConsumerLifecycle, FanOutRegistration } from './consumer-registration.js'
import { FanOutConsumer } from './fan-out-consumer.js'
import { FanOutFetcher } from './fan-out-fetcher.js'
import { fanOutHandler } from './fan-out-handler.js'
import type { FanOutReader, FanOutTimes } from './fan-out-reader.js'
import type { KinesisStream } from './kinesis-stream.js'
import { persistently } from './persistently.js'
import { ReadAheadMemory } from './read-ahead-memory.js'
import type { FetchContext, ShardConsumer, ShardFetchers } from './shard-reader.js'
import { CONSUMER_ARN_FORM, isConsumerArn } from './stream-name.js'

/** Enhanced fan-out: a consumer of one's own, with 2 MB a second from each shard. */
export interface FanOutOptions {
  /** Default of lifecycle `job`: derived from the job's id and the source's uid. 1 to 128 of `a-z A-Z 0-9 _ . -`. */
  readonly consumerName?: string
  /** Instead of a name, of lifecycle `self` only. */
  readonly consumerArn?: string
  /**
   * `job`, the default: the job registers its consumer at its start where it is missing, and deregisters it when it has finished or was
   * canceled, never on a restart, when suspended, or after a failure. `self`: the consumer is the user's own and only used.
   */
  readonly lifecycle?: ConsumerLifecycle
  /** What the shards of one reader may hold together before they stop reading. Default 32 MiB. */
  readonly bufferBytes?: number
  /** How long a consumer may take to become ACTIVE. Milliseconds, default 60 s. */
  readonly registerTimeoutMs?: number
  /**
   * The HTTP handler of subscriptions: it must not time out, and not close its session when an event stream begins. Default: that of the
   * source's AWS options; without one, HTTP/2 over TLS, one session for each subscription, and HTTP/1.1 where the endpoint is `http:`.
   */
  readonly requestHandler?: HttpHandlerUserInput
  /** For tests: when things are done. */
  readonly times?: Partial<FanOutTimes>
}

const DEFAULT_BUFFER_BYTES = 32 * 1024 * 1024
const REGISTER_TIMEOUT_MS = 60_000
const DEREGISTER_TIMEOUT_MS = 15_000
/** The service ends a subscription after 300 s. */
const RENEW_AFTER_MS = 280_000
const RENEW_JITTER_MS = 10_000
const DEFAULT_TIMES = { silenceMs: 35_000, spacingMs: 1_000, warnAfterMs: 60_000 }

/**
 * Reads shards by SubscribeToShard. Made where the job is built: reads nothing, holds options only. MILLRACE_USAGE about options that do
 * not go together.
 */
export function fanOut(options: FanOutOptions = {}): ShardConsumer {
  requireSense(options)
  const own = options.lifecycle === 'self'
  const lookup = (stream: KinesisStream, at: Place): ConsumerLookup => new ConsumerLookup(stream, idOf(options, at))
  const registerTimeoutMs = options.registerTimeoutMs ?? REGISTER_TIMEOUT_MS

  return {
    name: 'fan-out',
    permissions: [
      'kinesis:SubscribeToShard',
      'kinesis:DescribeStreamConsumer',
      ...(own ? [] : ['kinesis:RegisterStreamConsumer', 'kinesis:DeregisterStreamConsumer']),
    ],
    async check(stream, patience, at) {
      const consumer = lookup(stream, at)
      const found = await persistently(() => consumer.describe(), patience).catch(async (error: unknown) => {
        throw await consumer.failure(error, 'kinesis:DescribeStreamConsumer')
      })
      if (own && found === undefined) throw consumer.missing()
    },
    register(ctx) {
      const name = own ? undefined : nameOf(options, ctx)
      const times = { registerTimeoutMs, deregisterTimeoutMs: DEREGISTER_TIMEOUT_MS }
      return new FanOutRegistration(ctx, lookup(ctx.stream, ctx), name, times)
    },
    createFetchers(ctx) {
      const patience = { clock: ctx.clock, random: ctx.random, withinMs: registerTimeoutMs }
      return fetchers(options, ctx, new FanOutConsumer(lookup(ctx.stream, ctx), patience, own))
    },
  }
}

type Place = { readonly jobId: string; readonly uid: string }

function fetchers(options: FanOutOptions, ctx: FetchContext, consumer: FanOutConsumer): ShardFetchers {
  const opened = new Set<FanOutFetcher>()
  let connection: ReturnType<FanOutReader['connect']> | undefined
  let closed = false
  const reader: FanOutReader = {
    ctx,
    consumer,
    memory: new ReadAheadMemory(options.bufferBytes ?? DEFAULT_BUFFER_BYTES),
    times: { renewAfterMs: RENEW_AFTER_MS + ctx.random() * RENEW_JITTER_MS, ...DEFAULT_TIMES, ...options.times },
    connect: () => (connection ??= connect(options, ctx.stream)),
  }
  return {
    open(shardId, start) {
      const fetcher = new FanOutFetcher(reader, shardId, start, () => opened.delete(fetcher))
      opened.add(fetcher)
      // A shard may be opened while its reader is closed.
      if (closed) fetcher.close()
      return fetcher
    },
    async close() {
      closed = true
      for (const fetcher of opened) fetcher.close()
      // Whoever asked for a client that could not be made has heard of it.
      const made = await connection?.catch(() => undefined)
      // A handler that the user gave is the user's.
      if ((options.requestHandler ?? ctx.stream.aws.requestHandler) === undefined) made?.client.destroy()
    },
  }
}

async function connect(options: FanOutOptions, stream: KinesisStream): ReturnType<FanOutReader['connect']> {
  const sdk = await import('@aws-sdk/client-kinesis')
  const settings = await clientSettings(stream.aws)
  const requestHandler = options.requestHandler ?? stream.aws.requestHandler ?? fanOutHandler()
  // Asking again is this connector's own business: it knows what a refusal means.
  return { sdk, client: new sdk.KinesisClient({ ...settings, requestHandler, maxAttempts: 1 }) }
}

function nameOf({ consumerName }: FanOutOptions, { jobId, uid }: Place): string {
  return consumerName ?? consumerNameFor(jobId, uid)
}

function idOf(options: FanOutOptions, at: Place): ConsumerId {
  return options.consumerArn === undefined ? { name: nameOf(options, at) } : { arn: options.consumerArn }
}

function requireSense({ consumerName, consumerArn, lifecycle = 'job', bufferBytes = 1 }: FanOutOptions): void {
  if (lifecycle === 'job' && consumerArn !== undefined) {
    refuse('an ARN names a consumer that is registered already', 'give lifecycle: "self", or consumerName')
  }
  if (consumerArn !== undefined && consumerName !== undefined) refuse('both a name and an ARN', 'give one of them')
  if (consumerArn !== undefined && !isConsumerArn(consumerArn)) {
    refuse(`${JSON.stringify(consumerArn)} is not the ARN of a consumer`, CONSUMER_ARN_FORM)
  }
  if (lifecycle === 'self' && consumerArn === undefined && consumerName === undefined) {
    refuse('lifecycle "self" needs the consumer that it uses', 'give consumerName or consumerArn')
  }
  if (consumerName !== undefined && !/^[a-zA-Z0-9_.-]{1,128}$/.test(consumerName)) {
    refuse(`the consumer name ${JSON.stringify(consumerName)} is not valid`, 'use 1 to 128 of a-z A-Z 0-9 _ . -')
  }
  if (!(bufferBytes > 0)) refuse(`bufferBytes ${bufferBytes} is not positive`, 'give a number of bytes')
}

function refuse(what: string, hint: string): never {
  throw new MillraceError('MILLRACE_USAGE', `Kinesis fan-out: ${what}`, { hint })
}
