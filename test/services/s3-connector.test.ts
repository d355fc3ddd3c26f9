import { randomBytes, randomUUID } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { byHour, s3ReferenceData, s3Sink, type S3SinkOptions } from '../../operators/connectors/s3/index.js'
import type { S3Committable, S3OpenObject } from '../../operators/connectors/s3/object-state.js'
import { defineJob, monotonous } from '../../operators/index.js'
import type { Sink, SinkWriter } from '../../runtime/contract/sink.js'
import { controlledSource, runInProcess } from '../../runtime/testing/index.js'
import { contextOf } from '../connectors/s3/small-job.js'
import { HandClock, tempFolder } from '../connectors/support.js'
import { describeWith } from './emulators/availability.js'
import { clientFor, useAwsEnv } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMoto } from './emulators/moto.js'
import { startVersitygw } from './emulators/versitygw.js'

describeWith(['moto'], 'moto', () => s3ConnectorSuite(() => startMoto()))
describeWith(['versitygw'], 'versitygw', () => s3ConnectorSuite(() => startVersitygw()))

const bucket = `millrace-${randomUUID()}`
let client: S3Client

async function objects(prefix: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }))
  for (const { Key } of Contents) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: Key! }))
    const bytes = Buffer.from(await Body!.transformToByteArray())
    found[Key!] = (Key!.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
  }
  return found
}

async function lines(prefix: string): Promise<string[]> {
  return Object.values(await objects(prefix)).flatMap((text) => text.split('\n').slice(0, -1))
}

async function uploads(prefix: string): Promise<string[]> {
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }))
  return Uploads.map(({ Key }) => Key!).filter((key) => key.startsWith(prefix))
}

type S3 = Sink<unknown, S3Committable, S3OpenObject>
const sinkAt = (prefix: string, options: Partial<S3SinkOptions<unknown>> = {}): S3 =>
  s3Sink({ bucket, prefix, ...options })
const committerOf = (sink: S3, epoch = 1) =>
  sink.createCommitter!({ uid: 'lake', jobId: 'job', runId: 'run-1', epoch, warn: () => undefined })

async function barrier(writer: SinkWriter<unknown, S3Committable, S3OpenObject>) {
  await writer.flush(1)
  const taken = { committables: writer.prepareCommit!(1), states: writer.snapshotState!(1) }
  return JSON.parse(JSON.stringify(taken)) as { committables: S3Committable[]; states: S3OpenObject[] }
}

const check = { uid: 'lake', jobId: 'job', warn: () => undefined }

function s3ConnectorSuite(start: () => Promise<Emulator>): void {
  let emulator: Emulator
  let restoreEnv: () => void

  beforeAll(async () => {
    emulator = await start()
    restoreEnv = useAwsEnv({ s3: emulator })
    client = new S3Client({ ...clientFor(emulator), forcePathStyle: true })
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
  })
  afterAll(async () => {
    restoreEnv()
    await emulator.stop()
  })

  describe('the S3 sink', () => {
    it('goes on from a checkpoint with an upload and its tail, and has each line once', async () => {
      const prefix = randomUUID()
      const sink = sinkAt(prefix, { roll: { intervalMs: 1e12, inactivityMs: 1e12 } })
      const text = randomBytes(50_000).toString('hex')
      const rows = Array.from({ length: 130 }, (_, i) => `${i} ${text}`)
      const one = await sink.createWriter(contextOf({ clock: new HandClock() }))
      for (const row of rows.slice(0, 120)) {
        one.write(row, 0)
        await one.busy?.()
      }
      const { states, committables } = await barrier(one)
      expect(committables).toEqual([])
      expect(states[0]!.parts).toHaveLength(2)
      // Behind the checkpoint, and lost with the process.
      for (const row of rows) one.write(row, 0)
      await one.flush(2)
      expect(await objects(prefix)).toEqual({})

      const committer = committerOf(sink, 2)
      await committer.recover!({ fresh: false, writerStates: states })
      const next = await sink.createWriter(contextOf({ clock: new HandClock(), epoch: 2 }))
      next.restoreState!(states)
      for (const row of rows.slice(120)) next.write(row, 0)
      await next.finish!()
      const last = await barrier(next)
      expect(last.committables).toHaveLength(2)
      await committer.commit(last.committables)
      await committer.commit(last.committables)
      expect((await lines(prefix)).sort()).toEqual(rows.map((row) => JSON.stringify(row)).sort())
      await committer.recover!({ fresh: false, writerStates: [] })
      expect(await uploads(prefix)).toEqual([])
      for (const part of [one, next, committer]) await part.close!()
    })

    it('clears its own unfinished uploads only', async () => {
      const prefix = randomUUID()
      const sink = sinkAt(prefix, { roll: { onCheckpoint: true } })
      for (const context of [{}, { subtask: 1 }, { runId: 'run-2' }, { epoch: 3 }]) {
        const writer = await sink.createWriter(contextOf(context))
        writer.write('line', 0)
        await barrier(writer)
      }
      expect(await uploads(prefix)).toHaveLength(4)
      await committerOf(sink, 2).recover!({ fresh: false, writerStates: [] })
      expect((await uploads(prefix)).sort()).toEqual([
        `${prefix}/part-run.1-lake-0-e3a1s0.jsonl`,
        `${prefix}/part-run.2-lake-0-e1a1s0.jsonl`,
      ])
    })

    it('refuses to publish what it cannot find, naming it', async () => {
      const prefix = randomUUID()
      const sink = sinkAt(prefix, { roll: { onCheckpoint: true } })
      const writer = await sink.createWriter(contextOf())
      writer.write('line', 0)
      const { committables } = await barrier(writer)
      await committerOf(sink, 9).recover!({ fresh: false, writerStates: [] })
      const { key } = committables[0]!
      const lost = { code: 'MILLRACE_OUTPUT', message: expect.stringContaining(`s3://${bucket}/${key}`) as string }
      await expect(committerOf(sink).commit(committables)).rejects.toMatchObject(lost)
      expect(await objects(prefix)).toEqual({})
    })

    it('checks its bucket before the job runs: nothing is left there, and what is missing is named', async () => {
      const prefix = randomUUID()
      await sinkAt(prefix, { sse: 'AES256' }).check!(check)
      expect([await objects(prefix), await uploads(prefix)]).toEqual([{}, []])
      await expect(s3Sink({ bucket: 'no-such-bucket-here' }).check!(check)).rejects.toMatchObject({
        code: 'MILLRACE_OUTPUT',
        message: expect.stringMatching(
          /^S3 bucket "no-such-bucket-here" .*: does not exist in region us-east-1$/,
        ) as string,
      })
    })

    it('in a job that is suspended and goes on: gzipped objects by customer and hour, each record once', async () => {
      const prefix = randomUUID()
      const checkpointDirectory = tempFolder()
      const rows = Array.from({ length: 300 }, (_, i) => ({ i, customer: `c${i % 3}`, time: i * 60_000 }))
      const feed = controlledSource<(typeof rows)[number]>(2)
      let seen = 0
      let suspend: () => void = () => undefined
      const job = defineJob({
        name: 'lake',
        build(env) {
          env
            .fromSource(feed.source, { uid: 'rows', watermarks: monotonous((row: (typeof rows)[number]) => row.time) })
            .map((row) => {
              if (++seen === 200) suspend()
              return row
            })
            .sinkTo(
              s3Sink<(typeof rows)[number]>({
                bucket,
                prefix,
                gzip: true,
                partition: byHour({ name: 'customer', of: ({ customer }) => customer }),
              }),
              { uid: 'lake' },
            )
        },
      })
      const run = (parallelism: number) =>
        runInProcess(job, {
          parallelism,
          checkpointDirectory,
          checkpointIntervalMs: 50,
          onStart: (running) => (suspend = () => running.suspend()),
        })
      for (const split of [0, 1]) feed.push(split, ...rows.slice(split * 150, split * 150 + 100))
      expect((await run(2)).status).toBe('SUSPENDED')
      for (const split of [0, 1]) feed.push(split, ...rows.slice(split * 150 + 100, split * 150 + 150))
      feed.endAll()
      expect((await run(1)).status).toBe('FINISHED')
      expect((await lines(prefix)).sort()).toEqual(rows.map((row) => JSON.stringify(row)).sort())
      const keys = Object.keys(await objects(prefix))
      expect(new Set(keys.map((key) => key.slice(prefix.length + 1, key.lastIndexOf('/')))).size).toBe(15)
      expect(keys[0]).toMatch(/\/customer=c0\/date=1970-01-01\/hour=00\/part-.*\.jsonl\.gz$/)
      expect(await uploads(prefix)).toEqual([])
    })
  })

  describe('reference data in S3', () => {
    const put = (key: string, rows: readonly object[]) =>
      client.send(
        new PutObjectCommand({ Bucket: bucket, Key: key, Body: rows.map((row) => JSON.stringify(row)).join('\n') }),
      )

    it('is read at the start, again when it has changed, and not when it has not', async () => {
      const prefix = randomUUID()
      await put(`${prefix}/1`, [{ id: 'a', price: 1 }])
      await put(`${prefix}/2`, [{ id: 'b', price: 2 }])
      for (const place of [{ key: `${prefix}/1` }, { prefix: `${prefix}/` }]) {
        await put(`${prefix}/1`, [{ id: 'a', price: 1 }])
        const data = s3ReferenceData<{ id: string; price: number }, string>({ bucket, ...place, keyOf: ({ id }) => id })
        await data.check(check)
        const { metrics } = contextOf()
        const clock = new HandClock()
        const table = await data.open({ clock, metrics, warn: (message) => expect(message).toBe('no warning') })
        const refresh = async (): Promise<void> => {
          clock.advance(300_000)
          await vi.waitFor(() => expect(clock.pending).toBe(1))
        }
        expect(table.get('a')!.price).toBe(1)
        const entries = table.entries()
        await refresh()
        expect(table.entries()).toBe(entries)
        await put(`${prefix}/1`, [{ id: 'a', price: 3 }])
        await refresh()
        expect(table.get('a')!.price).toBe(3)
        table.close()
      }
    })

    it('that is not there, or whose bucket is not, is named by the check', async () => {
      const at = (place: { bucket?: string; key?: string; prefix?: string }) =>
        s3ReferenceData({ bucket, keyOf: () => 1, ...place }).check(check)
      const named = (text: string) => ({ code: 'MILLRACE_INPUT', message: expect.stringContaining(text) as string })
      await expect(at({ key: 'none' })).rejects.toMatchObject(named(`s3://${bucket}/none does not exist`))
      await expect(at({ prefix: 'none/' })).rejects.toMatchObject(named(`s3://${bucket}/none/* does not exist`))
      await expect(at({ bucket: 'no-such-bucket-here', prefix: 'x' })).rejects.toMatchObject(
        named('S3 bucket "no-such-bucket-here"'),
      )
    })
  })
}
