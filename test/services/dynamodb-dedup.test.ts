// The transactional dedup operator against DynamoDB local, with faults between.
import { DynamoDBClient, ScanCommand, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { deduplicateByTransaction, type TransactionalDedupOptions } from '../../operators/connectors/dynamodb/index.js'
import { defineJob, type JobDefinition } from '../../operators/index.js'
import { collectSink, operatorHarness, runInProcess, sourceOf } from '../../runtime/testing/index.js'
import { randomSource } from '../oracles/random-source.js'
import { createTable, dropTables } from './dynamodb-tables.js'
import { describeWith } from './emulators/availability.js'
import { clientFor, useAwsEnv } from './emulators/aws-env.js'
import { startDynamoDbLocal } from './emulators/dynamodb-local.js'
import type { Emulator } from './emulators/emulator.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import {
  dropAfter,
  dropBefore,
  internalError,
  internalErrorAfter,
  refuse,
  throttle,
  transactionConflict,
} from './faults/faults.js'

interface Order {
  readonly order: string | undefined
  readonly at: string
  readonly time: number
  readonly note?: string
}

const SALT = 'a-very-secret-salt'

describeWith(['dynamodb-local'], 'deduplicateByTransaction', () => {
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
    table = await createTable(direct, { pk: 'S' })
  })
  afterEach(async () => {
    proxy.clear()
    await dropTables(direct)
  })

  const options = (others: Partial<TransactionalDedupOptions<Order>> = {}): TransactionalDedupOptions<Order> => ({
    uid: 'once',
    table,
    id: ({ order }) => order,
    position: ({ at }) => at,
    time: ({ time }) => time,
    salt: SALT,
    ttl: '1h',
    ...others,
  })

  function dedupJob(
    orders: readonly (readonly Order[])[],
    others: Partial<TransactionalDedupOptions<Order>> = {},
    fault?: (order: Order) => void,
  ) {
    const [unique, duplicates, rejected] = [
      collectSink<Order>(),
      collectSink<Order>(),
      collectSink<{ reason: string }>(),
    ]
    const job: JobDefinition = defineJob({
      name: 'dedup',
      build(env) {
        const source = env.fromSource(sourceOf(orders, { recordsPerPoll: 20 }), { uid: 'orders' })
        const out = deduplicateByTransaction(source, options(others))
        out.unique.map((order) => (fault?.(order), order)).sinkTo(unique.sink, { uid: 'unique' })
        out.duplicates.sinkTo(duplicates.sink, { uid: 'duplicates' })
        out.rejected.sinkTo(rejected.sink, { uid: 'rejected' })
      },
    })
    return { job, unique, duplicates, rejected }
  }

  const harness = (others: Partial<TransactionalDedupOptions<Order>> = {}) =>
    operatorHarness<Order>(dedupJob([], others).job, 'once')
  const order = (id: string | undefined, at: string, time = 1_000_000): Order => ({ order: id, at, time })
  const claims = async (): Promise<number> => (await direct.send(new ScanCommand({ TableName: table }))).Count!

  it('lets the first record of an id through, and sends the others to the duplicates', async () => {
    const operator = await harness()
    const [a, b, again] = [order('a', '1'), order('b', '2'), order('a', '3')]
    for (const one of [a, b, again]) operator.push(one, one.time)
    await operator.settled()
    expect(operator.values()).toEqual([a, b])
    expect(operator.sideOutput('duplicates').map(({ value }) => value)).toEqual([again])
    expect(operator.counter('numDuplicates')).toBe(1)
    expect(await claims()).toBe(2)
    await operator.close()
  })

  it('lets a record that is read again through again, and its duplicate not', async () => {
    for (let run = 0; run < 3; run++) {
      const operator = await harness()
      for (const one of [order('a', '1'), order('a', '2')]) operator.push(one, one.time)
      await operator.settled()
      expect(operator.values()).toEqual([order('a', '1')])
      expect(operator.sideOutput('duplicates')).toHaveLength(1)
      await operator.close()
    }
    expect(await claims()).toBe(1)
  })

  it('forgets an id when its claim has ended by the time of the record, deleted or not', async () => {
    const operator = await harness({ ttl: '10s' })
    for (const time of [100_000, 110_000, 110_999, 111_000, 121_999]) {
      operator.push(order('a', `at ${time}`, time), time)
      await operator.settled()
    }
    expect(operator.values().map(({ time }) => time)).toEqual([100_000, 111_000])
    await operator.close()
  })

  it('writes no id and no salt', async () => {
    const operator = await harness()
    operator.push(order('a-very-personal-id', '1'), 0)
    await operator.settled()
    const { Items } = await direct.send(new ScanCommand({ TableName: table }))
    expect(JSON.stringify(Items)).not.toMatch(/personal|secret/)
    expect(Object.keys(Items![0]!).sort()).toEqual(['expiresAt', 'owner', 'pk'])
    await operator.close()
  })

  it.each([
    ['a conflict', () => transactionConflict()],
    ['throttling', () => throttle()],
    ['a transaction in progress', () => refuse(400, 'TransactionInProgressException')],
    ['a 500', () => internalError()],
    ['a 500 after the claim was written', () => internalErrorAfter()],
    ['a connection that breaks before', () => dropBefore()],
    ['a connection that breaks after the claim was written', () => dropAfter()],
  ] as const)('decides each record once after %s, asking with the same token', async (_, fault) => {
    const bodies: string[] = []
    const when = (request: { body: Buffer }): boolean => {
      bodies.push(request.body.toString())
      return true
    }
    proxy.inject({ fault: fault(), operation: 'TransactWriteItems', times: 8, when })
    const operator = await harness({ random: () => 0.01 })
    for (const one of [order('a', '1'), order('a', '2'), order('b', '3')]) operator.push(one, one.time)
    const settled = operator.settled()
    // The harness' clock stands: retries wait for it.
    let done = false
    void settled.finally(() => (done = true))
    for (let ms = 0; !done; ms += 100) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      operator.advanceProcessingTime(ms)
    }
    await settled
    expect(operator.values().map(({ at }) => at)).toEqual(['1', '3'])
    expect(operator.sideOutput('duplicates')).toHaveLength(1)
    expect(
      new Set(bodies.map((body) => (JSON.parse(body) as { ClientRequestToken: string }).ClientRequestToken)).size,
    ).toBeLessThanOrEqual(3)
    expect(new Set(bodies).size).toBeLessThanOrEqual(3)
    await operator.close()
  })

  it.each([1, 7, 100])(
    'claims in transactions of %i at most, and splits them on cancellation',
    async (claimsPerTransaction) => {
      const random = randomSource(claimsPerTransaction)
      const orders = Array.from({ length: 300 }, (_, i) => order(`order-${random.below(120)}`, `at ${i}`))
      const requests = proxy.requests('TransactWriteItems')
      proxy.inject({ fault: transactionConflict(), operation: 'TransactWriteItems', times: 5 })
      const { job, unique, duplicates } = dedupJob([orders], {
        claimsPerTransaction,
        capacity: 200,
        random: () => 0.01,
      })
      const result = await runInProcess(job)
      expect(result.failure).toBeUndefined()
      const first = new Map<string, string>()
      for (const one of orders) if (!first.has(one.order!)) first.set(one.order!, one.at)
      expect(unique.values().map(({ at }) => at)).toEqual([...first.values()])
      expect(duplicates.values()).toHaveLength(300 - first.size)
      expect(await claims()).toBe(first.size)
      if (claimsPerTransaction > 1) expect(proxy.requests('TransactWriteItems') - requests).toBeLessThan(300)
    },
  )

  it.each([
    [1, 1],
    [10, 1],
    [10, 2],
  ])(
    'comes to the same after failures in between, %i claims a transaction, parallelism %i',
    async (claimsPerTransaction, parallelism) => {
      const random = randomSource(11)
      const splits = [0, 1].map((split) =>
        Array.from({ length: 200 }, (_, i) => order(`order-${random.below(90)}-${split}`, `${split}:${i}`)),
      )
      const failing = new Set(['0:20', '1:55', '0:130', '1:190'])
      const fault = ({ at }: Order): void => {
        if (failing.delete(at)) throw new Error(`fault at ${at.replace(/\d/g, (d) => 'abcdefghij'[Number(d)]!)}`)
      }
      const { job, unique, duplicates } = dedupJob(splits, { claimsPerTransaction }, fault)
      // Read again, records may come in another order between the splits: ids are of one split each.
      const result = await runInProcess(job, { parallelism, checkpointIntervalMs: 10, restartAttempts: 20 })
      expect(result.failure).toBeUndefined()
      expect(failing.size).toBeLessThan(4)
      const first = new Map<string, string>()
      for (const one of splits.flat()) if (!first.has(one.order!)) first.set(one.order!, one.at)
      expect(
        unique
          .values()
          .map(({ at }) => at)
          .sort(),
      ).toEqual([...first.values()].sort())
      expect(duplicates.values()).toHaveLength(400 - first.size)
    },
  )

  it('comes to the same when the process ends in between, again and again', async () => {
    const checkpointDirectory = await mkdtemp(join(tmpdir(), 'millrace-dedup-'))
    const random = randomSource(3)
    const orders = Array.from({ length: 300 }, (_, i) => order(`order-${random.below(150)}`, `at ${i}`))
    const failing = new Set(orders.filter((_, i) => i % 60 === 59).map(({ order: id }) => id))
    const fault = ({ order: id }: Order): void => {
      if (failing.delete(id)) throw new Error('the process is gone')
    }
    const { job, unique, duplicates } = dedupJob([orders], { claimsPerTransaction: 5 }, fault)
    const statuses: string[] = []
    while (statuses.at(-1) !== 'FINISHED' && statuses.length < 10) {
      statuses.push((await runInProcess(job, { checkpointDirectory, checkpointIntervalMs: 5 })).status)
    }
    await rm(checkpointDirectory, { recursive: true, force: true, maxRetries: 10 })
    expect(statuses.length).toBeGreaterThan(3)
    const first = new Map<string, string>()
    for (const one of orders) if (!first.has(one.order!)) first.set(one.order!, one.at)
    expect(unique.values().map(({ at }) => at)).toEqual([...first.values()])
    expect(duplicates.values()).toHaveLength(300 - first.size)
  })

  it('knows what others have claimed in its namespace; without one there are no others', async () => {
    const seen: number[] = []
    for (const [i, namespace] of ['orders', 'orders', 'others', undefined, undefined].entries()) {
      const { job, unique } = dedupJob([[order('a', `of ${i}`)]], {
        uid: `once-${i}`,
        ...(namespace === undefined ? {} : { namespace }),
      })
      expect((await runInProcess(job)).failure).toBeUndefined()
      seen.push(unique.values().length)
    }
    expect(seen).toEqual([1, 0, 1, 1, 1])
  })

  it('rejects records without an id, and those whose item is too large for the table', async () => {
    const { job, unique, rejected } = dedupJob(
      [[order(undefined, '1'), order('', '2'), { ...order('b', '3'), note: 'x'.repeat(410_000) }, order('c', '4')]],
      { attributes: ({ note }) => ({ note }) },
    )
    expect((await runInProcess(job)).failure).toBeUndefined()
    expect(unique.values().map(({ at }) => at)).toEqual(['4'])
    expect(rejected.values().map(({ reason }) => reason)).toEqual([
      'has no id',
      'has no id',
      expect.stringMatching(/over the limit of 409600/) as string,
    ])
  })

  it('rejects a claim that the service calls invalid, alone, whatever it was sent with', async () => {
    const when = ({ body }: { body: Buffer }): boolean => body.toString().includes('poison')
    proxy.inject({
      fault: refuse(400, 'ValidationException', 'no such value'),
      operation: 'TransactWriteItems',
      times: Infinity,
      when,
    })
    const orders = [order('a', '1'), { ...order('b', '2'), note: 'poison' }, order('c', '3')]
    const { job, unique, rejected } = dedupJob([orders], {
      claimsPerTransaction: 50,
      attributes: ({ note }) => ({ note }),
    })
    expect((await runInProcess(job)).failure).toBeUndefined()
    expect(unique.values().map(({ at }) => at)).toEqual(['1', '3'])
    expect(rejected.values()).toMatchObject([{ value: { at: '2' }, reason: 'ValidationException: no such value' }])
  })

  it('fails where a record is rejected and nobody reads that', async () => {
    const job = defineJob({
      name: 'dedup',
      build(env) {
        const source = env.fromSource(sourceOf([[order(undefined, '1')]]), { uid: 'orders' })
        deduplicateByTransaction(source, options()).unique.sinkTo(collectSink<Order>().sink, { uid: 'unique' })
      },
    })
    const { failure } = await runInProcess(job)
    expect(failure).toMatchObject({
      uid: 'once',
      error: { code: 'MILLRACE_OUTPUT', message: expect.stringMatching(/has no id/) as string },
    })
  })

  it('fails naming the position when another record was claimed with it', async () => {
    const { job } = dedupJob([[order('a', 'same'), order('b', 'same')]])
    const { failure } = await runInProcess(job)
    expect(failure).toMatchObject({
      uid: 'once',
      error: { code: 'MILLRACE_USER', message: expect.stringMatching(/the one at same was claimed/) as string },
    })
    expect(JSON.stringify(failure)).not.toContain(SALT)
  })

  it('goes on when its own claim only looks different: with another time to live after a restart', async () => {
    for (const ttl of ['1h', '2h'] as const) {
      const { job, unique } = dedupJob([[order('a', '1'), order('b', '2')]], { ttl, claimsPerTransaction: 2 })
      expect((await runInProcess(job)).failure).toBeUndefined()
      expect(unique.values()).toHaveLength(2)
    }
  })

  it("gives up in the end, with the service's reason", async () => {
    proxy.inject({ fault: transactionConflict(), operation: 'TransactWriteItems', times: Infinity })
    const { job } = dedupJob([[order('a', '1')]], { giveUp: '200ms', random: () => 0.5 })
    const { failure } = await runInProcess(job)
    expect(failure).toMatchObject({
      uid: 'once',
      error: { code: 'MILLRACE_OUTPUT', message: expect.stringMatching(/TransactionConflict/) as string },
    })
  })

  it('is checked before the job runs: the table, its key and its time to live', async () => {
    const check = async (others: Partial<TransactionalDedupOptions<Order>> = {}): Promise<string[]> => {
      const warnings: string[] = []
      const node = dedupJob([], others)
        .job.build({})
        .nodes.find(({ uid }) => uid === 'once')!
      if (node.kind !== 'operator') throw new Error('no operator')
      await node.check!({ uid: 'once', jobId: 'dedup', warn: (message) => void warnings.push(message) })
      return warnings
    }
    expect(await check()).toEqual([expect.stringMatching(/has no time to live on expiresAt/)])
    const TimeToLiveSpecification = { AttributeName: 'expiresAt', Enabled: true }
    await direct.send(new UpdateTimeToLiveCommand({ TableName: table, TimeToLiveSpecification }))
    expect(await check()).toEqual([])
    await expect(check({ table: 'nowhere' })).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: 'DynamoDB table "nowhere": does not exist in region us-east-1',
    })
    const sorted = await createTable(direct, { pk: 'S', time: 'N' })
    await expect(check({ table: sorted })).rejects.toThrow(/its key is pk \(S, HASH\), time \(N, RANGE\)/)
    await expect(check({ partitionKey: 'key' })).rejects.toThrow(/its key is pk \(S, HASH\)/)
    proxy.inject({ fault: refuse(400, 'AccessDeniedException', 'not allowed'), operation: 'DescribeTable' })
    await expect(check()).rejects.toMatchObject({ hint: expect.stringMatching(/dynamodb:DescribeTable/) as string })
  })
})
