// Whole jobs around asynchronous operators: what went in comes out once, in its order, on the right side of every watermark.
import { describe, expect, it } from 'vitest'
import { boundedOutOfOrderness, count, defineJob, tumbling, type JobDefinition } from '../../../operators/index.js'
import {
  collectSink,
  controlledSource,
  runInProcess,
  sourceOf,
  type CollectSink,
} from '../../../runtime/testing/index.js'
import { randomSource, type RandomSource } from '../../oracles/random-source.js'

const RUNS = Number(process.env['MILLRACE_STREAMS'] ?? 10)
const FIRST_SEED = Number(process.env['MILLRACE_SEED'] ?? 1)
const DISORDER = 20
const WINDOW = 50

interface Reading {
  readonly id: number
  readonly split: number
  readonly key: number
  readonly time: number
}

/** On its way: with the watermark of the operator before the asynchronous one. */
interface Passing extends Reading {
  readonly before: number
}

type Place = Passing & { readonly after: number; readonly subtask: number }

function readings(random: RandomSource, splits: number, records: number): Reading[][] {
  let id = 0
  return Array.from({ length: splits }, (_, split) =>
    Array.from({ length: records }, (_, i) => ({
      id: id++,
      split,
      key: random.below(7),
      time: 1_000 + i * 5 - random.below(DISORDER),
    })),
  )
}

/** Resolves later, now and then at once, and in no order. */
function wait(random: RandomSource): Promise<void> | undefined {
  const turns = random.pick([0, 0, 1, 2, 5])
  if (turns === 0) return random.pick([undefined, Promise.resolve()])
  if (turns === 5) return new Promise((resolve) => setTimeout(resolve, random.below(4)))
  return new Promise((resolve) => setImmediate(resolve))
}

interface Case {
  readonly splits: readonly (readonly Reading[])[]
  readonly random: RandomSource
  readonly ordered: boolean
  readonly capacity: number
  /** A second asynchronous operator behind the first. */
  readonly twice: boolean
  /** Behind a shuffle, so that its records come in batches. */
  readonly shuffled: boolean
  readonly fault: (id: number) => void
}

interface Outputs {
  readonly job: JobDefinition
  readonly places: CollectSink<Place>
  readonly counts: CollectSink<string>
  readonly most: () => number
}

/** source -> watermark noted -> asynchronous (-> asynchronous) -> watermark noted -> out; and windows that count. */
function asyncJob({ splits, random, ordered, capacity, twice, shuffled, fault }: Case): Outputs {
  const places = collectSink<Place>()
  const counts = collectSink<string>()
  const underWay = new Map<number, number>()
  let most = 0
  const job = defineJob({
    name: 'async',
    build(env) {
      const source = env.fromSource(sourceOf(splits, { recordsPerPoll: 30 }), {
        uid: 'readings',
        watermarks: boundedOutOfOrderness(DISORDER, ({ time }: Reading) => time),
      })
      const noted = (shuffled ? source.rebalance() : source).process<Passing>({
        onElement: (reading, ctx) => ctx.emit({ ...reading, before: ctx.watermark }),
      })
      const first = noted.asyncProcess<Passing>(
        {
          open: ({ subtask }) => void underWay.set(subtask, 0),
          async onElement(reading, ctx) {
            const now = (underWay.get(0) ?? 0) + 1
            underWay.set(0, now)
            most = Math.max(most, now)
            try {
              await wait(random)
              fault(reading.id)
              ctx.emit(reading)
            } finally {
              underWay.set(0, underWay.get(0)! - 1)
            }
          },
        },
        { uid: 'first', capacity, ordered },
      )
      const second = twice
        ? first
            .map((reading) => reading)
            .asyncMap(async (reading) => (await wait(random), reading), { uid: 'second', capacity: 3, ordered })
        : first
      second
        .process<Place>({
          onElement: (reading, ctx) => ctx.emit({ ...reading, after: ctx.watermark, subtask: ctx.subtask }),
        })
        .sinkTo(places.sink, { uid: 'places' })
      second
        .keyBy(({ key }) => key)
        .window(tumbling(WINDOW))
        .aggregate(count(), (key, window, n) => `${key} ${window.start} ${n}`)
        .uid('counts')
        .sinkTo(counts.sink, { uid: 'counted' })
    },
  })
  return { job, places, counts, most: () => most }
}

function expectedCounts(splits: readonly (readonly Reading[])[]): string[] {
  const counts = new Map<string, number>()
  for (const { key, time } of splits.flat()) {
    const pane = `${key} ${Math.floor(time / WINDOW) * WINDOW}`
    counts.set(pane, (counts.get(pane) ?? 0) + 1)
  }
  return [...counts].map(([pane, n]) => `${pane} ${n}`).sort()
}

/** Throws at the record with one of these ids, once each. */
function throwAt(ids: Iterable<number>): (id: number) => void {
  const left = new Set(ids)
  return (id) => {
    if (left.delete(id))
      throw new Error(`fault at ${[...String(id)].map((digit) => 'abcdefghij'[Number(digit)]).join('')}`)
  }
}

async function survives(seed: number): Promise<void> {
  const random = randomSource(seed)
  const splits = readings(random, random.between(1, 4), random.between(50, 250))
  const total = splits.flat().length
  const ordered = random.below(2) === 0
  const parallelism = random.between(1, 3)
  const faults = Array.from({ length: random.below(4) }, () => random.below(total))
  const run = asyncJob({
    splits,
    random: randomSource(seed + 1_000_000),
    ordered,
    capacity: random.pick([1, 2, 10, 100]),
    twice: random.below(2) === 0,
    shuffled: random.below(2) === 0,
    fault: throwAt(faults),
  })
  const result = await runInProcess(run.job, {
    parallelism,
    checkpointIntervalMs: random.between(1, 10),
    restartAttempts: 20,
  })
  const message = `seed ${seed}`
  expect(result.failure, message).toBeUndefined()
  const places = run.places.values()
  expect(
    places.map(({ id }) => id).sort((a, b) => a - b),
    message,
  ).toEqual(splits.flat().map(({ id }) => id))
  // No record passed a watermark, and no watermark a record, in either direction.
  expect(
    places.filter(({ before, after }) => before !== after),
    message,
  ).toEqual([])
  expect(
    places.filter(({ after, time }) => time <= after),
    message,
  ).toEqual([])
  expect(run.counts.values().sort(), message).toEqual(expectedCounts(splits))
  expect(result.counters['counts']?.['numLateRecordsDropped'] ?? 0, message).toBe(0)
  if (!ordered) return
  const last = new Map<string, number>()
  for (const { split, subtask, id } of places) {
    const lane = `${split} ${subtask}`
    expect(id, message).toBeGreaterThan(last.get(lane) ?? -1)
    last.set(lane, id)
  }
}

describe('a job with asynchronous operators', () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    it(
      `loses nothing, doubles nothing and keeps its orders, failures and restores in between, seed ${seed}`,
      { timeout: 60_000 },
      () => survives(seed),
    )
  }

  it.each([1, 7])('has no more calls under way than its capacity of %i, in a batch neither', async (capacity) => {
    for (const shuffled of [false, true]) {
      const random = randomSource(5)
      const splits = readings(random, 1, 300)
      const run = asyncJob({ splits, random, ordered: true, capacity, twice: false, shuffled, fault: () => undefined })
      const result = await runInProcess(run.job)
      expect(result.failure).toBeUndefined()
      expect(run.places.values()).toHaveLength(300)
      expect(run.most()).toBe(capacity)
    }
  })

  it('is suspended and goes on at another parallelism', { timeout: 60_000 }, async () => {
    const { mkdtemp, rm } = await import('node:fs/promises')
    const { tmpdir } = await import('node:os')
    const { join } = await import('node:path')
    const checkpointDirectory = await mkdtemp(join(tmpdir(), 'millrace-async-'))
    const random = randomSource(77)
    const splits = readings(random, 3, 400)
    const run = asyncJob({
      splits,
      random,
      ordered: true,
      capacity: 5,
      twice: true,
      shuffled: true,
      fault: () => undefined,
    })
    const statuses: string[] = []
    for (const parallelism of [2, 3, 1, 2]) {
      const last = statuses.length === 3
      const suspend = { onStart: (running: { suspend(): void }) => void setTimeout(() => running.suspend(), 15) }
      const options = { parallelism, checkpointDirectory, checkpointIntervalMs: 4, ...(last ? {} : suspend) }
      statuses.push((await runInProcess(run.job, options)).status)
    }
    await rm(checkpointDirectory, { recursive: true, force: true, maxRetries: 10 })
    expect(statuses).toEqual(['SUSPENDED', 'SUSPENDED', 'SUSPENDED', 'FINISHED'])
    const places = run.places.values()
    expect(places.map(({ id }) => id).sort((a, b) => a - b)).toEqual(splits.flat().map(({ id }) => id))
    expect(places.filter(({ after, time }) => time <= after)).toEqual([])
    expect(run.counts.values().sort()).toEqual(expectedCounts(splits))
  })

  it('says that it is idle behind the records that are under way: nobody takes them for late', async () => {
    let end: () => void = () => undefined
    const slow = new Promise<void>((resolve) => (end = resolve))
    const feed = controlledSource<Reading>(2)
    const counts = collectSink<string>()
    const seen: number[] = []
    const job = defineJob({
      name: 'idle',
      build(env) {
        env
          .fromSource(feed.source, {
            uid: 'readings',
            watermarks: { ...boundedOutOfOrderness(0, ({ time }: Reading) => time), idlenessMs: 20 },
          })
          .asyncMap(async (reading) => (reading.split === 0 && (await slow), reading), { uid: 'slow' })
          .keyBy(() => 0)
          .process<string>({
            onElement: (reading, ctx) => {
              seen.push(reading.id)
              ctx.emit(`${reading.id} ${reading.time <= ctx.watermark ? 'late' : 'in time'}`)
              if (seen.length === 2) feed.endAll()
            },
          })
          .uid('check')
          .sinkTo(counts.sink, { uid: 'out' })
      },
    })
    const running = runInProcess(job, { parallelism: 2 })
    feed.push(0, { id: 0, split: 0, key: 0, time: 100 })
    feed.push(1, { id: 1, split: 1, key: 0, time: 10_000 })
    await new Promise((resolve) => setTimeout(resolve, 100))
    end()
    expect((await running).failure).toBeUndefined()
    expect(counts.values().sort()).toEqual(['0 in time', '1 in time'])
  })
})
