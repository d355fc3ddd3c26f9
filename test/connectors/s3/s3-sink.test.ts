import { describe, expect, it, vi } from 'vitest'
import { textLines } from '../../../operators/connectors/file/line-format.js'
import { byDate, byHour, s3Sink, type S3SinkOptions } from '../../../operators/connectors/s3/index.js'
import type { S3Committable, S3OpenObject } from '../../../operators/connectors/s3/object-state.js'
import { tailPartNumber } from '../../../operators/connectors/s3/restored-object.js'
import { s3SinkOver } from '../../../operators/connectors/s3/s3-sink.js'
import type { SinkWriter, SinkWriterContext } from '../../../runtime/contract/sink.js'
import { HandClock } from '../support.js'
import { s3Error, S3Model } from './s3-model.js'
import { contextOf, PART, type Rejected } from './small-job.js'

type Writer = SinkWriter<unknown, S3Committable, S3OpenObject>

const NEVER = { bytes: 1e9, intervalMs: 1e12, inactivityMs: 1e12 }

interface Setup {
  readonly model: S3Model
  readonly clock: HandClock
  readonly writer: (context?: Partial<SinkWriterContext>) => Promise<Writer>
  readonly commit: (committables: readonly S3Committable[], epoch?: number) => Promise<void>
  readonly recover: (
    states: readonly S3OpenObject[],
    context?: { epoch?: number; uid?: string; runId?: string },
  ) => Promise<void>
}

function setup(options: Partial<S3SinkOptions<unknown>> = {}, partBytes = PART): Setup {
  const model = new S3Model(partBytes)
  const clock = new HandClock()
  const sink = s3SinkOver<unknown>({ bucket: 'bucket', ...options }, () => Promise.resolve(model.calls()), partBytes)
  const committer = (context: object) =>
    sink.createCommitter!({ uid: 'lake', jobId: 'job', runId: 'run-1', epoch: 1, warn: () => undefined, ...context })
  return {
    model,
    clock,
    writer: async (context = {}) => sink.createWriter(contextOf({ clock, ...context })),
    commit: (committables, epoch = 1) => committer({ epoch }).commit(committables),
    recover: (writerStates, context = {}) => committer(context).recover!({ fresh: false, writerStates }),
  }
}

interface Barrier {
  readonly committables: readonly S3Committable[]
  readonly states: readonly S3OpenObject[]
}

async function barrier(writer: Writer, id = 1): Promise<Barrier> {
  await writer.flush(id)
  const taken = { committables: writer.prepareCommit!(id), states: writer.snapshotState!(id) }
  return JSON.parse(JSON.stringify(taken)) as Barrier
}

const outputError = (text: string): object => ({
  code: 'MILLRACE_OUTPUT',
  message: expect.stringContaining(text) as string,
})

describe('an object', () => {
  it('is seen by nobody before its checkpoint is committed, then whole', async () => {
    const { model, writer, commit } = setup({ prefix: '/lake/', roll: { onCheckpoint: true } })
    const one = await writer({ subtask: 3 })
    one.write({ a: 1 }, 0)
    one.write({ b: 'é\n' }, 0)
    const { committables, states } = await barrier(one)
    expect([...model.objects]).toEqual([])
    expect(states).toEqual([])
    expect(committables).toMatchObject([{ bucket: 'bucket', bytes: 21, records: 2 }])
    await commit(committables)
    expect([...model.objects.keys()]).toEqual(['lake/part-run.1-lake-3-e1a1s0.jsonl'])
    expect(model.lines()).toEqual(['{"a":1}', '{"b":"é\\n"}'])
  })

  it('is not made for an interval without records', async () => {
    const { writer } = setup({ roll: { onCheckpoint: true } })
    const one = await writer()
    expect(await barrier(one)).toEqual({ committables: [], states: [] })
    one.write(1, 0)
    expect((await barrier(one, 2)).committables).toHaveLength(1)
    expect(await barrier(one, 3)).toEqual({ committables: [], states: [] })
  })

  it('that stays open is in the checkpoint: its parts, and what is too small to be one', async () => {
    const { model, writer } = setup({ roll: NEVER })
    const one = await writer()
    for (let i = 0; i < 20; i++) one.write('0123456789', 0)
    const { committables, states } = await barrier(one)
    expect(committables).toEqual([])
    expect(states).toMatchObject([{ uploadId: 'upload-1', bytes: 260, records: 20 }])
    expect(states[0]!.parts.map(([number]) => number)).toEqual([1, 2, 3, 4])
    expect([...model.uploads.get('upload-1')!.parts.values()].map(({ bytes }) => bytes.length)).toEqual([
      64, 64, 64, 64,
    ])
  })

  it('without a part has no upload, only its bytes', async () => {
    const { model, writer } = setup({ roll: NEVER })
    const one = await writer()
    one.write('tail', 0)
    expect((await barrier(one)).states).toMatchObject([{ uploadId: null, parts: [], records: 1 }])
    expect(model.log).toEqual([])
  })

  it('ends by size, records, age, idleness', async () => {
    const ended = async (roll: object, act: (writer: Writer, clock: HandClock) => void): Promise<number> => {
      const { writer, clock } = setup({ roll: { ...NEVER, ...roll } })
      const one = await writer()
      act(one, clock)
      return (await barrier(one)).committables.length
    }
    const writes = (count: number) => (writer: Writer) => {
      for (let i = 0; i < count; i++) writer.write('x', 0)
    }
    expect(await ended({ bytes: 8 }, writes(3))).toBe(1)
    expect(await ended({ bytes: 8 }, writes(1))).toBe(0)
    expect(await ended({ records: 2 }, writes(5))).toBe(2)
    const later = (ms: number) => (writer: Writer, clock: HandClock) => {
      writer.write('x', 0)
      void writer.busy?.()
      clock.advance(ms)
      writer.write('y', 0)
      void writer.busy?.()
      clock.advance(ms)
    }
    expect(await ended({ intervalMs: 1000 }, later(500))).toBe(1)
    expect(await ended({ intervalMs: 1000 }, later(499))).toBe(0)
    expect(await ended({ inactivityMs: 1000 }, later(700))).toBe(0)
    expect(
      await ended({ inactivityMs: 1000 }, (writer, clock) => {
        later(0)(writer, clock)
        clock.advance(1000)
        expect(writer.busy?.()).toBeUndefined()
      }),
    ).toBe(1)
  })

  it('gets only what was written before the barrier, though the flush takes its time', async () => {
    const { model, writer, commit } = setup({ roll: NEVER })
    const one = await writer()
    for (let i = 0; i < 10; i++) one.write(`before ${i}`, 0)
    const flushing = one.flush(1)
    for (let i = 0; i < 30; i++) one.write(`after ${i}`, 0)
    await flushing
    const { states } = await (async () => ({
      states: JSON.parse(JSON.stringify(one.snapshotState!(1))) as S3OpenObject[],
    }))()
    // Parts of later records are uploaded, and the process dies.
    await one.flush(2)
    const next = await writer({ epoch: 2 })
    next.restoreState!(states)
    await commit((await barrier(next)).committables)
    expect(model.lines()).toEqual(Array.from({ length: 10 }, (_, i) => `"before ${i}"`))
  })

  it('gzipped is one text, through checkpoints and a restore', async () => {
    const { model, writer, commit } = setup({ gzip: true, roll: NEVER, format: textLines() })
    const lines = Array.from({ length: 300 }, (_, i) => `line ${i} ${Math.sin(i)}`)
    const one = await writer()
    for (const [i, line] of lines.entries()) {
      one.write(line, 0)
      if (i % 50 === 49) await one.flush(i)
    }
    const next = await writer({ epoch: 2 })
    next.restoreState!(JSON.parse(JSON.stringify(one.snapshotState!(1))) as S3OpenObject[])
    await commit((await barrier(next)).committables)
    expect([...model.objects.keys()]).toEqual(['part-run.1-lake-0-e1a1s0.txt.gz'])
    expect(model.lines()).toEqual(lines)
  })

  it('of many megabytes is uploaded in parts of 5 MiB while it is written', async () => {
    const { model, writer, commit } = setup({ roll: NEVER }, 5 * 1024 * 1024)
    const one = await writer()
    const lines = Array.from({ length: 24 }, (_, i) => `${i} ${'é'.repeat(300_000)}`)
    for (const line of lines) {
      one.write(line, 0)
      await one.busy?.()
    }
    const uploaded = (): number => model.log.filter((call) => call.startsWith('uploadPart')).length
    await vi.waitFor(() => expect(uploaded()).toBe(2))
    await one.finish!()
    const { committables } = await barrier(one)
    expect(committables[0]!.parts).toHaveLength(3)
    await commit(committables)
    expect(model.lines().sort()).toEqual(lines.map((line) => JSON.stringify(line)).sort())
  })
})

describe('a restored object', () => {
  it('holds no part that was uploaded after the checkpoint, nor one that a cut-off attempt uploads still', async () => {
    const { model, writer, commit, recover } = setup({ roll: NEVER })
    const one = await writer()
    for (let i = 0; i < 15; i++) one.write(`kept ${i}`, 0)
    const { states } = await barrier(one)
    for (let i = 0; i < 15; i++) one.write(`lost ${i}`, 0)
    await one.flush(2)
    await recover(states, { epoch: 2 })
    const next = await writer({ epoch: 2 })
    next.restoreState!(states)
    const { committables } = await barrier(next)
    for (let i = 0; i < 15; i++) one.write(`late ${i}`, 0)
    await one.flush(3)
    await commit(committables, 2)
    expect(model.lines()).toEqual(Array.from({ length: 15 }, (_, i) => `"kept ${i}"`))
  })

  it('has a part number for its tail that the attempts before and after do not have', () => {
    const numbers = [1, 2, 3].flatMap((epoch) => [1, 2, 3, 4, 50].map((attempt) => tailPartNumber(epoch, attempt)))
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(Math.min(...numbers)).toBeGreaterThan(9_000)
    for (const attempt of [999, 1e6]) expect(tailPartNumber(7, attempt)).toBeLessThanOrEqual(10_000)
  })

  it('whose upload is gone is MILLRACE_OUTPUT naming it, unless it is published', async () => {
    const { model, writer, commit } = setup({ roll: NEVER })
    const one = await writer()
    for (let i = 0; i < 15; i++) one.write(`line ${i}`, 0)
    const { states } = await barrier(one)
    await one.finish!()
    const { committables } = await barrier(one, 2)

    const uploads = new Map(model.uploads)
    model.uploads.clear()
    const next = await writer({ epoch: 2 })
    next.restoreState!(states)
    await expect(barrier(next)).rejects.toMatchObject(outputError(`s3://bucket/${states[0]!.key}`))

    for (const [id, upload] of uploads) model.uploads.set(id, upload)
    await commit(committables)
    const warnings: string[] = []
    const older = await writer({ epoch: 3, warn: (message) => warnings.push(message) })
    older.restoreState!(states)
    expect(await barrier(older)).toEqual({ committables: [], states: [] })
    expect(warnings).toEqual([expect.stringContaining('is published already')])
  })
})

describe('a commit', () => {
  async function oneObject() {
    const given = setup({ roll: { onCheckpoint: true } })
    const one = await given.writer()
    one.write('line', 0)
    const { committables } = await barrier(one)
    return { ...given, committables, key: committables[0]!.key }
  }

  it('may be made again and again', async () => {
    const { model, commit, committables } = await oneObject()
    for (let i = 0; i < 3; i++) await commit(committables)
    expect(model.lines()).toEqual(['"line"'])
  })

  it('whose upload is gone without an object is MILLRACE_OUTPUT naming the object', async () => {
    const { model, commit, committables, key } = await oneObject()
    model.uploads.clear()
    await expect(commit(committables)).rejects.toMatchObject(outputError(`s3://bucket/${key} cannot be published`))
  })

  it.each([null, 'of-somebody-else'])(
    'whose object has the token %s is MILLRACE_OUTPUT, and leaves it',
    async (token) => {
      const { model, commit, committables, key } = await oneObject()
      model.uploads.clear()
      const theirs = { bytes: Buffer.from('theirs'), token }
      model.objects.set(key, theirs)
      await expect(commit(committables)).rejects.toMatchObject(outputError('is not its own'))
      expect(model.objects.get(key)).toBe(theirs)
    },
  )

  it('that was carried out, though its answer never came, is done', async () => {
    const { model, commit, committables } = await oneObject()
    model.fault = ({ name }, phase) =>
      name === 'completeUpload' && phase === 'after' ? s3Error('InternalError', 500) : undefined
    await commit(committables)
    expect(model.lines()).toEqual(['"line"'])
  })

  it('that is refused is MILLRACE_OUTPUT, after all others were tried', async () => {
    const { model, writer, commit } = setup({ roll: { records: 1 } })
    const one = await writer()
    for (let i = 0; i < 30; i++) one.write(i, 0)
    const { committables } = await barrier(one)
    let first = true
    model.fault = ({ name }, phase) => {
      if (name !== 'completeUpload' || phase !== 'before' || !first) return undefined
      first = false
      return s3Error('InternalError', 500)
    }
    await expect(commit(committables)).rejects.toMatchObject(outputError('cannot publish'))
    expect(model.objects.size).toBe(29)
    await commit(committables)
    expect(
      model
        .lines()
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 30 }, (_, i) => i))
  })
})

describe('what a process leaves behind', () => {
  it('is aborted by the next: its own uploads only, of its own and earlier epochs, and none that the checkpoint needs', async () => {
    const { model, writer, recover } = setup({ prefix: 'lake', roll: NEVER })
    const write = async (context: Partial<SinkWriterContext>): Promise<Barrier> => {
      const one = await writer(context)
      for (let i = 0; i < 15; i++) one.write(`line ${i}`, 0)
      return barrier(one)
    }
    const needed = await write({})
    await write({ attempt: 2 })
    await write({ subtask: 1, epoch: 2 })
    const kept = [{ runId: 'run-2' }, { uid: 'lake-0' }, { uid: 'lak' }, { epoch: 3 }]
    for (const context of kept) await write(context)
    model.uploads.set('foreign', { key: 'lake/notes.txt', token: 'x', parts: new Map() })
    model.uploads.set('other prefix', { key: 'lake2/part-run.1-lake-0-e1a1s0.jsonl', token: 'x', parts: new Map() })
    await recover(needed.states, { epoch: 2 })
    expect([...model.uploads.values()].map(({ key }) => key)).toEqual([
      needed.states[0]!.key,
      'lake/part-run.2-lake-0-e1a1s0.jsonl',
      'lake/part-run.1-lake-0-0-e1a1s0.jsonl',
      'lake/part-run.1-lak-0-e1a1s0.jsonl',
      'lake/part-run.1-lake-0-e3a1s0.jsonl',
      'lake/notes.txt',
      'lake2/part-run.1-lake-0-e1a1s0.jsonl',
    ])
  })

  it('as far as no checkpoint can name it, goes when the writer is closed', async () => {
    const { model, writer } = setup({ roll: { ...NEVER, records: 15 } })
    const one = await writer()
    const lines = (count: number): void => {
      for (let i = 0; i < count; i++) one.write(`line ${i}`, 0)
    }
    lines(22)
    await barrier(one)
    lines(23)
    await one.close!()
    expect([...model.uploads.values()].map(({ key }) => key)).toEqual([
      'part-run.1-lake-0-e1a1s0.jsonl',
      'part-run.1-lake-0-e1a1s1.jsonl',
    ])
  })
})

describe('partitions', () => {
  const hour = Date.UTC(2024, 1, 29, 23, 59, 59, 999)

  it('come from the event time, in UTC, and a field as Hive writes it', () => {
    expect(byDate()({}, hour)).toBe('date=2024-02-29')
    expect(byHour()({}, hour)).toBe('date=2024-02-29/hour=23')
    expect(byHour()({}, hour + 1)).toBe('date=2024-03-01/hour=00')
    expect(byDate()({}, Date.UTC(12024, 0, 1))).toBe('date=+012024-01-01')
    const customer = byHour<{ c?: string | null }>({ name: 'customer', of: ({ c }) => c })
    expect(customer({ c: 'a/b é..' }, 0)).toBe('customer=a%2Fb%20%C3%A9../date=1970-01-01/hour=00')
    for (const c of ['', null, undefined]) {
      expect(customer(c === undefined ? {} : { c }, 0)).toBe(
        'customer=__HIVE_DEFAULT_PARTITION__/date=1970-01-01/hour=00',
      )
    }
    expect(customer({ c: '\ud800' }, 0)).toBe('customer=%EF%BF%BD/date=1970-01-01/hour=00')
  })

  it('each have an object of their own', async () => {
    const { model, writer, commit } = setup({ prefix: 'lake', partition: byHour(), roll: { onCheckpoint: true } })
    const one = await writer()
    for (let i = 0; i < 6; i++) one.write(i, (i % 3) * 3_600_000)
    await commit((await barrier(one)).committables)
    expect([...model.objects].map(([key, { bytes }]) => [key, bytes.toString()])).toEqual([
      ['lake/date=1970-01-01/hour=00/part-run.1-lake-0-e1a1s0.jsonl', '0\n3\n'],
      ['lake/date=1970-01-01/hour=01/part-run.1-lake-0-e1a1s1.jsonl', '1\n4\n'],
      ['lake/date=1970-01-01/hour=02/part-run.1-lake-0-e1a1s2.jsonl', '2\n5\n'],
    ])
  })

  it('beyond the limit end the one that was written to least recently', async () => {
    const { clock, writer, commit, model } = setup({
      maxOpenObjects: 3,
      partition: (value) => `p${String(value)}`,
      roll: NEVER,
    })
    const one = await writer()
    for (const p of [1, 2, 3, 1, 4]) {
      one.write(p, 0)
      void one.busy?.()
      clock.advance(10)
    }
    const { committables, states } = await barrier(one)
    await commit(committables)
    expect(model.lines()).toEqual(['2'])
    expect(states.map(({ key }) => key.split('/')[0]).sort()).toEqual(['p1', 'p3', 'p4'])
  })

  it('that are none, no event time, keys too long and values that are no line are rejected, with the reason', async () => {
    const rejected: Rejected[] = []
    const reject = (value: unknown, _: number, reason: string): void => void rejected.push({ value, reason })
    const { writer } = setup({ partition: (value) => value as string, roll: NEVER })
    const one = await writer({ reject })
    const bad = ['/a', 'a/', 'a//b', '..', 'a/./b', 'a\nb', '\ud800', 'x'.repeat(1100)]
    for (const value of bad) one.write(value, 0)
    expect(rejected.map(({ value }) => value)).toEqual(bad)
    one.write(5, 0)
    expect(rejected.at(-1)!.reason).toContain('of type number')
    const timeless = await setup({ partition: byDate() }).writer({ reject })
    for (const time of [-Infinity, Infinity, NaN]) timeless.write('x', time)
    expect(rejected.slice(-3).map(({ reason }) => reason)).toEqual([
      expect.stringContaining('no event time'),
      expect.stringContaining('which is no date'),
      expect.stringContaining('which is no date'),
    ])
    timeless.write(1n, 0)
    expect(rejected.at(-1)!.reason).toContain('cannot be written as JSON')
    expect(await barrier(one)).toEqual({ committables: [], states: [] })
  })
})

describe('memory', () => {
  it('is bounded: backpressure while uploads are under way, and the largest objects end when no part would help', async () => {
    const MB = 1024 * 1024
    const { model, writer, commit } = setup(
      { bufferBytes: 16 * MB, partition: (value) => `p${String(value).slice(0, 2)}`, roll: NEVER },
      5 * MB,
    )
    const one = await writer()
    const text = 'x'.repeat(MB - 20)
    let waits = 0
    for (let i = 0; i < 60; i++) {
      one.write(`${10 + (i % 20)}${text}`, 0)
      const busy = one.busy?.()
      if (busy !== undefined) waits++
      await busy
    }
    expect(waits).toBeGreaterThan(0)
    expect(model.uploads.size).toBeGreaterThan(0)
    await one.finish!()
    await commit((await barrier(one)).committables)
    expect(model.lines()).toHaveLength(60)
  })

  it('of a checkpoint is bounded: what would be too much is ended', async () => {
    const { writer } = setup({ checkpointBytes: 100, partition: (value) => `p${String(value)[0]}`, roll: NEVER }, 1000)
    const one = await writer()
    for (const size of [10, 20, 30, 40, 50]) one.write(`${size}${'x'.repeat(size)}`, 0)
    const { committables, states } = await barrier(one)
    expect(committables.map(({ bytes }) => bytes)).toEqual([55, 45])
    expect(states.map(({ bytes }) => bytes)).toEqual([15, 25, 35])
  })
})

describe('an upload that fails for good', () => {
  it('fails the writer at once: write, busy and the barrier', async () => {
    const { model, writer } = setup({ roll: NEVER })
    model.fault = ({ name }) => (name === 'uploadPart' ? s3Error('AccessDenied', 403) : undefined)
    const one = await writer()
    for (let i = 0; i < 20; i++) one.write('0123456789', 0)
    const denied = outputError('cannot upload part-run.1-lake-0-e1a1s0.jsonl')
    await expect(barrier(one)).rejects.toMatchObject(denied)
    expect(() => one.write('x', 0)).toThrow(expect.objectContaining(denied) as Error)
    await expect(one.busy!()).rejects.toMatchObject(denied)
    model.fault = () => undefined
    await one.close!()
    expect(model.uploads.size).toBe(0)
  })
})

describe('wrong options', () => {
  it('are MILLRACE_GRAPH', () => {
    const wrong: Partial<S3SinkOptions<unknown>>[] = [
      { bucket: '' },
      { bucket: 'Upper' },
      { roll: { bytes: 0 } },
      { roll: { bytes: 1e15 } },
      { roll: { records: NaN } },
      { roll: { intervalMs: -1 } },
      { maxOpenObjects: 0 },
      { bufferBytes: 1000 },
      { checkpointBytes: -1 },
      { kmsKeyId: 'key' },
      { sse: 'AES256', kmsKeyId: 'key' },
    ]
    for (const options of wrong) {
      expect(() => s3Sink({ bucket: 'bucket', ...options })).toThrow(
        expect.objectContaining({ code: 'MILLRACE_GRAPH' }) as Error,
      )
    }
  })

  it('and right ones are described by where they write', () => {
    expect(s3Sink({ bucket: 'bucket', prefix: '/a/b/' })).toMatchObject({
      name: 's3',
      guarantee: 'exactly-once',
      describe: 's3://bucket/a/b',
    })
    expect(s3Sink({ bucket: 'bucket', sse: 'aws:kms', kmsKeyId: 'alias/lake' }).describe).toBe('s3://bucket')
  })
})
