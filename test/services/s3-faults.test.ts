import { randomUUID } from 'node:crypto'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { s3Sink } from '../../operators/connectors/s3/index.js'
import { defineJob } from '../../operators/index.js'
import { S3Storage } from '../../runtime/storage/s3-storage.js'
import { runInProcess, sourceOf } from '../../runtime/testing/index.js'
import { describeWith } from './emulators/availability.js'
import { clientFor, useAwsEnv } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMoto } from './emulators/moto.js'
import { startVersitygw } from './emulators/versitygw.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import {
  clockSkew,
  dropAfter,
  dropBefore,
  type Fault,
  internalError,
  internalErrorAfter,
  silence,
  slow,
  throttle,
  unavailable,
} from './faults/faults.js'

const bucket = `millrace-${randomUUID()}`
const rows = Array.from({ length: 400 }, (_, i) => ({ i, text: 'x'.repeat(i % 50) }))
const all = rows.map((row) => JSON.stringify(row)).sort()

const faults: readonly (readonly [string, readonly Fault[], number])[] = [
  ['throttling and 5xx', [throttle(), internalError(), unavailable(), internalErrorAfter()], 0.08],
  ['dropped connections', [dropBefore(), dropAfter()], 0.15],
  ['time-outs', [silence({ reached: false }), silence({ reached: true })], 0.04],
  ['slow answers', [slow(100)], 0.3],
]
/** versitygw looks at its own clock: a service whose clock is ahead takes one that does not. */
const skew: typeof faults = [['a service whose clock is 20 minutes ahead', [clockSkew(1_200_000)], 1]]

describeWith(['versitygw'], 'S3 behind a network that fails', () => faultSuite(() => startVersitygw(), faults))
describeWith(['moto'], 'S3 that disagrees about the time', () => faultSuite(() => startMoto(), skew))

function faultSuite(start: () => Promise<Emulator>, cases: typeof faults): void {
  let emulator: Emulator
  let proxy: FaultProxy
  let restoreEnv: () => void
  let client: S3Client

  beforeAll(async () => {
    emulator = await start()
    proxy = await startFaultProxy(emulator, { seed: 7 })
    restoreEnv = useAwsEnv({ s3: proxy })
    client = new S3Client({ ...clientFor(emulator), forcePathStyle: true })
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
  })
  afterAll(async () => {
    restoreEnv()
    await proxy.stop()
    await emulator.stop()
  })

  async function published(prefix: string): Promise<string[]> {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }))
    const texts = await Promise.all(
      Contents.map(async ({ Key }) => {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: Key! }))
        return Body!.transformToString()
      }),
    )
    return texts.flatMap((text) => text.split('\n').slice(0, -1)).sort()
  }

  for (const [name, kinds, probability] of cases) {
    it(`the sink has each record once: ${name}`, async () => {
      const prefix = randomUUID()
      const requestHandler = { connectionTimeout: 1000, socketTimeout: 400 }
      const job = defineJob({
        name: 'lake',
        build(env) {
          env
            .fromSource(sourceOf([rows.slice(0, 200), rows.slice(200)], { recordsPerPoll: 10, pollEveryMs: 5 }), {
              uid: 'rows',
            })
            .sinkTo(
              s3Sink<(typeof rows)[number]>({
                bucket,
                prefix,
                partition: ({ i }) => `p=${i % 3}`,
                roll: { records: 20 },
                aws: { requestHandler },
              }),
              { uid: 'lake' },
            )
        },
      })
      for (const fault of kinds) proxy.inject({ fault, times: Infinity, probability: probability / kinds.length })
      const result = await runInProcess(job, { parallelism: 2, checkpointIntervalMs: 40, restartAttempts: 20 })
      const struck = [...proxy.injected.values()].reduce((sum, count) => sum + count, 0)
      proxy.clear()
      expect(result.failure).toBeUndefined()
      expect(result.status).toBe('FINISHED')
      expect(struck).toBeGreaterThan(3)
      expect(await published(prefix)).toEqual(all)
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }))
      // What begins in a request whose answer gets lost, after the last clearing, is left to the bucket's lifecycle rule.
      expect(Uploads.filter(({ Key }) => Key?.startsWith(prefix)).length).toBeLessThanOrEqual(struck)
    }, 60_000)
  }

  if (cases === skew) return

  it('checkpoint storage writes, creates once and lists all the same', async () => {
    const storage = S3Storage.fromUrl(`s3://${bucket}/${randomUUID()}`, {
      multipartBytes: 6e6,
      partBytes: 5 * 1024 * 1024,
    })
    for (const fault of [throttle(), internalError(), dropBefore(), dropAfter(), internalErrorAfter()]) {
      proxy.inject({ fault, times: Infinity, probability: 0.05 })
    }
    const large = Buffer.alloc(11_000_000, 'x')
    await storage.write('segments/large', large)
    for (let i = 0; i < 30; i++) {
      // "exists" may be this very call, whose first answer got lost: who must know reads the file.
      await storage.createExclusive(`manifests/${i}`, Buffer.from(`ours ${i}`))
      expect(await storage.createExclusive(`manifests/${i}`, Buffer.from('second'))).toBe('exists')
      expect((await storage.read(`manifests/${i}`)).toString()).toBe(`ours ${i}`)
    }
    expect((await storage.list('manifests/')).length).toBe(30)
    expect(large.equals(await storage.read('segments/large'))).toBe(true)
    proxy.clear()
  }, 60_000)
}
