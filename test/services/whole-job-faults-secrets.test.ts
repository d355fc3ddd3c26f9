import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { randomSource } from '../oracles/random-source.js'
import { describeWith } from './emulators/availability.js'
import { ACCESS_KEY, awsEnv, clientFor, SECRET_KEY } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMoto } from './emulators/moto.js'
import { type FaultProxy, startFaultProxy } from './fault-proxy.js'
import { dropAfter, type Fault, internalError, refuse, throttle } from './faults/faults.js'
import { BeaconWorld } from './support-beacons.js'
import type { TestBucket } from './support-buckets.js'
import { jobFolder, submit } from './support-jobs.js'
import { fewRecords } from './support-kills.js'
import { startNode } from './support-process.js'

const BIN = fileURLToPath(new URL('../../bin/runtime.mjs', import.meta.url))
const JOB = fileURLToPath(new URL('jobs/page-impressions-everywhere.ts', import.meta.url))
const SALT = 'grains-of-salt-0123456789'
const TOKEN = 'testsessiontoken'
const SECRETS = [SALT, TOKEN, ACCESS_KEY, SECRET_KEY]

describeWith(['moto'], 'what nobody may read', () => {
  let moto: Emulator
  let proxy: FaultProxy
  let env: Record<string, string>
  beforeAll(async () => {
    moto = await startMoto()
    proxy = await startFaultProxy(moto)
    env = { ...awsEnv(), AWS_ENDPOINT_URL: proxy.endpoint, AWS_SESSION_TOKEN: TOKEN }
  })
  afterAll(async () => {
    await proxy?.stop()
    await moto?.stop()
  })

  it(
    'is in no log, report, checkpoint, output, metric or dashboard of a job that fails, restarts and ends',
    { timeout: 120_000 },
    async () => {
      const world = await BeaconWorld.create({ kinesis: moto, dynamodb: moto, s3: moto }, 'secret', randomSource(1), 60)
      const SecretString = JSON.stringify({ salt: SALT })
      await new SecretsManagerClient(clientFor(moto)).send(new CreateSecretCommand({ Name: 'vault', SecretString }))
      const cwd = await jobFolder()
      const metrics: string[] = []
      const start = (jobId: string, salt: string, ...options: string[]) =>
        submit({
          job: JOB,
          cwd,
          env,
          options: [
            ...['--job-id', jobId, '--log-level', 'debug', '--checkpoint-interval', '200ms', ...options],
            ...['--metrics', 'cloudwatch', '--metrics-level', 'parallelism', '--metrics-interval', '1s'],
          ],
          params: { ...world.params, orderSalt: salt },
        })
      proxy.inject({ operation: 'PutMetricData', fault: overheard(metrics), times: Infinity })

      // Refused in the middle: the job fails for good.
      const denied = refuse(400, 'AccessDeniedException', `not for ${ACCESS_KEY}`)
      const rule = proxy.inject({ operation: 'PutRecords', fault: denied, times: Infinity })
      const failing = start('failing', SALT, '--restart-attempts', '1')
      const failure = await failing.report()
      expect(failure).toMatchObject({ status: 'FAILED', failure: { code: 'MILLRACE_OUTPUT' } })
      expect(failure.failure?.message).toMatch(/Kinesis stream "secret-sessions": access denied/)
      rule.remove()

      // Killed, warned of and restarted.
      for (const fault of [throttle(), internalError(), dropAfter()]) {
        for (const after of [20, 40, 80]) proxy.inject({ fault, after })
      }
      proxy.inject({ operation: 'GetRecords', fault: fewRecords(30), times: Infinity })
      const killed = start('ending', 'secret:vault#salt')
      await killed.hasRead(100)
      await killed.crash()
      const last = start('ending', 'secret:vault#salt')
      const report = await last.report()
      expect(report, last.output()).toMatchObject({ status: 'FINISHED', recordsIn: world.recordsIn })
      const dashboard = startNode(
        [BIN, 'dashboard', JOB, '--print', ...paramsOf({ ...world.params, orderSalt: SALT })],
        env,
        cwd,
      )
      expect(await dashboard.ended).toMatchObject({ code: 0 })

      const places: Record<string, string> = {
        'the output': [failing, killed, last].map((job) => job.output()).join(''),
        checkpoints: await textsOf(cwd),
        'the lake': await contentsOf(world.lake),
        metrics: metrics.join('\n'),
        'the dashboard': dashboard.output(),
      }
      // There is something to see in each.
      expect(places['the output']).toContain('access denied')
      expect(places['checkpoints']).toContain('session-')
      expect(places['the lake']).toContain('session-')
      expect(places['metrics']).toContain('numRecordsIn')
      expect(places['the dashboard']).toContain('numRecordsIn')
      for (const [place, text] of Object.entries(places)) {
        for (const secret of SECRETS) {
          for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString('base64')]) {
            expect(text.includes(form), `${secret} in ${place}`).toBe(false)
          }
        }
      }
    },
  )
})

/** Lets requests pass, and notes what they say; a signature's key id in their headers is what they are signed with. */
function overheard(bodies: string[]): Fault {
  return {
    name: 'overheard',
    apply({ request }) {
      const { body, headers } = request
      bodies.push((headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString('latin1'))
      return 'pass'
    },
  }
}

function paramsOf(params: Readonly<Record<string, string>>): string[] {
  return Object.entries(params).flatMap(([name, value]) => ['--param', `${name}=${value}`])
}

/** All files under a folder, names too. */
async function textsOf(folder: string): Promise<string> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
  const texts = files.map(
    async ({ name, parentPath }) => `${name}\n${await readFile(join(parentPath, name), 'latin1')}`,
  )
  return (await Promise.all(texts)).join('\n')
}

/** All objects of a bucket, their keys and metadata too. */
async function contentsOf({ client, name }: TestBucket): Promise<string> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: name }))
  const texts = Contents.map(async ({ Key = '' }) => {
    const { Body, Metadata } = await client.send(new GetObjectCommand({ Bucket: name, Key }))
    const bytes = Buffer.from((await Body?.transformToByteArray()) ?? [])
    const text = (Key.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1')
    return `${Key}\n${JSON.stringify(Metadata)}\n${text}`
  })
  return (await Promise.all(texts)).join('\n')
}
