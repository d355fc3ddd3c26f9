import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectedRows, type KnownTemperature, type SensorRow } from '../jobs/oracle-sensors.js'
import { randomSource } from '../oracles/random-source.js'
import { describeWith } from './emulators/availability.js'
import { awsEnv } from './emulators/aws-env.js'
import { startDynamoDbLocal } from './emulators/dynamodb-local.js'
import type { Emulator } from './emulators/emulator.js'
import { startKinesisLocal } from './emulators/kinesis-local.js'
import { startFaultProxy } from './fault-proxy.js'
import { internalErrorAfter, throttle } from './faults/faults.js'
import { partialFailure } from './faults/partial.js'
import { jobFolder, submit } from './support-jobs.js'
import { TestStream } from './support-streams.js'
import { createTable } from './support-tables.js'

const START = Date.UTC(2024, 0, 15, 6)
const KEY = { window: 'N', rank: 'N' } as const

function readings(seed: number, count: number, startMs: number): KnownTemperature[] {
  const random = randomSource(seed)
  return Array.from({ length: count }, (_, i) => ({
    id: random.pick(['Ada', 'Größe', "D'angelo", '__proto__']),
    temp: random.between(10, 550),
    status: random.pick(['OK', 'FAIL', 'WARN']),
    time: startMs + i * 100 - random.below(1000),
  }))
}
const sorted = (rows: readonly Record<string, unknown>[]): SensorRow[] =>
  (rows as unknown as SensorRow[]).toSorted((a, b) => a.window - b.window || a.rank - b.rank)

describeWith(['dynamodb-local'], 'hotSensors from Kinesis to DynamoDB', () => {
  let kinesis: Emulator
  let dynamodb: Emulator
  beforeAll(async () => {
    ;[kinesis, dynamodb] = await Promise.all([startKinesisLocal(), startDynamoDbLocal()])
  })
  afterAll(async () => {
    await kinesis?.stop()
    await dynamodb?.stop()
  })

  it('fills both tables with each row once, through throttling, lost answers and kill -9', async () => {
    const stream = await TestStream.create(kinesis, 'kinesis-stream', 3)
    const dump = await createTable(dynamodb, 'data_dump', KEY)
    const anomalies = await createTable(dynamodb, 'data_anomaly', KEY)
    const proxy = await startFaultProxy(dynamodb, { seed: 5 })
    const operation = 'BatchWriteItem'
    proxy.inject({ operation, fault: throttle(), probability: 0.1, times: Infinity })
    proxy.inject({ operation, fault: internalErrorAfter(), probability: 0.1, times: Infinity })
    proxy.inject({ operation, fault: partialFailure(), probability: 0.3, times: Infinity })
    const parts = [0, 1, 2].map((i) => readings(20 + i, 500, START + i * 50_000))
    const put = (rows: readonly KnownTemperature[]): Promise<void> =>
      stream.put(
        rows.map(({ id, temp, status, time }, i) => ({ data: `${id},${temp},${status},${time}`, key: `${i}` })),
      )
    const cwd = await jobFolder()
    const run = () =>
      submit({
        job: 'hotSensors',
        cwd,
        env: awsEnv({ kinesis, dynamodb: proxy }),
        options: ['--checkpoint-interval', '300ms'],
        params: {
          input: 'kinesis://kinesis-stream?position=TRIM_HORIZON',
          output: 'dynamodb://data_dump',
          anomalies: 'dynamodb://data_anomaly',
        },
      })
    try {
      await put(parts[0]!)
      const first = run()
      await first.hasRead(500)
      await put(parts[1]!)
      await first.hasRead(700)
      await first.crash()
      await put(parts[2]!)
      const second = run()
      // Event time goes on in every shard: all windows before fire.
      await put(readings(30, 60, START + 3_605_000))
      const expected = expectedRows(parts.flat())
      await expect.poll(async () => (await dump.items()).length, { timeout: 40_000 }).toBe(expected.length)
      expect(await second.suspend()).toMatchObject({ failure: null, status: 'SUSPENDED', lateRecordsDropped: 0 })

      expect(sorted(await dump.items())).toEqual(expected)
      expect(sorted(await anomalies.items())).toEqual(expected.filter(({ currentTemp }) => currentTemp > 100))
      for (const fault of ['throttle', 'internal error after', 'partial failure']) {
        expect(proxy.injected.get(`${operation} ${fault}`), fault).toBeGreaterThan(0)
      }
    } finally {
      await proxy.stop()
    }
  })

  it.each([
    ['no region', { AWS_REGION: undefined }, {}, 'no AWS region is set'],
    [
      'no credentials',
      { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined },
      {},
      'no AWS credentials found',
    ],
    ['a stream that is not there', {}, { input: 'kinesis://no-stream' }, 'Kinesis stream "no-stream": does not exist'],
    ['a table that is not there', {}, { output: 'dynamodb://no-table' }, 'DynamoDB table "no-table": does not exist'],
  ])('says %s in one line, before anything is read', async (_, missing, wrong, message) => {
    await TestStream.create(kinesis, 'there').catch(() => undefined)
    await createTable(dynamodb, 'there', KEY).catch(() => undefined)
    const env: Record<string, string> = {}
    for (const [name, value] of Object.entries({ ...awsEnv({ kinesis, dynamodb }), ...missing })) {
      if (value !== undefined) env[name] = value
    }
    const params = { input: 'kinesis://there?position=TRIM_HORIZON', output: 'dynamodb://there', ...wrong }
    const job = submit({ job: 'hotSensors', cwd: await jobFolder(), env, params, options: ['--log-level', 'error'] })
    const report = await job.report()
    expect(report.status).toBe('REFUSED')
    expect(report.failure?.message).toContain(message)
    expect(report.recordsIn).toBe(0)
    expect(job.output()).not.toMatch(/\n\s+at /)
    expect((await job.ended).code).toBe(2)
  })
})
