import { ListStreamConsumersCommand } from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fanOut, fanOutHandler, type FanOutOptions, kinesisSource } from '../../operators/connectors/kinesis/index.js'
import { defineJob, json, monotonous, value } from '../../operators/index.js'
import { collectSink, type CollectSink, runInProcess } from '../../runtime/testing/index.js'
import { startTlsProxy, type TlsProxy } from '../connectors/kinesis/tls-proxy.js'
import { selfSigned } from '../connectors/kinesis/tls-certificate.js'
import { tempFolder } from '../connectors/support.js'
import { describeWith } from './emulators/availability.js'
import { useAwsEnv } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startFerrokinesis } from './emulators/ferrokinesis.js'
import { type KinesisLocal, startKinesisLocal } from './emulators/kinesis-local.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import { cutAfterBytes, dropAfter, dropBefore, internalError, refuse, throttle } from './faults/faults.js'
import { TestStream } from './support-streams.js'

interface Reading {
  readonly key: string
  readonly number: number
}

const KEYS = Array.from({ length: 8 }, (_, i) => `turbine-${i}`)

/** One record of each key. */
function round(number: number): { data: string; key: string }[] {
  return KEYS.map((key) => ({ key, data: JSON.stringify({ key, number }) }))
}

/** What comes out if each record of each key is seen once, in order. */
function inOrder(rounds: number): string[] {
  return KEYS.flatMap((key) => Array.from({ length: rounds }, (_, i) => `${key}:${i}->${i + 1}`)).sort()
}

/** How a service is reached. */
interface Way {
  readonly endpoint: string
  readonly secure: boolean
}

interface JobOptions {
  readonly stream: string
  readonly way: Way
  readonly out: CollectSink<string>
  readonly bounded?: boolean
  readonly consumer?: FanOutOptions
  /** Told of each record; may throw. */
  readonly seen?: (count: number) => void
}

/** Tells of each record which number its key had before. */
function job({ stream, way, out, bounded = false, consumer = {}, seen }: JobOptions) {
  // The emulators' certificates sign themselves.
  const trusting = { rejectUnauthorized: false }
  const plainRequests = { requestHandler: new NodeHttpHandler({ httpsAgent: trusting, requestTimeout: 10_000 }) }
  const subscriptions = { requestHandler: fanOutHandler({ tls: trusting }) }
  const source = kinesisSource({
    stream,
    aws: { endpoint: way.endpoint, ...(way.secure ? plainRequests : {}) },
    position: 'TRIM_HORIZON',
    consumer: fanOut({ ...(way.secure ? subscriptions : {}), ...consumer }),
    discoveryIntervalMs: 500,
    ...(bounded ? { stopAt: 'latest' } : {}),
  })
  let count = 0
  const state = { last: value<number>() }
  return defineJob({
    name: 'readings',
    build(env) {
      env
        .fromSource(source, { uid: 'readings', decode: json<Reading>(), watermarks: monotonous() })
        .keyBy(({ key }) => key)
        .process<string, typeof state>({
          state,
          onElement({ key, number }, ctx) {
            const before = ctx.state.last.value() ?? 0
            ctx.state.last.update(number)
            ctx.emit(`${key}:${before}->${number}`)
            seen?.(++count)
          },
        })
        .uid('order')
        .sinkTo(out.sink, { uid: 'out' })
    },
  })
}

/** Runs until so many records have been seen, then suspends; one failure on the way if `failAt` is given. */
async function runUntil(
  options: JobOptions,
  seen: number,
  run: { parallelism: number; folder: string; failAt?: number },
) {
  let suspend = (): void => undefined
  let failed = false
  const definition = job({
    ...options,
    seen(count) {
      if (count === run.failAt && !failed) {
        failed = true
        throw new Error('once')
      }
      if (count >= seen) suspend()
    },
  })
  const result = await runInProcess(definition, {
    parallelism: run.parallelism,
    checkpointDirectory: run.folder,
    checkpointIntervalMs: 60,
    restartAttempts: 3,
    onStart: (running) => (suspend = () => running.suspend()),
  })
  expect(result.failure).toBeUndefined()
  return result
}

async function consumersOf(stream: TestStream): Promise<string[]> {
  const { Consumers = [] } = await stream.client.send(new ListStreamConsumersCommand({ StreamARN: await stream.arn() }))
  return Consumers.filter(({ ConsumerStatus }) => ConsumerStatus !== 'DELETING').map((one) => one.ConsumerName ?? '')
}

let tls: { key: string; cert: string }
let restoreEnv = (): void => undefined
beforeAll(() => {
  restoreEnv = useAwsEnv({})
  tls = selfSigned()
})
afterAll(() => restoreEnv())

describeWith(['ferrokinesis'], 'fan-out, the service ending shards as the real one does', () => {
  let service: Emulator
  let faults: FaultProxy
  let secure: TlsProxy
  let streams = 0
  beforeAll(async () => {
    service = await startFerrokinesis()
    faults = await startFaultProxy(service)
    secure = await startTlsProxy(faults, tls)
  }, 60_000)
  afterAll(async () => {
    await secure.stop()
    await faults.stop()
    await service.stop()
  })
  beforeEach(() => faults.clear())

  const newStream = (shards: number) => TestStream.create(service, `fan-out-${++streams}`, shards)
  const wayBy = (version: string): Way =>
    version === 'HTTP/1.1' ? { endpoint: faults.endpoint, secure: false } : { endpoint: secure.endpoint, secure: true }

  describe.each(['HTTP/1.1', 'HTTP/2 over TLS'])('by %s', (version) => {
    it('reads through closed shards into their children, and finishes, its consumer deregistered', async () => {
      const stream = await newStream(2)
      for (let i = 1; i <= 4; i++) await stream.put(round(i))
      await stream.split()
      for (let i = 5; i <= 8; i++) await stream.put(round(i))
      await stream.merge(1)
      for (let i = 9; i <= 12; i++) await stream.put(round(i))
      // It tells arrival times in seconds, rounded up at times.
      await sleep(1_000)
      const out = collectSink<string>()
      const subscribed = secure.requests.get('SubscribeToShard 2.0') ?? 0
      const result = await runInProcess(job({ stream: stream.name, way: wayBy(version), out, bounded: true }), {
        parallelism: 2,
        checkpointIntervalMs: 100,
      })
      expect(result.failure).toBeUndefined()
      expect(out.values().sort()).toEqual(inOrder(12))
      expect(await consumersOf(stream)).toEqual([])
      const overHttp2 = (secure.requests.get('SubscribeToShard 2.0') ?? 0) - subscribed
      if (version === 'HTTP/1.1') expect(overHttp2).toBe(0)
      else expect(overHttp2).toBeGreaterThanOrEqual(5)
    }, 60_000)

    it('follows splits and merges, fails, is suspended and goes on at other parallelisms: each record once, in order for its key', async () => {
      const stream = await newStream(2)
      const rounds = 40
      const producing = (async () => {
        for (let i = 1; i <= rounds; i++) {
          await stream.put(round(i))
          if (i === 10) await stream.split()
          if (i === 20) await stream.merge(1)
          if (i === 30) await stream.split()
          await sleep(100)
        }
      })()
      const out = collectSink<string>()
      const folder = tempFolder()
      const options = { stream: stream.name, way: wayBy(version), out }
      await runUntil(options, 60, { parallelism: 2, folder })
      const [consumer] = await consumersOf(stream)
      expect(consumer).toMatch(/^millrace-/)
      await runUntil(options, 60, { parallelism: 3, folder, failAt: 30 })
      expect(await consumersOf(stream)).toEqual([consumer])
      await producing
      const left = rounds * KEYS.length - out.records.length
      if (left > 0) await runUntil(options, left, { parallelism: 1, folder })
      expect(out.values().sort()).toEqual(inOrder(rounds))
    }, 90_000)

    it('loses and repeats nothing over dropped connections, half events, throttling and failures of the service', async () => {
      const stream = await newStream(2)
      for (let i = 1; i <= 30; i++) await stream.put(round(i))
      const subscribe = { operation: 'SubscribeToShard' }
      faults.inject({ ...subscribe, fault: cutAfterBytes(3_000), times: 6 })
      faults.inject({ ...subscribe, fault: dropBefore(), times: 2 })
      faults.inject({ ...subscribe, fault: dropAfter(), times: 2 })
      faults.inject({ ...subscribe, fault: internalError(), times: 2 })
      faults.inject({ ...subscribe, fault: throttle('LimitExceededException'), times: 1 })
      faults.inject({ ...subscribe, fault: refuse(400, 'ResourceInUseException'), times: 1 })
      faults.inject({ operation: 'DescribeStreamConsumer', fault: internalError(), times: 1 })
      const out = collectSink<string>()
      const consumer = { times: { silenceMs: 2_000 } }
      await runUntil({ stream: stream.name, way: wayBy(version), out, consumer }, 30 * KEYS.length, {
        parallelism: 2,
        folder: tempFolder(),
      })
      expect(out.values().sort()).toEqual(inOrder(30))
      expect([...faults.injected.values()].reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(12)
    }, 90_000)

    it('renews its subscriptions before they expire: none is missed, none comes twice', async () => {
      const stream = await newStream(2)
      const before = faults.requests('SubscribeToShard')
      const rounds = 50
      const producing = (async () => {
        for (let i = 1; i <= rounds; i++) {
          await stream.put(round(i))
          await sleep(40)
        }
      })()
      const out = collectSink<string>()
      const consumer = { times: { renewAfterMs: 200, spacingMs: 10 } }
      await runUntil({ stream: stream.name, way: wayBy(version), out, consumer }, rounds * KEYS.length, {
        parallelism: 2,
        folder: tempFolder(),
      })
      await producing
      expect(out.values().sort()).toEqual(inOrder(rounds))
      expect(faults.requests('SubscribeToShard') - before).toBeGreaterThanOrEqual(6)
    }, 60_000)
  })

  it("a consumer of the user's own that is not there is one clear line before anything is read", async () => {
    const stream = await newStream(1)
    const source = kinesisSource({
      stream: stream.name,
      aws: { endpoint: service.endpoint },
      consumer: fanOut({ lifecycle: 'self', consumerName: 'ours' }),
    })
    await expect(source.check!({ uid: 'readings', jobId: 'job', warn: () => undefined })).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      message: `consumer "ours" of Kinesis stream "${stream.name}": is not registered`,
    })
  })
})

describeWith(['kinesis-local'], 'fan-out against another implementation', () => {
  let service: KinesisLocal
  beforeAll(async () => {
    service = await startKinesisLocal()
  }, 60_000)
  afterAll(() => service.stop())

  it.each(['HTTP/1.1', 'HTTP/2 over TLS'])(
    'reads by %s, is suspended and goes on',
    async (version) => {
      const stream = await TestStream.create(service, `local-${version.replace(/\W+/g, '-')}`, 2)
      const way =
        version === 'HTTP/1.1'
          ? { endpoint: service.endpoint, secure: false }
          : { endpoint: service.tlsEndpoint, secure: true }
      for (let i = 1; i <= 5; i++) await stream.put(round(i))
      const out = collectSink<string>()
      const folder = tempFolder()
      await runUntil({ stream: stream.name, way, out }, 5 * KEYS.length, { parallelism: 2, folder })
      for (let i = 6; i <= 10; i++) await stream.put(round(i))
      await runUntil({ stream: stream.name, way, out }, 5 * KEYS.length, { parallelism: 1, folder })
      expect(out.values().sort()).toEqual(inOrder(10))
    },
    60_000,
  )
})
