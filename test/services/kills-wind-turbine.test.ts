import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { randomSource } from '../oracles/random-source.js'
import { describeWith } from './emulators/availability.js'
import { awsEnv } from './emulators/aws-env.js'
import { createBucket } from './support-buckets.js'
import { jobFolder, submit } from './support-jobs.js'
import { afterCheckpoint, afterStart, fewRecords, inRequest, killAgainAndAgain, shuffled } from './support-kills.js'
import { LakeWatch, openUploads } from './support-lake.js'
import { useProxiedServices } from './support-proxied.js'
import { TestStream } from './support-streams.js'
import { createTable } from './support-tables.js'
import { type Alert, nameOf, windFarmStream } from './support-wind-farm.js'

const JOB = fileURLToPath(new URL('jobs/wind-turbine-everywhere.ts', import.meta.url))
const SEED = Number(process.env['MILLRACE_SEED'] ?? 1)
const RECORDS = 3_000

describeWith(['dynamodb-local', 'moto'], 'windTurbine on Kinesis, killed ten times', () => {
  const services = useProxiedServices(SEED)

  it('has each alert once in lake and table, none missing or wrong in the stream', { timeout: 240_000 }, async () => {
    const { kinesis, dynamodb, s3, proxies } = services()
    const random = randomSource(SEED)
    const farm = windFarmStream(random, RECORDS)
    const input = await TestStream.create(kinesis, 'turbine-input', 4)
    const output = await TestStream.create(kinesis, 'turbine-output', 2)
    const lake = await createBucket(s3, 'lake')
    const table = await createTable(dynamodb, 'alerts', { turbineID: 'S', windowStart: 'N' })
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
          lake: 's3://lake/alerts?rollRecords=20',
          invalid: 's3://lake/invalid?rollOnCheckpoint=true',
          table: 'dynamodb://alerts',
          window: '10s',
        },
      })
    const manifests = join(cwd, '.millrace/windTurbine/manifests')
    const late = (): number => random.pick([300, 2_500])
    const kills = [
      afterStart(random.between(200, 1_500)),
      afterCheckpoint(manifests, random.below(300)),
      inRequest(proxies.kinesis, 'PutRecords', 'held', random.below(4)),
      inRequest(proxies.kinesis, 'PutRecords', 'after', random.below(4)),
      inRequest(proxies.kinesis, 'PutRecords', late(), random.below(4)),
      inRequest(proxies.dynamodb, 'BatchWriteItem', 'held', random.below(8)),
      inRequest(proxies.dynamodb, 'BatchWriteItem', late(), random.below(8)),
      inRequest(proxies.s3, 'CompleteMultipartUpload', 'before', random.below(3)),
      inRequest(proxies.s3, 'CompleteMultipartUpload', 'after', random.below(3)),
      inRequest(proxies.s3, 'UploadPart', random.pick(['held', late()]), random.below(3)),
    ]
    const reading = proxies.kinesis.inject({ operation: 'GetRecords', fault: fewRecords(15), times: Infinity })
    const watch = new LakeWatch(lake)
    await killAgainAndAgain(start, shuffled(kills, random), () => watch.look())
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

    const items = (await table.items()) as unknown as Alert[]
    expect(items).toHaveLength(farm.alerts.length)
    const expected = new Map(farm.alerts.map((line) => [nameOf(JSON.parse(line) as Alert), JSON.parse(line) as Alert]))
    for (const item of items) expect(item).toEqual(expected.get(nameOf(item)))

    const written = (await output.read()).map(({ data }) => data)
    expect([...new Set(written)].sort()).toEqual(farm.alerts)
    // At-least-once: a request whose answer nobody heard is made again.
    expect(written.length).toBeGreaterThan(farm.alerts.length)
  })
})
