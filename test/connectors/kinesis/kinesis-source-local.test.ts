import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordsCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { AggregateBuilder } from '../../../operators/connectors/kinesis/aggregation/aggregate-builder.js'
import { kinesisSource, type KinesisSourceOptions, polling } from '../../../operators/connectors/kinesis/index.js'
import { defineJob, json, monotonous, record, value } from '../../../operators/index.js'
import type { JobDefinition } from '../../../runtime/contract/graph.js'
import { collectSink, runInProcess, type CollectSink } from '../../../runtime/testing/index.js'
import { clientFor, useAwsEnv } from '../../services/emulators/aws-env.js'
import { type KinesisLocal, startKinesisLocal } from '../../services/emulators/kinesis-local.js'
import { type FaultProxy, startFaultProxy } from '../../services/fault-proxy.js'
import { clockSkew, dropAfter, dropBefore, internalError, throttle, unavailable } from '../../services/faults/faults.js'
import { tempFolder } from '../support.js'

interface Reading {
  readonly key: string
  readonly number: number
}

let kinesis: KinesisLocal
let proxy: FaultProxy
let client: KinesisClient
let restoreEnv: () => void
let streams = 0

beforeAll(async () => {
  kinesis = await startKinesisLocal()
  proxy = await startFaultProxy(kinesis)
  client = new KinesisClient({ ...clientFor(kinesis), requestHandler: new NodeHttpHandler() })
  restoreEnv = useAwsEnv({ kinesis: proxy })
}, 60_000)

afterAll(async () => {
  restoreEnv()
  client.destroy()
  await proxy.stop()
  await kinesis.stop()
})

async function newStream(shards: number): Promise<string> {
  const name = `source-${++streams}`
  await client.send(new CreateStreamCommand({ StreamName: name, ShardCount: shards }))
  await openShards(name, shards)
  onTestFinished(() => proxy.clear())
  return name
}

/** Waits until the stream has so many open shards. */
async function openShards(name: string, count: number): Promise<{ id: string; from: bigint; to: bigint }[]> {
  for (;;) {
    const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName: name }))
    if (StreamDescriptionSummary?.StreamStatus !== 'ACTIVE') {
      await sleep(10)
      continue
    }
    const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: name }))
    const open = Shards.filter((shard) => shard.SequenceNumberRange?.EndingSequenceNumber === undefined)
    if (open.length === count) {
      return open
        .map(({ ShardId, HashKeyRange }) => ({
          id: ShardId!,
          from: BigInt(HashKeyRange!.StartingHashKey!),
          to: BigInt(HashKeyRange!.EndingHashKey!),
        }))
        .sort((a, b) => (a.from < b.from ? -1 : 1))
    }
    await sleep(20)
  }
}

async function split(name: string, open: number): Promise<void> {
  const [first] = await openShards(name, open)
  const middle = String((first!.from + first!.to) / 2n)
  await client.send(new SplitShardCommand({ StreamName: name, ShardToSplit: first!.id, NewStartingHashKey: middle }))
  await openShards(name, open + 1)
}

async function merge(name: string, open: number): Promise<void> {
  const shards = await openShards(name, open)
  const [left, right] = shards.slice(-2)
  await client.send(
    new MergeShardsCommand({ StreamName: name, ShardToMerge: left!.id, AdjacentShardToMerge: right!.id }),
  )
  await openShards(name, open - 1)
}

async function put(name: string, records: readonly Reading[]): Promise<void> {
  const entries = records.map((one) => ({ PartitionKey: one.key, Data: Buffer.from(JSON.stringify(one)) }))
  const answer = await client.send(new PutRecordsCommand({ StreamName: name, Records: entries }))
  expect(answer.FailedRecordCount ?? 0).toBe(0)
}

const KEYS = Array.from({ length: 8 }, (_, i) => `turbine-${i}`)

/** One record of each key. */
function round(number: number): Reading[] {
  return KEYS.map((key) => ({ key, number }))
}

const QUICK = polling({ fastestMs: 40, idleMs: 100 })

/** Tells of each record which number its key had before. */
function jobOn(
  options: KinesisSourceOptions,
  out: CollectSink<string>,
  seen: (count: number) => void = () => undefined,
): JobDefinition {
  let count = 0
  return defineJob({
    name: 'readings',
    build(env) {
      env
        .fromSource(kinesisSource({ consumer: QUICK, discoveryIntervalMs: 500, ...options }), {
          uid: 'readings',
          decode: json<Reading>(),
          watermarks: monotonous(),
        })
        .keyBy(({ key }) => key)
        .process({
          emits: record<string>(),
          state: { last: value<number>() },
          onElement({ key, number }, ctx) {
            const before = ctx.state.last.value() ?? 0
            ctx.state.last.update(number)
            ctx.emit(`${key}:${before}->${number}`)
            seen(++count)
          },
        })
        .uid('order')
        .sinkTo(out.sink, { uid: 'out' })
    },
  })
}

/** What comes out if each record of each key is seen once, in order. */
function inOrder(rounds: number): string[] {
  return KEYS.flatMap((key) => Array.from({ length: rounds }, (_, i) => `${key}:${i}->${i + 1}`)).sort()
}

describe('a job on a stream', () => {
  it('reads from its oldest record to the latest, and finishes', async () => {
    const stream = await newStream(3)
    for (let i = 1; i <= 10; i++) await put(stream, round(i))
    const out = collectSink<string>()
    const result = await runInProcess(jobOn({ stream, position: 'TRIM_HORIZON', stopAt: 'latest' }, out), {
      parallelism: 2,
    })
    expect(result.failure).toBeUndefined()
    expect(out.values().sort()).toEqual(inOrder(10))
  })

  it('reads through closed shards into their children, and finishes', async () => {
    const stream = await newStream(2)
    for (let i = 1; i <= 4; i++) await put(stream, round(i))
    await split(stream, 2)
    for (let i = 5; i <= 8; i++) await put(stream, round(i))
    await merge(stream, 3)
    for (let i = 9; i <= 12; i++) await put(stream, round(i))
    const out = collectSink<string>()
    const result = await runInProcess(jobOn({ stream, position: 'TRIM_HORIZON', stopAt: 'latest' }, out), {
      parallelism: 3,
      checkpointIntervalMs: 100,
    })
    expect(result.failure).toBeUndefined()
    expect(out.values().sort()).toEqual(inOrder(12))
  }, 40_000)

  it('follows splits and merges, fails, is suspended and goes on at other parallelisms: each record once, in order for its key', async () => {
    const stream = await newStream(2)
    const rounds = 40
    const producing = (async () => {
      for (let i = 1; i <= rounds; i++) {
        await put(stream, round(i))
        if (i === 10) await split(stream, 2)
        if (i === 20) await merge(stream, 3)
        if (i === 30) await split(stream, 2)
        await sleep(20)
      }
    })()
    const out = collectSink<string>()
    const checkpointDirectory = tempFolder()
    const total = rounds * KEYS.length
    const runs = [
      { parallelism: 2, until: 100, failAt: Infinity },
      { parallelism: 3, until: 120, failAt: 60 },
      { parallelism: 1, until: Infinity, failAt: Infinity },
    ]
    for (const { parallelism, until, failAt } of runs) {
      let suspend = (): void => undefined
      let failed = false
      const before = out.records.length
      const last = until === Infinity
      const job = jobOn({ stream, position: 'TRIM_HORIZON' }, out, (count) => {
        if (count === failAt && !failed) {
          failed = true
          throw new Error('once')
        }
        if (last ? before + count >= total : count === until) suspend()
      })
      const result = await runInProcess(job, {
        parallelism,
        checkpointDirectory,
        checkpointIntervalMs: 60,
        restartAttempts: 3,
        onStart: (running) => (suspend = () => running.suspend()),
      })
      expect(result.failure).toBeUndefined()
    }
    await producing
    expect(out.values().sort()).toEqual(inOrder(rounds))
  }, 60_000)

  it('from LATEST reads what arrived while it was down before its first record', async () => {
    const stream = await newStream(2)
    await put(stream, round(1))
    await sleep(20)
    const checkpointDirectory = tempFolder()
    const nothing = collectSink<string>()
    let suspend = (): void => undefined
    const first = runInProcess(jobOn({ stream }, nothing), {
      checkpointDirectory,
      checkpointIntervalMs: 50,
      onStart: (running) => (suspend = () => running.suspend()),
      events: { checkpoint: () => suspend() },
    })
    await first
    expect(nothing.values()).toEqual([])
    await put(stream, round(2))
    const out = collectSink<string>()
    let suspendSecond = (): void => undefined
    const second = await runInProcess(
      jobOn({ stream }, out, (count) => {
        if (count === KEYS.length) suspendSecond()
      }),
      { checkpointDirectory, onStart: (running) => (suspendSecond = () => running.suspend()) },
    )
    expect(second.failure).toBeUndefined()
    expect(out.values().sort()).toEqual(KEYS.map((key) => `${key}:0->2`).sort())
  }, 40_000)

  it("goes through the user's own HTTP handler, and leaves it open", async () => {
    const stream = await newStream(1)
    await put(stream, round(1))
    const requestHandler = new NodeHttpHandler()
    const asked: string[] = []
    const handle = requestHandler.handle.bind(requestHandler)
    requestHandler.handle = (request, options) => {
      asked.push(request.headers['x-amz-target'] ?? '')
      return handle(request, options)
    }
    let destroyed = false
    requestHandler.destroy = () => void (destroyed = true)
    const out = collectSink<string>()
    await runInProcess(jobOn({ stream, position: 'TRIM_HORIZON', stopAt: 'latest', aws: { requestHandler } }, out))
    expect(out.values().sort()).toEqual(inOrder(1))
    expect(asked).toContain('Kinesis_20131202.GetRecords')
    expect(destroyed).toBe(false)
  })

  it('takes aggregated records apart', async () => {
    const stream = await newStream(2)
    const builder = new AggregateBuilder()
    for (let number = 1; number <= 5; number++) {
      builder.add({ partitionKey: 'turbine-0', data: Buffer.from(JSON.stringify({ key: 'turbine-0', number })) })
    }
    await client.send(
      new PutRecordsCommand({
        StreamName: stream,
        Records: [{ PartitionKey: 'turbine-0', Data: builder.build() }],
      }),
    )
    const out = collectSink<string>()
    await runInProcess(jobOn({ stream, position: 'TRIM_HORIZON', stopAt: 'latest' }, out))
    expect(out.values()).toEqual([1, 2, 3, 4, 5].map((number) => `turbine-0:${number - 1}->${number}`))
  })

  it('survives throttling, 5xx, dropped connections and a clock that is off', async () => {
    const stream = await newStream(2)
    for (let i = 1; i <= 20; i++) await put(stream, round(i))
    const operation = ['GetRecords', 'GetShardIterator', 'ListShards', 'DescribeStreamSummary']
    for (const fault of [
      throttle('ProvisionedThroughputExceededException'),
      internalError(),
      unavailable(),
      dropBefore(),
      dropAfter(),
    ]) {
      proxy.inject({ fault, operation, probability: 0.15, times: 3 })
    }
    proxy.inject({ fault: clockSkew(20 * 60_000), times: Infinity })
    const out = collectSink<string>()
    const source = {
      stream,
      position: 'TRIM_HORIZON',
      consumer: polling({ fastestMs: 20, idleMs: 50, maxRecords: 10 }),
    } as const
    const result = await runInProcess(jobOn({ ...source, stopAt: Date.now() }, out), {
      parallelism: 2,
      checkpointIntervalMs: 50,
    })
    expect(result.failure).toBeUndefined()
    expect(out.values().sort()).toEqual(inOrder(20))
    expect([...proxy.injected.values()].reduce((a, b) => a + b, 0)).toBeGreaterThan(5)
  }, 60_000)
})

describe('before anything is read', () => {
  const check = (options: KinesisSourceOptions): Promise<void> =>
    kinesisSource(options).check!({ uid: 'readings', jobId: 'job', warn: () => undefined })

  it('a stream that does not exist is one clear line', async () => {
    await expect(check({ stream: 'turbines' })).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      message: 'Kinesis stream "turbines": does not exist in region us-east-1',
    })
  })

  it('a stream by its ARN is found', async () => {
    const stream = await newStream(1)
    await check({ stream: `arn:aws:kinesis:us-east-1:123456789012:stream/${stream}` })
    const out = collectSink<string>()
    await put(stream, round(1))
    const arn = `arn:aws:kinesis:us-east-1:123456789012:stream/${stream}`
    await runInProcess(jobOn({ stream: arn, position: 'TRIM_HORIZON', stopAt: 'latest' }, out))
    expect(out.values().sort()).toEqual(inOrder(1))
  })

  it('a service that cannot be reached is one clear line', async () => {
    await expect(check({ stream: 'turbines', aws: { endpoint: 'http://127.0.0.1:1' } })).rejects.toMatchObject({
      message: 'Kinesis stream "turbines": the service cannot be reached (ECONNREFUSED)',
    })
  })

  it('a missing region is one clear line', async () => {
    const region = process.env['AWS_REGION']
    delete process.env['AWS_REGION']
    try {
      await expect(check({ stream: 'turbines' })).rejects.toMatchObject({
        code: 'MILLRACE_USAGE',
        message: 'no AWS region is set',
      })
    } finally {
      process.env['AWS_REGION'] = region
    }
  })

  it('missing credentials are one clear line', async () => {
    const key = process.env['AWS_ACCESS_KEY_ID']
    delete process.env['AWS_ACCESS_KEY_ID']
    try {
      await expect(check({ stream: 'turbines' })).rejects.toMatchObject({
        message: 'Kinesis stream "turbines": no AWS credentials found',
      })
    } finally {
      process.env['AWS_ACCESS_KEY_ID'] = key
    }
  })

  it('a time to start at that has not come is refused', async () => {
    const stream = await newStream(1)
    await expect(check({ stream, position: { atTimestampMs: Date.now() + 60_000 } })).rejects.toMatchObject({
      message: expect.stringContaining('in the future'),
    })
  })
})
