import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CopyObjectCommand, DeleteObjectCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3'
import { expect, it } from 'vitest'
import { expectedOutput, inputFiles } from '../chaos/counting-lines.js'
import { pause, World, type Submitted } from '../chaos/processes.js'
import { runCli } from '../cli/run-cli.js'
import { describeWith } from './emulators/availability.js'
import { awsEnv } from './emulators/aws-env.js'
import { startMoto } from './emulators/moto.js'
import { createBucket, type TestBucket } from './support-buckets.js'

const JOB = fileURLToPath(new URL('../kills/jobs/counted.ts', import.meta.url))
const SLOW = { records: 20, everyMs: 10 }

async function keysIn({ client, name }: TestBucket, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { Contents = [] } of paginateListObjectsV2(
    { client, pageSize: 100 },
    { Bucket: name, Prefix: prefix },
  ))
    keys.push(...Contents.map(({ Key = '' }) => Key))
  return keys
}

/** As a user moves it: every object under a prefix to the same key in the other bucket. */
async function move(from: TestBucket, to: TestBucket, prefix: string): Promise<void> {
  const { client } = from
  for (const Key of await keysIn(from, prefix)) {
    await client.send(
      new CopyObjectCommand({ Bucket: to.name, Key, CopySource: `${from.name}/${encodeURIComponent(Key)}` }),
    )
    await client.send(new DeleteObjectCommand({ Bucket: from.name, Key }))
  }
}

/** Below its bucket. */
function prefixOf(url: string): string {
  return new URL(url).pathname.slice(1)
}

/** Until it reads records and has published something new. */
async function running(world: World, job: Submitted): Promise<void> {
  world.order('nothing')
  await job.until(() => !world.hasOrdered('nothing'))
  const before = world.visibleParts().length
  await job.until(() => world.visibleParts().length > before)
}

describeWith(['moto'], 'a job with checkpoints and savepoints in S3', () => {
  it('goes on from savepoints that were moved, and from a retained checkpoint', { timeout: 240_000 }, async () => {
    const moto = await startMoto()
    const checkpoints = await createBucket(moto, 'checkpoints')
    const savepoints = await createBucket(moto, 'savepoints')
    const moved = await createBucket(moto, 'moved')
    const world = new World(mkdtempSync(join(tmpdir(), 'millrace-savepoints-')), {
      job: JOB,
      env: awsEnv({ s3: moto }),
    })
    const files = inputFiles(3, 20_000)
    world.input(files)
    const submit = (id: string, parallelism: number, params: object, ...options: readonly string[]): Submitted => {
      const place = ['--job-id', id, '--checkpoint-dir', `s3://checkpoints/${id}`, '--parallelism', String(parallelism)]
      return world.submit({ ...params }, ...place, ...options)
    }
    const stop = async (id: string, job: Submitted): Promise<string> => {
      const { code, stdout, stderr } = await runCli(world.folder, ['stop', id, 's3://savepoints/kept', '--json'])
      expect(code, stderr).toBe(0)
      expect((await job.ended).report).toMatchObject({ status: 'SUSPENDED' })
      return (JSON.parse(stdout) as { path: string }).path
    }
    try {
      const first = submit('first', 2, SLOW)
      await running(world, first)
      const one = await stop('first', first)
      expect(one).toMatch(/^s3:\/\/savepoints\/kept\/savepoint-first-/)
      await move(savepoints, moved, prefixOf(one))
      const moveOne = one.replace('s3://savepoints/', 's3://moved/')

      const second = submit('second', 4, SLOW, '--restore', moveOne)
      await running(world, second)
      const two = await stop('second', second)
      const ofOne = await keysIn(moved, prefixOf(one))
      expect(ofOne.some((key) => key.includes('/segments/'))).toBe(true)

      const third = submit('third', 1, SLOW, '--restore', two, '--claim-mode', 'claim')
      await running(world, third)
      while ((await keysIn(savepoints, prefixOf(two))).length > 0) await pause(50)
      expect((await third.kill()).signal).toBe('SIGKILL')

      const manifests = (await keysIn(checkpoints, 'third/manifests/')).filter((key) => key.endsWith('.json')).sort()
      const newest = `s3://checkpoints/${manifests.at(-1)!}`
      const retained = await keysIn(checkpoints, 'third/')
      const { report, stderr } = await submit('fourth', 3, { records: 2000 }, '--restore', newest).ended
      expect(report, stderr).toMatchObject({ status: 'FINISHED', recordsIn: files.flat().length, restoredFrom: newest })

      expect(world.lines()).toEqual(expectedOutput(files))
      // Nobody has claimed these.
      expect(await keysIn(moved, prefixOf(one))).toEqual(ofOne)
      expect(await keysIn(checkpoints, 'third/')).toEqual(retained)
    } finally {
      await moto.stop()
      rmSync(world.folder, { recursive: true })
    }
  })
})
