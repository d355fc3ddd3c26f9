import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fanOut, type FanOutOptions } from '../../../operators/connectors/kinesis/fan-out.js'
import { fanOutHandler } from '../../../operators/connectors/kinesis/fan-out-handler.js'
import { PositionRefused, type ShardFetchers } from '../../../operators/connectors/kinesis/shard-reader.js'
import { useAwsEnv } from '../../services/emulators/aws-env.js'
import { CONSUMER_ARN, FanOutWorld, numbersIn, takeUntil, textsIn } from './fan-out-world.js'
import {
  type KinesisScript,
  Refusal,
  type ScriptedKinesis,
  type ScriptedSubscription,
  startScriptedKinesis,
} from './scripted-kinesis.js'
import { selfSigned } from './tls-certificate.js'

const SHARD = 'shardId-000000000000'
const QUICK = { spacingMs: 5, silenceMs: 5_000, renewAfterMs: 60_000, warnAfterMs: 60_000 }
const active = { ConsumerDescription: { ConsumerARN: CONSUMER_ARN, ConsumerStatus: 'ACTIVE' } }

let server: ScriptedKinesis | undefined
let fetchers: ShardFetchers | undefined
let restoreEnv = (): void => undefined
beforeEach(() => (restoreEnv = useAwsEnv({})))
afterEach(async () => {
  restoreEnv()
  await fetchers?.close?.()
  await server?.stop()
})

/** A server that follows the script, and the fetchers of a reader before it. */
async function open(script: KinesisScript, options: FanOutOptions = {}, tls?: { key: string; cert: string }) {
  server = await startScriptedKinesis(
    { ...script, operations: { DescribeStreamConsumer: () => active, ...script.operations } },
    tls,
  )
  const handler = tls === undefined ? undefined : fanOutHandler({ tls: { ca: tls.cert } })
  const world = new FanOutWorld(server.endpoint, { handler })
  const times = { ...QUICK, ...options.times }
  fetchers = fanOut({ consumerName: 'mine', ...options, times }).createFetchers(world.fetching)
  return { world, server, fetchers }
}

const record = (number: number | string) => ({
  SequenceNumber: String(number),
  Data: Buffer.from(`r${number}`).toString('base64'),
  PartitionKey: 'k',
})
const event = (...numbers: number[]) => ({
  Records: numbers.map(record),
  ContinuationSequenceNumber: String(numbers.at(-1) ?? 0),
  MillisBehindLatest: 0,
})
const child = {
  ShardId: 'shardId-000000000001',
  ParentShards: [SHARD],
  HashKeyRange: { StartingHashKey: '0', EndingHashKey: '7' },
}
const closing = { Records: [], ContinuationSequenceNumber: null, MillisBehindLatest: 0, ChildShards: [child] }

/** A shard with records 1, 2, 3..., `size` an event, that serves each subscription `events` of them and then leaves it to `then`. */
function shard(events: number, then: (subscription: ScriptedSubscription) => void, size = 2): KinesisScript {
  return {
    async subscribe(subscription) {
      const { Type, SequenceNumber } = subscription.request.StartingPosition
      let next = Type === 'AFTER_SEQUENCE_NUMBER' ? Number(SequenceNumber) + 1 : 1
      for (let sent = 0; sent < events; sent++) {
        await subscription.send(event(...Array.from({ length: size }, () => next++)))
      }
      then(subscription)
    },
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, at) => String(at + 1))
const records = (count: number) => (taken: readonly { records: readonly unknown[] }[]) =>
  taken.reduce((sum, one) => sum + one.records.length, 0) >= count

describe('a subscription', () => {
  it('starts where it is told, and hands over records, continuation and distance to the tip', async () => {
    const { fetchers, server } = await open({
      subscribe: (subscription) =>
        void subscription.send({ Records: [record(7)], ContinuationSequenceNumber: '9', MillisBehindLatest: 1234 }),
    })
    const fetcher = fetchers.open(SHARD, { type: 'AT_TIMESTAMP', timestampMs: 1_700_000_000_250 })
    const [batch] = await takeUntil(fetcher, (taken) => taken.length > 0)
    expect(batch).toMatchObject({ continuation: '9', millisBehindLatest: 1234 })
    expect(batch?.end).toBeUndefined()
    expect(textsIn([batch!])).toEqual(['r7'])
    expect(server.subscriptions).toEqual([
      {
        ConsumerARN: CONSUMER_ARN,
        ShardId: SHARD,
        StartingPosition: { Type: 'AT_TIMESTAMP', Timestamp: 1_700_000_000.25 },
      },
    ])
  })

  it('that ends after its five minutes is followed by one that goes on after the continuation number', async () => {
    const { fetchers, server } = await open(shard(2, (subscription) => subscription.end()))
    const taken = await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), records(12))
    expect(numbersIn(taken)).toEqual(upTo(12))
    expect(server.subscriptions.slice(0, 3).map((one) => one.StartingPosition)).toEqual([
      { Type: 'TRIM_HORIZON' },
      { Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: '4' },
      { Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: '8' },
    ])
  })

  it('without records moves the continuation number all the same', async () => {
    const { fetchers, server } = await open({
      async subscribe(subscription) {
        await subscription.send({ Records: [], ContinuationSequenceNumber: String(100 * subscription.number) })
        subscription.end()
      },
    })
    const taken = await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), (all) => all.length >= 3)
    expect(taken.map(({ continuation }) => continuation).slice(0, 3)).toEqual(['100', '200', '300'])
    expect(server.subscriptions[2]?.StartingPosition).toEqual({ Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: '200' })
  })

  it('that breaks before its first event starts at the same place again', async () => {
    const { fetchers, server } = await open({
      subscribe: (subscription) => (subscription.number < 3 ? subscription.break() : void subscription.send(event(1))),
    })
    await takeUntil(fetchers.open(SHARD, { type: 'AT_SEQUENCE_NUMBER', sequenceNumber: '1' }), records(1))
    expect(server.subscriptions.map((one) => one.StartingPosition.Type)).toEqual(Array(3).fill('AT_SEQUENCE_NUMBER'))
  })

  it.each<[string, (subscription: ScriptedSubscription) => void]>([
    ['a dropped connection', (one) => one.break()],
    ['half an event', (one) => one.truncate()],
    ['an internal failure', (one) => one.fail('InternalFailureException')],
    ['a throttled key', (one) => one.fail('KMSThrottlingException')],
    ['an error that nobody knows', (one) => one.fail('SomethingNewException')],
    ['another subscription that took over', (one) => one.fail('ResourceInUseException')],
  ])('loses and repeats nothing over %s', async (_, breaks) => {
    const { fetchers } = await open(shard(3, breaks))
    // The two ends of the backoff for refusals are seconds: two subscriptions show it.
    const taken = await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), records(12))
    expect(numbersIn(taken)).toEqual(upTo(numbersIn(taken).length))
  })

  it('that says nothing for too long is given up for another', async () => {
    const { fetchers, server, world } = await open(
      shard(1, () => undefined),
      { times: { silenceMs: 60 } },
    )
    const taken = await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), records(6))
    expect(numbersIn(taken)).toEqual(upTo(6))
    expect(server.subscriptions.length).toBeGreaterThanOrEqual(3)
    expect(world.counts['numSubscriptionsBroken']).toBeGreaterThanOrEqual(2)
  })

  it('whose answer never comes is given up for another', async () => {
    const { fetchers } = await open(
      { ...shard(1, () => undefined), admit: (_, number) => (number === 1 ? new Promise(() => undefined) : undefined) },
      { times: { silenceMs: 60 } },
    )
    expect(numbersIn(await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), records(2)))).toEqual(['1', '2'])
  })
})

describe('renewal', () => {
  it('opens the next subscription beside the old one, which is read until the next one speaks', async () => {
    let old: ScriptedSubscription | undefined
    let oldClosed: Promise<void> | undefined
    let tellOldIsRead!: () => void
    const oldIsRead = new Promise<void>((resolve) => (tellOldIsRead = resolve))
    const { fetchers, server } = await open(
      {
        async subscribe(subscription) {
          if (subscription.number === 1) {
            old = subscription
            oldClosed = subscription.closed
            await subscription.send(event(8, 9))
          } else if (subscription.number === 2) {
            // What the old one brings while the new one is on its way, the new one repeats.
            await old?.send(event(10, 11))
            await oldIsRead
            await subscription.send(event(10))
            await subscription.send(event(11, 12))
          }
        },
      },
      { times: { renewAfterMs: 50 } },
    )
    const fetcher = fetchers.open(SHARD, { type: 'TRIM_HORIZON' })
    const taken = await takeUntil(fetcher, (all) => {
      if (numbersIn(all).includes('11')) tellOldIsRead()
      return numbersIn(all).includes('12')
    })
    await oldClosed
    expect(server.subscriptions[1]?.StartingPosition).toEqual({ Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: '9' })
    expect([...new Set(numbersIn(taken))]).toEqual(['8', '9', '10', '11', '12'])
    const continuations = taken.map(({ continuation }) => Number(continuation))
    expect(continuations).toEqual([...continuations].sort((a, b) => a - b))
  })

  it('that is refused leaves the old subscription alone', async () => {
    let old: ScriptedSubscription | undefined
    const { fetchers } = await open(
      {
        async admit(_, number) {
          if (number !== 2) return
          setTimeout(() => void old?.send(event(3)), 20)
          throw new Refusal('ResourceInUseException')
        },
        async subscribe(subscription) {
          old = subscription
          await subscription.send(event(1, 2))
        },
      },
      { times: { renewAfterMs: 30 } },
    )
    const taken = await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), records(3))
    expect(numbersIn(taken)).toEqual(['1', '2', '3'])
  })

  it('goes on when the service ends the old subscription as it admits the new one', async () => {
    let old: ScriptedSubscription | undefined
    const { fetchers, server, world } = await open(
      {
        async subscribe(subscription) {
          if (subscription.number === 1) {
            old = subscription
            await subscription.send(event(1, 2))
          } else {
            old?.fail('ResourceInUseException')
            await new Promise((resolve) => setTimeout(resolve, 30))
            await subscription.send(event(3))
          }
        },
      },
      { times: { renewAfterMs: 30 } },
    )
    expect(numbersIn(await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), records(3)))).toEqual(upTo(3))
    expect(server.subscriptions).toHaveLength(2)
    expect(world.warnings).toEqual([])
  })
})

describe('refusals', () => {
  it('for seconds after an earlier subscription, as after a crash, are waited out', async () => {
    const { fetchers, server, world } = await open({
      ...shard(1, () => undefined),
      admit(_, number) {
        if (number === 1) throw new Refusal('ResourceInUseException', 400, 'Another active subscription exists')
        if (number === 2) throw new Refusal('LimitExceededException')
      },
    })
    const startedAt = Date.now()
    await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), records(2))
    expect(server.subscriptions).toHaveLength(3)
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(2_000)
    expect(world.counts['numSubscriptionsRefused']).toBe(2)
  })

  it('that last are warned of once', async () => {
    const { fetchers, world } = await open(
      {
        ...shard(1, () => undefined),
        admit(_, number) {
          if (number < 6) throw new Refusal('InternalFailure', 500)
        },
      },
      { times: { warnAfterMs: 1 } },
    )
    await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), records(2))
    expect(world.warnings).toEqual([
      expect.stringMatching(/stream "turbines", shard shardId-000000000000.*"mine".*InternalFailure/),
    ])
  })

  it.each<[string, Refusal, RegExp]>([
    ['of access', new Refusal('AccessDeniedException'), /stream "turbines".*access denied/],
    ['of a disabled key', new Refusal('KMSDisabledException'), /stream "turbines".*KMSDisabledException/],
  ])('%s end the reading with one clear error', async (_, refusal, message) => {
    const { fetchers } = await open({
      admit() {
        throw refusal
      },
      subscribe: () => undefined,
    })
    const fetcher = fetchers.open(SHARD, { type: 'TRIM_HORIZON' })
    await expect(fetcher.ready()).rejects.toThrow(message)
    await expect(fetcher.ready()).rejects.toThrow(message)
  })

  it('from within the event stream count as much', async () => {
    const { fetchers } = await open({
      async subscribe(subscription) {
        await subscription.send(event(1))
        subscription.fail('KMSAccessDeniedException', 'no access to the key')
      },
    })
    const fetcher = fetchers.open(SHARD, { type: 'TRIM_HORIZON' })
    expect(numbersIn(await takeUntil(fetcher, records(1)))).toEqual(['1'])
    await expect(fetcher.ready()).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      hint: expect.stringMatching(/kms:Decrypt|refused/),
    })
  })

  it.each([
    ['a sequence number', 'InvalidArgumentException'],
    ['a shard that is not there any more', 'ResourceNotFoundException'],
  ])('of %s are told as such', async (_, name) => {
    const { fetchers } = await open({
      admit() {
        throw new Refusal(name)
      },
      subscribe: () => undefined,
    })
    const fetcher = fetchers.open(SHARD, { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: '5' })
    await expect(fetcher.ready()).rejects.toBeInstanceOf(PositionRefused)
  })

  it('of a start that the service has not come to, its clock being behind, are waited out', async () => {
    const { fetchers } = await open({
      ...shard(1, () => undefined),
      admit(_, number) {
        if (number === 1) throw new Refusal('InvalidArgumentException', 400, 'timestamp in the future')
      },
    })
    await takeUntil(fetchers.open(SHARD, { type: 'AT_TIMESTAMP', timestampMs: Date.now() }), records(2))
  })
})

describe('the consumer', () => {
  it('is looked up once for all shards, and awaited until it is ACTIVE', async () => {
    let asked = 0
    const { fetchers, server } = await open({
      ...shard(1, () => undefined),
      operations: {
        DescribeStreamConsumer: () =>
          ++asked < 3 ? { ConsumerDescription: { ...active.ConsumerDescription, ConsumerStatus: 'CREATING' } } : active,
      },
    })
    const two = [SHARD, 'shardId-000000000001'].map((id) => fetchers.open(id, { type: 'TRIM_HORIZON' }))
    for (const fetcher of two) await takeUntil(fetcher, records(2))
    expect(asked).toBe(3)
    expect(new Set(server.subscriptions.map((one) => one.ConsumerARN))).toEqual(new Set([CONSUMER_ARN]))
  })

  it('that was registered again meanwhile is used by its new ARN', async () => {
    const newArn = CONSUMER_ARN.replace('1700000000', '1700000099')
    let current = CONSUMER_ARN
    const { fetchers, server } = await open({
      ...shard(1, (subscription) => {
        current = newArn
        subscription.end()
      }),
      admit({ ConsumerARN }) {
        if (ConsumerARN !== current) throw new Refusal('ResourceNotFoundException')
      },
      operations: {
        DescribeStreamConsumer: () => ({ ConsumerDescription: { ConsumerARN: current, ConsumerStatus: 'ACTIVE' } }),
      },
    })
    await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), records(4))
    expect(server.subscriptions.slice(0, 3).map((one) => one.ConsumerARN)).toEqual([CONSUMER_ARN, CONSUMER_ARN, newArn])
  })

  it("of the user's own that is not there is a clear error", async () => {
    const { fetchers } = await open(
      {
        subscribe: () => undefined,
        operations: {
          DescribeStreamConsumer() {
            throw new Refusal('ResourceNotFoundException')
          },
        },
      },
      { lifecycle: 'self' },
    )
    await expect(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }).ready()).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      message: 'consumer "mine" of Kinesis stream "turbines": is not registered',
    })
  })

  it('that somebody else uses too is warned of', async () => {
    const { fetchers, world } = await open(shard(1, (one) => one.fail('ResourceInUseException')))
    await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), () => world.warnings.length > 0)
    expect(world.warnings).toEqual([expect.stringMatching(/shard.*"mine".*somebody else/)])
  }, 10_000)
})

describe('the end of a shard', () => {
  it('is its children, after everything in it; nothing is asked for afterwards', async () => {
    const { fetchers, server } = await open(shard(2, (subscription) => void subscription.send(closing)))
    const fetcher = fetchers.open(SHARD, { type: 'TRIM_HORIZON' })
    const taken = await takeUntil(fetcher, (all) => all.some(({ end }) => end !== undefined))
    expect(numbersIn(taken)).toEqual(upTo(4))
    expect(taken.at(-1)?.end).toEqual({
      children: [{ shardId: 'shardId-000000000001', parents: [SHARD], firstHash: '0', lastHash: '7' }],
    })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(server.subscriptions).toHaveLength(1)
  })

  it('may be without children, where there is nothing to continue with', async () => {
    const { fetchers } = await open({
      subscribe: (subscription) => void subscription.send({ Records: [record(1)], ContinuationSequenceNumber: null }),
    })
    const taken = await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), (all) => all.length > 0)
    expect(taken).toEqual([expect.objectContaining({ end: { children: [] } })])
    expect(numbersIn(taken)).toEqual(['1'])
  })
})

describe('a slow reader', () => {
  const big = 'x'.repeat(200_000)
  const flood: KinesisScript = {
    async subscribe(subscription) {
      const { SequenceNumber = '0' } = subscription.request.StartingPosition
      for (let next = Number(SequenceNumber) + 1; ; next++) {
        sent = Math.max(sent, next)
        const records = [{ ...record(next), Data: Buffer.from(big).toString('base64') }]
        if (!(await subscription.send({ Records: records, ContinuationSequenceNumber: String(next) }))) return
      }
    },
  }
  let sent = 0
  beforeEach(() => (sent = 0))
  let tls: { key: string; cert: string }
  beforeAll(() => void (tls = selfSigned()))

  describe.each([
    ['HTTP/1.1', false],
    ['HTTP/2 over TLS', true],
  ])('over %s', (_, secure) => {
    it('stops the service from sending, and loses nothing when it goes on', async () => {
      const { fetchers, server } = await open(flood, { bufferBytes: 1_000_000 }, secure ? tls : undefined)
      const fetcher = fetchers.open(SHARD, { type: 'TRIM_HORIZON' })
      await fetcher.ready()
      let before = 0
      while (before < server.writtenBytes()) {
        before = server.writtenBytes()
        await new Promise((resolve) => setTimeout(resolve, 150))
      }
      // A megabyte here, and what lies in the sockets' buffers: the system lets them grow to six.
      expect(before).toBeLessThan(16_000_000)
      const taken = await takeUntil(fetcher, records(sent + 50))
      expect(numbersIn(taken)).toEqual(upTo(numbersIn(taken).length))
    })

    it('whose subscription is ended meanwhile goes on where it was', async () => {
      let first: ScriptedSubscription | undefined
      const script: KinesisScript = {
        subscribe(subscription) {
          first ??= subscription
          return flood.subscribe(subscription)
        },
      }
      const { fetchers, server } = await open(script, { bufferBytes: 500_000 }, secure ? tls : undefined)
      const fetcher = fetchers.open(SHARD, { type: 'TRIM_HORIZON' })
      await fetcher.ready()
      await new Promise((resolve) => setTimeout(resolve, 200))
      first?.break()
      const taken = await takeUntil(fetcher, records(200))
      expect(server.subscriptions.length).toBeGreaterThan(1)
      expect(numbersIn(taken)).toEqual(upTo(numbersIn(taken).length))
    })

    it('of one shard does not hold another one back', async () => {
      const { fetchers } = await open(flood, { bufferBytes: 500_000 }, secure ? tls : undefined)
      const held = fetchers.open(SHARD, { type: 'TRIM_HORIZON' })
      await held.ready()
      const other = fetchers.open('shardId-000000000001', { type: 'TRIM_HORIZON' })
      const taken = await takeUntil(other, records(100))
      expect(numbersIn(taken)).toEqual(upTo(numbersIn(taken).length))
    })
  })

  it('reads over HTTP/2 where the endpoint is https', async () => {
    const versions: string[] = []
    const script = shard(2, (subscription) => {
      versions.push(subscription.httpVersion)
      if (subscription.number % 2 === 0) subscription.break()
      else subscription.end()
    })
    const { fetchers } = await open(script, {}, tls)
    const taken = await takeUntil(fetchers.open(SHARD, { type: 'TRIM_HORIZON' }), records(16))
    expect(numbersIn(taken)).toEqual(upTo(numbersIn(taken).length))
    expect(new Set(versions)).toEqual(new Set(['2.0']))
  })
})

it('a fetcher that is closed ends its subscription, and asks for no other', async () => {
  let closed: Promise<void> | undefined
  const { fetchers, server } = await open({
    async subscribe(subscription) {
      closed = subscription.closed
      await subscription.send(event(1))
    },
  })
  const fetcher = fetchers.open(SHARD, { type: 'TRIM_HORIZON' })
  await fetcher.ready()
  await fetcher.close()
  await closed
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(server.subscriptions).toHaveLength(1)
})

it.each<[string, FanOutOptions, RegExp]>([
  ['an own consumer without a name', { lifecycle: 'self' }, /needs the consumer/],
  ["an ARN for the job's consumer", { consumerArn: CONSUMER_ARN }, /registered already/],
  ['a name with spaces', { consumerName: 'a b' }, /not valid/],
  ['no buffer', { bufferBytes: 0 }, /not positive/],
])('%s is refused', (_, options, message) => {
  expect(() => fanOut(options)).toThrow(message)
})

it('a shard that is opened when its reader is closed already is not subscribed to', async () => {
  const { fetchers, server } = await open(shard(1, () => undefined))
  await fetchers.close?.()
  fetchers.open(SHARD, { type: 'TRIM_HORIZON' })
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(server.subscriptions).toEqual([])
})
