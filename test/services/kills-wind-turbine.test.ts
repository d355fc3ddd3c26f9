import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { randomSource } from '../oracles/random-source.js'
import { available, describeWith } from './emulators/availability.js'
import { awsEnv } from './emulators/aws-env.js'
import { startDynamoDbLocal } from './emulators/dynamodb-local.js'
import type { Emulator } from './emulators/emulator.js'
import { startFerrokinesis } from './emulators/ferrokinesis.js'
import { startKinesisLocal } from './emulators/kinesis-local.js'
import { startMoto } from './emulators/moto.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import { createBucket } from './support-buckets.js'
import { jobFolder, submit } from './support-jobs.js'
import { afterCheckpoint, afterStart, fewRecords, inRequest, type Kill, killAgainAndAgain } from './support-kills.js'
import { LakeWatch, openUploads } from './support-lake.js'
import { TestStream } from './support-streams.js'
import { createTable } from './support-tables.js'
import { windFarmStream } from './support-wind-farm.js'

const JOB = fileURLToPath(new URL('jobs/wind-turbine-everywhere.ts', import.meta.url))
const SEED = Number(process.env['MILLRACE_SEED'] ?? 1)
const RECORDS = 6_000
const SHARDS = 4

describeWith(['dynamodb-local', 'moto'], 'windTurbine on Kinesis, killed ten times', () => {
  const running: { stop(): Promise<void> }[] = []
  let [kinesis, dynamodb, s3]: Emulator[] = []
  let proxies: { readonly kinesis: FaultProxy; readonly dynamodb: FaultProxy; readonly s3: FaultProxy }
  beforeAll(async () => {
    const startKinesis = available('ferrokinesis') ? startFerrokinesis : startKinesisLocal
    ;[kinesis, dynamodb, s3] = await Promise.all([startKinesis(), startDynamoDbLocal(), startMoto()])
    proxies = {
      kinesis: await startFaultProxy(kinesis),
      dynamodb: await startFaultProxy(dynamodb),
      s3: await startFaultProxy(s3),
    }
    running.push(...Object.values(proxies), kinesis, dynamodb, s3)
  })
  afterAll(async () => {
    for (const one of running) await one.stop()
  })

  it('has each alert once in the lake and the table, and none missing or wrong in the stream', async () => {
    const random = randomSource(SEED)
    const farm = windFarmStream(random, RECORDS)
    const input = await TestStream.create(kinesis!, 'turbine-input', SHARDS)
    const output = await TestStream.create(kinesis!, 'turbine-output', 2)
    const lake = await createBucket(s3!, 'lake')
    const table = await createTable(dynamodb!, 'alerts', { turbineID: 'S', windowStart: 'N' })
    await input.put(farm.records)

    const cwd = await jobFolder()
    const start = () =>
      submit({
        job: JOB,
        cwd,
        env: awsEnv(proxies),
        options: ['--checkpoint-interval', '150ms'],
        params: {
          input: 'kinesis://turbine-input?position=TRIM_HORIZON&stopAt=latest',
          output: 'kinesis://turbine-output?partitionKeyField=turbineID',
          lake: 's3://lake/alerts?rollRecords=40',
          invalid: 's3://lake/invalid?rollOnCheckpoint=true',
          table: 'dynamodb://alerts',
          window: '10s',
        },
      })
    const manifests = join(cwd, '.millrace/windTurbine/manifests')
    const kills: Kill[] = [
      afterStart(random.between(200, 1_500)),
      afterCheckpoint(manifests, random.below(40)),
      afterCheckpoint(manifests, random.between(100, 500)),
      inRequest(proxies.kinesis, 'PutRecords', 'after', random.below(4)),
      inRequest(proxies.kinesis, 'PutRecords', 'late', random.below(4)),
      inRequest(proxies.dynamodb, 'BatchWriteItem', 'after', random.below(8)),
      inRequest(proxies.dynamodb, 'BatchWriteItem', 'late', random.below(8)),
      inRequest(proxies.s3, 'CompleteMultipartUpload', 'before', random.below(3)),
      inRequest(proxies.s3, 'CompleteMultipartUpload', 'after', random.below(3)),
      inRequest(proxies.s3, 'UploadPart', 'late', random.below(3)),
    ]
    shuffle(kills, (limit) => random.below(limit))
    const reading = proxies.kinesis.inject({ operation: 'GetRecords', fault: fewRecords(25), times: Infinity })
    const watch = new LakeWatch(lake)
    await killAgainAndAgain(start, kills, () => watch.look())
    const before = watch.lines
    reading.remove()
    const last = start()
    const report = await last.report()
    expect(report, last.output()).toMatchObject({
      failure: null,
      status: 'FINISHED',
      recordsIn: RECORDS,
      lateRecordsDropped: 0,
      restoredFrom: expect.any(String) as string,
    })

    // The kills came in the middle.
    expect(before).toBeGreaterThan(20)
    expect(before).toBeLessThan(farm.alerts.length)
    await watch.look()
    expect((await lake.lines('alerts/')).sort()).toEqual(farm.alerts)
    const invalid = (await lake.lines('invalid/')).map((line) => (JSON.parse(line) as { raw: string }).raw)
    expect(invalid.sort()).toEqual(farm.invalid)
    expect(await openUploads(lake)).toEqual([])

    const items = await table.items()
    expect(items).toHaveLength(farm.alerts.length)
    const expected = new Map(farm.alerts.map((line) => [nameOf(JSON.parse(line) as Alert), JSON.parse(line) as Alert]))
    for (const item of items as unknown as Alert[]) expect(item).toEqual(expected.get(nameOf(item)))

    const written = (await output.read()).map(({ data }) => data)
    expect([...new Set(written)].sort()).toEqual(farm.alerts)
    // At-least-once: a request that nobody heard the answer of is made again.
    expect(written.length).toBeGreaterThan(farm.alerts.length)
  })
})

interface Alert {
  readonly turbineID: string
  readonly windowStart: number
}

function nameOf({ turbineID, windowStart }: Alert): string {
  return `${turbineID} ${windowStart}`
}

function shuffle<T>(items: T[], below: (limit: number) => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = below(i + 1)
    ;[items[i], items[j]] = [items[j]!, items[i]!]
  }
}
