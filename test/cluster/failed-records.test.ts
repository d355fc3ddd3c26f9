import { describe, expect, it } from 'vitest'
import {
  aggregator,
  boundedOutOfOrderness,
  defineJob,
  MillraceError,
  tumbling,
  value,
  type FailedRecord,
  type JobDefinition,
  type OperatorStream,
  type SourceStream,
} from '../../operators/index.js'
import { collectSink, operatorHarness, runInProcess, sourceOf, type CollectSink } from '../../runtime/testing/index.js'

const numbers = Array.from({ length: 2 }, (_, split) => Array.from({ length: 500 }, (_, i) => i * 2 + split))
const all = numbers.flat().sort((a, b) => a - b)
const isPoison = (n: number): boolean => n % 100 === 7
const poison = all.filter(isPoison)

const UNSHOWN = 'a value that cannot be shown as text'

function refuseToShow(): never {
  throw new Error('not shown')
}

function refuse(n: number): number {
  if (isPoison(n)) throw new TypeError(`cannot take ${n}`)
  return n
}

interface Run {
  readonly job: JobDefinition
  readonly good: CollectSink<unknown>
  readonly failed: CollectSink<FailedRecord>
}

/** A job of one operator; `read`: somebody reads what it failed on. */
function jobOf(make: (records: SourceStream<number>) => OperatorStream<unknown>, read = true): Run {
  const good = collectSink<unknown>()
  const failed = collectSink<FailedRecord>()
  const job = defineJob({
    name: 'poisoned',
    build(env) {
      const watermarks = boundedOutOfOrderness(0, (n: number) => n)
      const records = env.fromSource(sourceOf(numbers), { uid: 'numbers', watermarks })
      const results = make(records)
      results.sinkTo(good.sink, { uid: 'good' })
      if (read) results.failed.sinkTo(failed.sink, { uid: 'failed' })
    },
  })
  return { job, good, failed }
}

const values = (sink: CollectSink<unknown>): number[] => (sink.values() as number[]).sort((a, b) => a - b)
const failedValues = (sink: CollectSink<FailedRecord>): unknown[] =>
  sink
    .values()
    .map((record) => record.value as number)
    .sort((a, b) => a - b)

describe('a record that a function throws for', () => {
  it('fails the job unless that says otherwise', async () => {
    const { job } = jobOf((records) => records.map(refuse).uid('map'), false)
    const result = await runInProcess(job)
    expect(result).toMatchObject({ status: 'FAILED', failure: { uid: 'map', error: { code: 'MILLRACE_USER' } } })
  })

  it.each<[string, (records: SourceStream<number>) => OperatorStream<unknown>]>([
    ['map', (records) => records.map(refuse)],
    ['filter', (records) => records.filter((n) => refuse(n) >= 0)],
    ['flatMap', (records) => records.flatMap((n) => [refuse(n)])],
    ['process', (records) => records.process<number>({ onElement: (n, ctx) => ctx.emit(refuse(n)) })],
    ['asyncMap', (records) => records.asyncMap(async (n) => Promise.resolve(n).then(refuse), { uid: 'async' })],
    [
      'keyed process',
      (records) =>
        records
          .keyBy((n) => n % 10)
          .process<number>({ onElement: (n, ctx) => ctx.emit(refuse(n)) })
          .uid('keyed'),
    ],
    [
      'second input',
      (records) =>
        records
          .filter(() => false)
          .connect(records)
          .process<number>({ onElement1: () => undefined, onElement2: (n, ctx) => ctx.emit(refuse(n)) }),
    ],
    ['key function of a map', (records) => records.keyBy(refuse).map((n) => n)],
    [
      'key function',
      (records) =>
        records
          .keyBy(refuse)
          .process<number>({ onElement: (n, ctx) => ctx.emit(n) })
          .uid('keyed'),
    ],
    [
      'key that is none',
      (records) =>
        records
          .keyBy((n) => (isPoison(n) ? NaN : n))
          .process<number>({ onElement: (n, ctx) => ctx.emit(n) })
          .uid('keyed'),
    ],
  ])('goes to the failed output, and the others go on: %s', async (_, make) => {
    const { job, good, failed } = jobOf(make)
    const result = await runInProcess(job, { parallelism: 2 })
    expect(result.failure).toBeUndefined()
    expect(values(good)).toEqual(all.filter((n) => !isPoison(n)))
    expect(failedValues(failed)).toEqual(poison)
  })

  it('says all that is known of it', async () => {
    const { job, failed } = jobOf((records) =>
      records
        .keyBy((n) => `k${n % 10}`)
        .process<number>({ onElement: (n, ctx) => ctx.emit(refuse(n)) })
        .uid('refusing'),
    )
    await runInProcess(job)
    const { stack, ...error } = failed.values()[0]!.error
    expect(stack).toContain('refuse')
    expect(error).toEqual({
      name: 'TypeError',
      message: 'cannot take 7',
      at: expect.stringMatching(/failed-records\.test\.ts:\d+:\d+$/) as string,
    })
    expect(failed.values()[0]).toMatchObject({
      uid: 'refusing',
      value: 7,
      input: 0,
      timestamp: 7,
      key: 'k7',
      attempt: 1,
    })
    expect(failed.values()[0]!.failedAtMs).toBeGreaterThan(1e12)
  })

  it('is dropped, counted and shown where the job says drop', async () => {
    const { job, good } = jobOf((records) => records.map(refuse).uid('map').onError('drop'), false)
    const result = await runInProcess(job)
    expect(values(good)).toEqual(all.filter((n) => !isPoison(n)))
    expect(result.counters['map']).toMatchObject({
      numFailedRecords: 10,
      numFailedRecordsDropped: 10,
      numRecordsIn: 1000,
    })
    expect(result.warnings[0]).toMatch(/dropped a record: TypeError: cannot take 7 \(.*failed-records\.test\.ts/)
    expect(result.warnings.length).toBeLessThan(10)
  })

  it.each<[string, () => never]>([
    [
      'what the engine, a disk or the network failed with',
      () => {
        throw new MillraceError('MILLRACE_STORAGE', 'no disk')
      },
    ],
    [
      'what a system call failed with',
      () => {
        throw Object.assign(new Error('ENOSPC'), { syscall: 'write', code: 'ENOSPC' })
      },
    ],
  ])('fails the job for %s', async (_, fail) => {
    const { job } = jobOf((records) => records.map(fail).onError('drop'), false)
    expect((await runInProcess(job)).status).toBe('FAILED')
  })

  it.each<[string, () => unknown, string]>([
    ['no prototype', () => Object.create(null) as unknown, '{}'],
    ['a text that throws', () => ({ toJSON: refuseToShow, toString: refuseToShow }), UNSHOWN],
    ['a message that throws', () => Object.defineProperty(new Error(), 'message', { get: refuseToShow }), '{}'],
    ['a message that is no text', () => Object.assign(new Error(), { message: { code: 7 } }), '{"code":7}'],
    ['a system call that throws', () => Object.defineProperty({}, 'syscall', { get: refuseToShow }), '{}'],
  ])('goes on when what was thrown has %s', async (_, make, message) => {
    const { job, good, failed } = jobOf((records) =>
      records.map((n) => {
        if (isPoison(n)) throw make()
        return n
      }),
    )
    expect((await runInProcess(job)).failure).toBeUndefined()
    expect(values(good)).toHaveLength(all.length - poison.length)
    expect(failed.values()[0]!.error.message).toBe(message)
  })

  it('fails the job with its operator when what was thrown cannot be shown', async () => {
    const { job } = jobOf((records) => {
      return records
        .map(() => {
          throw Object.create(null)
        })
        .uid('map')
    }, false)
    expect((await runInProcess(job)).failure).toMatchObject({ uid: 'map', error: { message: 'operator "map": {}' } })
  })

  it('is not that of the operator before it', async () => {
    const { job } = jobOf((records) => {
      const mapped = records.map((n) => n).uid('before')
      mapped.onError('drop')
      return mapped.map(refuse).uid('behind')
    }, false)
    expect((await runInProcess(job)).failure).toMatchObject({ uid: 'behind' })
  })

  it('leaves what it emitted and stored before', async () => {
    const state = { seen: value<number>() }
    const { job } = jobOf((records) =>
      records
        .keyBy((n) => n % 2)
        .process<number, typeof state>({
          state,
          onElement(n, ctx) {
            const seen = (ctx.state.seen.value() ?? 0) + 1
            ctx.state.seen.update(seen)
            ctx.emit(seen)
            if (seen === 2) throw new Error('the second')
          },
        })
        .uid('counting'),
    )
    const harness = await operatorHarness<number>(job, 'counting')
    for (const n of [0, 2, 4]) harness.push(n, n)
    expect(harness.values()).toEqual([1, 2, 3])
    expect(harness.sideOutput<FailedRecord>('failed').map((record) => record.value.value)).toEqual([2])
  })
})

describe('a timer that fails', () => {
  it('goes to the failed output with its key and time', async () => {
    const { job } = jobOf((records) =>
      records
        .keyBy((n) => n)
        .process<number>({
          onElement: (n, ctx) => ctx.timers.registerEventTimer(n + 10),
          onTimer: (time, ctx) => ctx.emit(refuse(time)),
        })
        .uid('timers'),
    )
    const harness = await operatorHarness<number>(job, 'timers')
    for (const n of [90, 97, 98]) harness.push(n, n)
    harness.advanceWatermark(1_000)
    expect(harness.values()).toEqual([100, 108])
    const [failed] = harness.sideOutput<FailedRecord>('failed')
    expect(failed).toMatchObject({ timestamp: 107, value: { key: 97, timer: { time: 107, domain: 'event' } } })
    expect(failed!.value).not.toHaveProperty('value')
  })

  it('that fires a window leaves nothing of it behind', async () => {
    const { job } = jobOf((records) =>
      records
        .keyBy((n) => n)
        .window(tumbling(10))
        .apply<number>((key, _window, _values, out) => out.emit(refuse(key)))
        .uid('windows'),
    )
    const harness = await operatorHarness<number>(job, 'windows')
    for (const n of [6, 7, 8]) harness.push(n, n)
    harness.advanceWatermark(100)
    expect(harness.values().sort()).toEqual([6, 8])
    expect(harness.sideOutput<FailedRecord>('failed')[0]!.value).toMatchObject({ key: 7, timer: { time: 9 } })
    const { subtasks } = await harness.snapshot()
    expect(subtasks.flatMap(({ rows }) => rows)).toEqual([])
  })
})

it('one record fails an aggregator, not those that came with it to be combined', async () => {
  const sum = aggregator({
    create: () => 0,
    add: (acc: number, n: number) => acc + refuse(n),
    merge: (a: number, b: number) => a + b,
    result: (acc: number) => acc,
  })
  const { job, good, failed } = jobOf((records) =>
    records
      .keyBy((n) => n % 3)
      .window(tumbling(100))
      .aggregate(sum)
      .uid('sums'),
  )
  await runInProcess(job, { parallelism: 2 })
  expect(failedValues(failed)).toEqual(poison)
  const total = all.filter((n) => !isPoison(n)).reduce((a, b) => a + b)
  expect((good.values() as number[]).reduce((a, b) => a + b)).toBe(total)
})

describe('onError', () => {
  it('is not for sources', () => {
    const { job } = jobOf((records) => records.onError('drop'), false)
    expect(() => job.build({})).toThrow(/onError\(\) of a source/)
  })

  it('refuses what is no policy', () => {
    const { job } = jobOf((records) => records.map(refuse).onError('skip' as never), false)
    expect(() => job.build({})).toThrow(expect.objectContaining({ code: 'MILLRACE_GRAPH' }) as Error)
  })
})
