import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { randomSource } from '../oracles/random-source.js'
import { describeWith } from './emulators/availability.js'
import { awsEnv } from './emulators/aws-env.js'
import type { FaultProxy } from './fault-proxy.js'
import {
  dropAfter,
  dropBefore,
  type Fault,
  internalError,
  internalErrorAfter,
  silence,
  slow,
  throttle,
  transactionConflict,
  unavailable,
} from './faults/faults.js'
import { partialFailure } from './faults/partial.js'
import { BeaconWorld } from './support-beacons.js'
import { jobFolder, submit } from './support-jobs.js'
import { serviceAhead } from './support-clock.js'
import { fewRecords } from './support-kills.js'
import { openUploads } from './support-lake.js'
import { useProxiedServices } from './support-proxied.js'

const JOB = fileURLToPath(new URL('jobs/page-impressions-everywhere.ts', import.meta.url))
const SEED = Number(process.env['MILLRACE_SEED'] ?? 1)
const SKEW_MS = 1_200_000

/** Of each service, at any of its operations. */
const EVERYWHERE: readonly (() => Fault)[] = [
  () => throttle(),
  internalError,
  unavailable,
  internalErrorAfter,
  dropBefore,
  dropAfter,
  () => slow(300),
]

describeWith(['dynamodb-local', 'moto'], 'a whole job on Kinesis, DynamoDB and S3 that fail', () => {
  const services = useProxiedServices(SEED)

  const run = async (world: BeaconWorld, ...options: string[]) => {
    const job = submit({
      job: JOB,
      cwd: await jobFolder(),
      env: awsEnv(services().proxies),
      options: ['--checkpoint-interval', '200ms', ...options],
      params: { ...world.params, orderSalt: 'grains-of-salt' },
    })
    const report = await job.report()
    expect(report, job.output()).toMatchObject({
      failure: null,
      status: 'FINISHED',
      recordsIn: world.recordsIn,
      lateRecordsDropped: 0,
    })
  }

  it('loses nothing and duplicates nothing through faults of every kind', { timeout: 240_000 }, async () => {
    const { proxies } = services()
    const random = randomSource(SEED)
    const world = await BeaconWorld.create(services(), 'faults', random, 120)
    for (const proxy of Object.values(proxies)) {
      for (let i = 0; i < 3; i++) {
        for (const fault of EVERYWHERE) proxy.inject({ fault: fault(), after: random.between(5, 60) })
      }
    }
    const { kinesis, dynamodb, s3 } = proxies
    kinesis.inject({ operation: 'PutRecords', fault: partialFailure(), after: 1, times: 5 })
    dynamodb.inject({ operation: 'BatchWriteItem', fault: partialFailure(), after: 1, times: 5 })
    dynamodb.inject({ operation: 'TransactWriteItems', fault: transactionConflict(), after: 2, times: 5 })
    // Half a minute each, all at about the same time.
    const when = (): boolean => kinesis.requests('PutRecords') > 2
    kinesis.inject({ operation: 'PutRecords', fault: silence({ reached: true }), when })
    kinesis.inject({ operation: 'GetRecords', fault: silence({ reached: false }), when })
    dynamodb.inject({ operation: 'TransactWriteItems', fault: silence({ reached: true }), when })
    dynamodb.inject({ operation: 'TransactWriteItems', fault: silence({ reached: false }), when })
    s3.inject({ operation: 'UploadPart', fault: silence({ reached: true }), when })
    kinesis.inject({ operation: 'GetRecords', fault: fewRecords(40), times: Infinity })
    await run(world)

    const common = EVERYWHERE.map((fault) => fault().name)
    expect(kindsOf(kinesis)).toEqual(
      new Set([...common, 'partial failure', 'silence before', 'silence after', 'few records']),
    )
    expect(kindsOf(dynamodb)).toEqual(
      new Set([...common, 'partial failure', 'transaction conflict', 'silence before', 'silence after']),
    )
    expect(kindsOf(s3)).toEqual(new Set([...common, 'silence after']))
    await world.expectResults()
    // An upload that was begun by a request whose answer got lost, and by no process that was restarted since.
    const lost = ['internal error after', 'drop after'].map((kind) => s3.injected.get(`CreateMultipartUpload ${kind}`))
    const most = lost.reduce<number>((sum, one = 0) => sum + one, 0)
    expect((await openUploads(world.lake)).length).toBeLessThanOrEqual(most)
  })

  it('goes on where the services do not agree with its clock', async () => {
    const { proxies } = services()
    const world = await BeaconWorld.create(services(), 'skewed', randomSource(SEED + 1), 40)
    const ahead = Object.values(proxies).map((proxy) => {
      proxy.clear()
      const service = serviceAhead(SKEW_MS)
      proxy.inject({ fault: service.fault, times: Infinity })
      return service
    })
    await run(world)
    await world.expectResults()
    expect(await openUploads(world.lake)).toEqual([])
    for (const { refused } of ahead) expect(refused).toBeGreaterThan(0)
  })
})

function kindsOf({ injected }: FaultProxy): Set<string> {
  return new Set([...injected.keys()].map((what) => what.slice(what.indexOf(' ') + 1)))
}
