import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { randomSource } from '../oracles/random-source.js'
import { describeWith } from './emulators/availability.js'
import { awsEnv } from './emulators/aws-env.js'
import { BeaconWorld } from './support-beacons.js'
import { createBucket } from './support-buckets.js'
import { jobFolder, submit } from './support-jobs.js'
import { afterStart, fewRecords, inRequest, killAgainAndAgain, shuffled } from './support-kills.js'
import { LakeWatch, openUploads } from './support-lake.js'
import { useProxiedServices } from './support-proxied.js'

const JOB = fileURLToPath(new URL('jobs/page-impressions-everywhere.ts', import.meta.url))
const SEED = Number(process.env['MILLRACE_SEED'] ?? 1)
const VISITORS = 250

describeWith(['dynamodb-local', 'moto'], 'pageImpressions on Kinesis, killed ten times', () => {
  const services = useProxiedServices(SEED)

  it('has each session, row and order once, none missing or wrong in the stream', { timeout: 240_000 }, async () => {
    const { proxies, s3 } = services()
    const random = randomSource(SEED)
    const world = await BeaconWorld.create(services(), 'killed', random, VISITORS)
    await createBucket(s3, 'checkpoints')
    const cwd = await jobFolder()
    const start = () =>
      submit({
        job: JOB,
        cwd,
        env: awsEnv(proxies),
        options: ['--checkpoint-interval', '200ms', '--checkpoint-dir', 's3://checkpoints/page-impressions'],
        params: { ...world.params, orderSalt: 'grains-of-salt' },
      })
    const late = (): number => random.pick([300, 2_500])
    const kills = [
      afterStart(random.between(200, 1_500)),
      inRequest(proxies.kinesis, 'PutRecords', 'after', random.below(2)),
      inRequest(proxies.dynamodb, 'TransactWriteItems', 'held', random.below(10)),
      inRequest(proxies.dynamodb, 'TransactWriteItems', late(), random.below(10)),
      inRequest(proxies.dynamodb, 'TransactWriteItems', 'after', random.below(10)),
      inRequest(proxies.s3, 'CompleteMultipartUpload', 'before', random.below(3)),
      inRequest(proxies.s3, 'CompleteMultipartUpload', 'after', random.below(3)),
      // Of a checkpoint.
      inRequest(proxies.s3, 'PutObject', 'before', random.between(3, 12)),
      inRequest(proxies.s3, 'PutObject', 'after', random.between(3, 12)),
      inRequest(proxies.s3, 'PutObject', late(), random.between(3, 12)),
    ]
    const reading = proxies.kinesis.inject({ operation: 'GetRecords', fault: fewRecords(15), times: Infinity })
    const watch = new LakeWatch(world.lake)
    await killAgainAndAgain(start, shuffled(kills, random), () => watch.look())
    const before = watch.lines
    reading.remove()
    const last = start()
    const report = await last.report()
    expect(report, last.output()).toMatchObject({
      failure: null,
      status: 'FINISHED',
      recordsIn: world.recordsIn,
      lateRecordsDropped: 0,
      restoredFrom: expect.stringContaining('s3://checkpoints/') as string,
    })

    // The kills came in the middle.
    expect(before).toBeGreaterThan(20)
    expect(before).toBeLessThan(world.sessions.length)
    await watch.look()
    await world.expectResults()
    expect(await openUploads(world.lake)).toEqual([])
  })
})
