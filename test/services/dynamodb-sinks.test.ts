// The DynamoDB sinks and look-ups against DynamoDB local, with faults between.
import { DynamoDBClient, GetItemCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import {
  dynamoDbBatchSink,
  dynamoDbLookup,
  dynamoDbTable,
  dynamoDbUpsertSink,
  withReference,
} from '../../operators/connectors/dynamodb/index.js'
import { defineJob, type JobDefinition, type RejectedRecord, type Sink } from '../../operators/index.js'
import { collectSink, runInProcess, sourceOf } from '../../runtime/testing/index.js'
import { VirtualClock } from '../../runtime/testing/virtual-clock.js'
import { LocalMetrics } from '../../runtime/task/counters.js'
import { createTable, dropTables } from './dynamodb-tables.js'
import { describeWith } from './emulators/availability.js'
import { clientFor, useAwsEnv } from './emulators/aws-env.js'
import { startDynamoDbLocal } from './emulators/dynamodb-local.js'
import type { Emulator } from './emulators/emulator.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import { dropAfter, internalError, refuse, throttle } from './faults/faults.js'
import { partialFailure } from './faults/partial.js'

interface Reading {
  readonly id: string
  readonly n: number
  readonly speed?: number
  readonly place?: string
  readonly gone?: boolean
}

describeWith(['dynamodb-local'], 'DynamoDB', () => {
  let emulator: Emulator
  let proxy: FaultProxy
  let direct: DynamoDBClient
  let restoreEnv: () => void
  let table: string

  beforeAll(async () => {
    emulator = await startDynamoDbLocal()
    proxy = await startFaultProxy(emulator)
    direct = new DynamoDBClient(clientFor(emulator))
    restoreEnv = useAwsEnv({ dynamodb: proxy })
  })
  afterAll(async () => {
    restoreEnv?.()
    direct?.destroy()
    await proxy?.stop()
    await emulator?.stop()
  })
  beforeEach(async () => {
    table = await createTable(direct, { id: 'S' })
  })
  afterEach(async () => {
    proxy.clear()
    await dropTables(direct)
  })

  const items = async (): Promise<Record<string, unknown>[]> => {
    const { Items = [] } = await direct.send(new ScanCommand({ TableName: table }))
    return Items.map((item) => unmarshall(item)).sort((a, b) => String(a['id']).localeCompare(String(b['id'])))
  }

  function writing(values: readonly unknown[], sink: () => Sink<Reading>, fault?: (value: Reading) => void) {
    const rejected = collectSink<RejectedRecord<Reading>>()
    const job: JobDefinition = defineJob({
      name: 'writing',
      build(env) {
        const source = env.fromSource(sourceOf([values as Reading[]], { recordsPerPoll: 50 }), { uid: 'readings' })
        const out = source.map((value) => (fault?.(value), value)).sinkTo(sink(), { uid: 'table' })
        out.rejected.sinkTo(rejected.sink, { uid: 'rejected' })
      },
    })
    return { job, rejected }
  }

  /** Each key many times, so that order shows. */
  const readings = (keys: number, records: number): Reading[] =>
    Array.from({ length: records }, (_, n) => ({ id: `t-${n % keys}`, n, speed: n / 2 }))
  const latest = (values: readonly Reading[]): Reading[] =>
    [...new Map(values.map((value) => [value.id, value])).values()].sort((a, b) => a.id.localeCompare(b.id))

  const sinks: Record<string, () => Sink<Reading>> = {
    batch: () => dynamoDbBatchSink<Reading>({ table, lingerMs: 1 }),
    replace: () => dynamoDbUpsertSink<Reading>({ table }),
    merge: () => dynamoDbUpsertSink<Reading>({ table, mode: 'merge' }),
    'replace by version': () => dynamoDbUpsertSink<Reading>({ table, version: 'n' }),
  }

  it.each(Object.keys(sinks))('%s: the last record of each key stands, whatever fails between', async (name) => {
    const values = readings(40, 300)
    const operation = ['BatchWriteItem', 'PutItem', 'UpdateItem']
    proxy.inject({ fault: partialFailure(), operation: 'BatchWriteItem', times: 10 })
    for (const fault of [throttle(), internalError(), dropAfter()])
      proxy.inject({ fault, operation, after: 3, times: 2 })
    const { job } = writing(values, sinks[name]!)
    const result = await runInProcess(job, { checkpointIntervalMs: 50 })
    expect(result.failure).toBeUndefined()
    expect(await items()).toEqual(latest(values))
  })

  it.each(Object.keys(sinks))('%s: a job that failed in between comes to the same table', async (name) => {
    const values = readings(30, 300)
    const failing = new Set([70, 200, 290])
    const { job } = writing(values, sinks[name]!, ({ n }) => {
      if (failing.delete(n)) throw new Error(`fault ${'x'.repeat(n % 7)}`)
    })
    const result = await runInProcess(job, { checkpointIntervalMs: 5, restartAttempts: 10 })
    expect(result.failure).toBeUndefined()
    expect(failing.size).toBe(0)
    expect(await items()).toEqual(latest(values))
  })

  it('merge sets the fields that a record has, and leaves the others', async () => {
    const { job } = writing(
      [{ id: 'a', n: 1, speed: 5 }, { id: 'a', n: 2, place: 'Turin' }, { id: 'b' }],
      sinks['merge']!,
    )
    expect((await runInProcess(job)).failure).toBeUndefined()
    expect(await items()).toEqual([{ id: 'a', n: 2, speed: 5, place: 'Turin' }, { id: 'b' }])
  })

  it('by version, an item is not put back by an older record', async () => {
    await direct.send(new PutItemCommand({ TableName: table, Item: marshall({ id: 'a', n: 50 }) }))
    const { job } = writing(
      [
        { id: 'a', n: 49 },
        { id: 'b', n: 1 },
      ],
      sinks['replace by version']!,
    )
    const result = await runInProcess(job)
    expect(await items()).toEqual([
      { id: 'a', n: 50 },
      { id: 'b', n: 1 },
    ])
    expect(result.counters['table']!['numOlderVersions']).toBe(1)
  })

  it.each(['batch', 'replace', 'merge'])('%s: deletes the items of records that say so', async (name) => {
    const deletes = ({ gone }: Reading): boolean => gone === true
    const sink = (): Sink<Reading> =>
      name === 'batch'
        ? dynamoDbBatchSink({ table, deletes })
        : dynamoDbUpsertSink({ table, deletes, mode: name as 'replace' | 'merge' })
    const { job } = writing(
      [
        { id: 'a', n: 1 },
        { id: 'b', n: 1 },
        { id: 'a', n: 2, gone: true },
      ],
      sink,
    )
    expect((await runInProcess(job)).failure).toBeUndefined()
    expect(await items()).toEqual([{ id: 'b', n: 1 }])
  })

  it.each(['batch', 'replace'])(
    '%s: what can never be written is rejected with the reason, all else is written',
    async (name) => {
      const { job, rejected } = writing(
        [
          { id: 'a', n: 1 },
          { id: '', n: 2 },
          { n: 3 },
          { id: 'big', n: 4, place: 'x'.repeat(409_600) },
          'no JSON',
          '{"id":"text","n":6}',
        ],
        sinks[name]!,
      )
      expect((await runInProcess(job)).failure).toBeUndefined()
      const reasons = rejected.values().map(({ reason }) => reason)
      expect(reasons).toEqual(
        expect.arrayContaining([
          'the partition key id is empty',
          'the partition key id is missing; it has n',
          expect.stringMatching(/over the limit of 409600 bytes/),
          'is no object',
        ]),
      )
      expect((await items()).map(({ id }) => id)).toEqual(expect.arrayContaining(['a', 'text']))
    },
  )

  it('a request that the service refuses for one item is sent again without it', async () => {
    const when = ({ body }: { body: Buffer }): boolean => body.toString().includes('poison')
    proxy.inject({
      fault: refuse(400, 'ValidationException', 'bad item'),
      operation: 'BatchWriteItem',
      times: Infinity,
      when,
    })
    const values = [...readings(20, 20), { id: 'poison', n: 1 }]
    const { job, rejected } = writing(values, sinks['batch']!)
    expect((await runInProcess(job)).failure).toBeUndefined()
    expect(rejected.values()).toMatchObject([{ value: { id: 'poison' }, reason: 'ValidationException: bad item' }])
    expect(await items()).toHaveLength(20)
  })

  it('a table that is not there is one clear line, before the job runs', async () => {
    const check = (sink: Sink<Reading>): Promise<void> =>
      sink.check!({ uid: 'table', jobId: 'j', warn: () => undefined })
    await check(dynamoDbBatchSink({ table }))
    await expect(check(dynamoDbBatchSink({ table: 'nowhere' }))).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: 'DynamoDB table "nowhere": does not exist in region us-east-1',
    })
    proxy.inject({ fault: refuse(400, 'AccessDeniedException', 'no'), operation: 'DescribeTable' })
    await expect(check(dynamoDbUpsertSink({ table }))).rejects.toMatchObject({
      hint: expect.stringMatching(/dynamodb:DescribeTable/) as string,
    })
  })

  it('dynamoDbTable: a whole table, looked up at once and refreshed; a refresh that fails keeps the old one', async () => {
    for (let n = 0; n < 30; n++) {
      await direct.send(
        new PutItemCommand({
          TableName: table,
          Item: marshall({ id: `bot-${n}`, bot: true, text: 'x'.repeat(60_000) }),
        }),
      )
    }
    const clock = new VirtualClock(0)
    const warnings: string[] = []
    const bots = dynamoDbTable<string, boolean>({
      table,
      key: (item) => item['id'] as string,
      value: (item) => item['bot'] === true,
      refresh: '1m',
    })
    await bots.check({ uid: 'u', jobId: 'j', warn: () => undefined })
    const now = await bots.open({ clock, metrics: new LocalMetrics(), warn: (message) => void warnings.push(message) })
    // More than a page of the scan.
    expect(now.size).toBe(30)
    expect([now.get('bot-7'), now.get('person')]).toEqual([true, undefined])
    await direct.send(new PutItemCommand({ TableName: table, Item: marshall({ id: 'new-bot', bot: true }) }))
    const fault = proxy.inject({ fault: refuse(400, 'AccessDeniedException', 'no'), operation: 'Scan' })
    clock.advanceTo(60_000)
    await expect.poll(() => warnings).toEqual([expect.stringMatching(/could not be refreshed/)])
    expect(fault.struck).toBe(1)
    expect([now.size, now.get('new-bot')]).toEqual([30, undefined])
    clock.advanceTo(120_000)
    await expect.poll(() => now.get('new-bot')).toBe(true)
    now.close()
    await expect(
      dynamoDbTable({ table: 'nowhere', key: () => 'x' }).check({ uid: 'u', jobId: 'j', warn: () => undefined }),
    ).rejects.toMatchObject({ code: 'MILLRACE_INPUT' })
  })

  it('looks records up in jobs: whole tables in process(), keys in asyncProcess()', async () => {
    await direct.send(new PutItemCommand({ TableName: table, Item: marshall({ id: 'bot', visits: 2n ** 60n }) }))
    const [whole, single] = [collectSink<string>(), collectSink<string>()]
    const job = defineJob({
      name: 'agents',
      build(env) {
        const agents = env.fromSource(sourceOf([['bot', 'person', 'bot', 'bot']]), { uid: 'agents' })
        const bots = dynamoDbTable({ table, key: (item) => item['id'] as string })
        agents
          .process<string>(withReference(bots, (agent, table, ctx) => ctx.emit(`${agent} ${table.has(agent)}`)))
          .sinkTo(whole.sink, { uid: 'whole' })
        const lookup = dynamoDbLookup({ table, keyOf: (id: string) => ({ id }) })
        let items: Awaited<ReturnType<typeof lookup.open>> | undefined
        agents
          .asyncProcess<string>(
            {
              check: (ctx) => lookup.check(ctx),
              open: async (ctx) => void (items = await lookup.open(ctx)),
              onElement: async (agent, ctx) =>
                ctx.emit(`${agent} ${(await items!.get(agent))?.['visits'] as bigint | undefined}`),
              close: () => items?.close(),
            },
            { uid: 'look-up' },
          )
          .sinkTo(single.sink, { uid: 'single' })
      },
    })
    const before = proxy.requests('GetItem')
    const result = await runInProcess(job)
    expect(result.failure).toBeUndefined()
    expect(whole.values()).toEqual(['bot true', 'person false', 'bot true', 'bot true'])
    expect(single.values()).toEqual([
      'bot 1152921504606846976',
      'person undefined',
      'bot 1152921504606846976',
      'bot 1152921504606846976',
    ])
    expect(proxy.requests('GetItem') - before).toBe(2)
  })

  it('reads back what it wrote: numbers exact, bytes, lists and maps', async () => {
    const item = { id: 'a', big: 2n ** 100n, bytes: new Uint8Array([1, 2]), deep: { list: [1, 'x', null, true] } }
    const { job } = writing([item], () => dynamoDbUpsertSink<Reading>({ table, item: (value) => ({ ...value }) }))
    expect((await runInProcess(job)).failure).toBeUndefined()
    const { Item } = await direct.send(new GetItemCommand({ TableName: table, Key: { id: { S: 'a' } } }))
    expect(unmarshall(Item!)).toEqual(item)
  })
})
