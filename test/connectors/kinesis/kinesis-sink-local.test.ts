import {
  CreateStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { parseLocator } from '../../../operators/api/locator.js'
import { deaggregate } from '../../../operators/connectors/kinesis/aggregation/deaggregate.js'
import { hashKeyOf } from '../../../operators/connectors/kinesis/aggregation/hash-key.js'
import { kinesisSink, kinesisSinkFor, type KinesisSinkOptions } from '../../../operators/connectors/kinesis/index.js'
import { clientFor, useAwsEnv } from '../../services/emulators/aws-env.js'
import { type KinesisLocal, startKinesisLocal } from '../../services/emulators/kinesis-local.js'
import { type FaultProxy, startFaultProxy } from '../../services/fault-proxy.js'
import { dropAfter, internalErrorAfter, throttle, unavailable } from '../../services/faults/faults.js'
import { partialFailure } from '../../services/faults/partial.js'
import { checkOf, openRealSink } from '../batching/open-sink.js'

interface Consumed {
  readonly shardId: string
  readonly key: string
  readonly text: string
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
  const name = `stream-${++streams}`
  await client.send(new CreateStreamCommand({ StreamName: name, ShardCount: shards }))
  await active(name)
  onTestFinished(() => proxy.clear())
  return name
}

async function active(name: string): Promise<void> {
  const sink = kinesisSink({ stream: name, aws: { endpoint: kinesis.endpoint } })
  const check = async (): Promise<boolean> =>
    checkOf(sink).then(
      () => true,
      () => false,
    )
  while (!(await check())) await sleep(20)
}

/** What a consumer sees: user records, those outside their shard left out. */
async function consume(name: string): Promise<Consumed[]> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: name }))
  const consumed: Consumed[] = []
  for (const { ShardId: shardId = '', HashKeyRange: hashes } of Shards) {
    const range = { start: BigInt(hashes!.StartingHashKey!), end: BigInt(hashes!.EndingHashKey!) }
    const start = { StreamName: name, ShardId: shardId, ShardIteratorType: 'TRIM_HORIZON' as const }
    let { ShardIterator: iterator } = await client.send(new GetShardIteratorCommand(start))
    while (iterator !== undefined) {
      const page = await client.send(new GetRecordsCommand({ ShardIterator: iterator }))
      for (const { Data = new Uint8Array(), PartitionKey = '' } of page.Records ?? []) {
        const users = deaggregate(Data, range) ?? [{ data: Data, partitionKey: PartitionKey }]
        for (const { data, partitionKey } of users) {
          consumed.push({ shardId, key: partitionKey, text: Buffer.from(data).toString() })
        }
      }
      iterator = (page.Records ?? []).length === 0 ? undefined : page.NextShardIterator
    }
  }
  return consumed
}

const valueOf = (i: number): string => `value ${String(i).padStart(4, '0')}`
const keyOf = (value: string): string => `key-${Number(value.split(' ')[1]) % 16}`

describe('kinesisSink on a stream', () => {
  it.each<[string, Partial<KinesisSinkOptions<string>>]>([
    ['one by one', {}],
    ['in order of keys', { ordered: true, lingerMs: 5 }],
    ['aggregated', { aggregate: { maxRecords: 7 } }],
    ['aggregated, in order of keys', { aggregate: { maxRecords: 7 }, ordered: true }],
  ])(
    'nothing is lost when requests fail, wholly and in part, or their answers are lost: %s',
    async (_, options) => {
      const name = await newStream(3)
      const rules = [partialFailure(), throttle(), unavailable(), internalErrorAfter(), dropAfter()].map((fault) =>
        proxy.inject({ operation: 'PutRecords', fault, times: 2 }),
      )
      const { ctx, writer } = await openRealSink(
        kinesisSink<string>({ stream: name, partitionKey: keyOf, random: () => 0.1, ...options }),
      )
      const written = Array.from({ length: 160 }, (_, i) => valueOf(i))
      for (const value of written) writer.write(value, 0)
      await writer.flush(1)
      const consumed = await consume(name)
      expect([...new Set(consumed.map(({ text }) => text))].toSorted()).toEqual(written)
      for (const { key, text } of consumed) expect(key).toBe(keyOf(text))
      expect(ctx.rejected).toEqual([])
      expect(rules.map(({ struck }) => struck)).toEqual([2, 2, 2, 2, 2])
      if (options.ordered !== true) return
      // What comes twice comes twice; the first of each is in order.
      for (let key = 0; key < 16; key++) {
        const firsts = [...new Set(consumed.filter((one) => one.key === `key-${key}`).map(({ text }) => text))]
        expect(firsts).toEqual(firsts.toSorted())
      }
    },
    60_000,
  )

  it('after a crash what the checkpoint does not hold comes again, and record ids tell', async () => {
    const name = await newStream(2)
    const options = { stream: name, partitionKey: keyOf, encode: (text: string) => JSON.stringify({ text }) }
    const sink = kinesisSink<string>({ ...options, recordId: { field: 'id' } })
    const first = await openRealSink(sink)
    for (let i = 0; i < 40; i++) first.writer.write(valueOf(i), i)
    await first.writer.flush(1)
    for (let i = 40; i < 80; i++) first.writer.write(valueOf(i), i)
    // Its requests are under way, or have not left: nobody knows.
    void first.writer.busy?.()
    await sleep(120)
    await first.writer.close?.()
    const second = await openRealSink(sink)
    for (let i = 40; i < 100; i++) second.writer.write(valueOf(i), i)
    await second.writer.flush(2)
    const records = (await consume(name)).map(({ text }) => JSON.parse(text) as { id: string; text: string })
    const byId = new Map(records.map(({ id, text }) => [id, text]))
    expect([...byId.values()].toSorted()).toEqual(Array.from({ length: 100 }, (_, i) => valueOf(i)))
    expect(records.length).toBeGreaterThan(100)
  })

  it('aggregates survive a split of their shard', async () => {
    const name = await newStream(1)
    const { writer } = await openRealSink(kinesisSink<string>({ stream: name, partitionKey: keyOf, aggregate: true }))
    for (let i = 0; i < 60; i++) writer.write(valueOf(i), 0)
    const middle = String(1n << 127n)
    const split = { StreamName: name, ShardToSplit: 'shardId-000000000000', NewStartingHashKey: middle }
    await client.send(new SplitShardCommand(split))
    await active(name)
    for (let i = 60; i < 120; i++) writer.write(valueOf(i), 0)
    await writer.flush(1)
    const consumed = await consume(name)
    expect(consumed.map(({ text }) => text).toSorted()).toEqual(Array.from({ length: 120 }, (_, i) => valueOf(i)))
    for (const { key, shardId } of consumed) {
      const upper = hashKeyOf(key) >= 1n << 127n
      expect(shardId).toBe(`shardId-00000000000${upper ? 2 : 1}`)
    }
  })

  it('a locator says how, and fields are read from objects and from JSON text', async () => {
    const name = await newStream(1)
    const place = `kinesis://${name}?partitionKeyField=turbine.id&endpoint=${kinesis.endpoint}&region=us-east-1`
    const { ctx, writer } = await openRealSink(kinesisSinkFor<unknown>(parseLocator(place)!))
    writer.write({ turbine: { id: 7 } }, 0)
    writer.write('{"turbine":{"id":"eight"}}', 0)
    writer.write({ turbine: {} }, 0)
    await writer.flush(1)
    expect((await consume(name)).map(({ key }) => key).toSorted()).toEqual(['7', 'eight'])
    expect(ctx.rejected.map(({ reason }) => reason)).toEqual(['the partition key is empty'])
  })

  it('a stream that does not exist is one clear line, before any record', async () => {
    const sink = kinesisSink({ stream: 'nowhere' })
    await expect(checkOf(sink)).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: 'Kinesis stream "nowhere": does not exist in region us-east-1',
    })
  })
})
