// Combining before the shuffle, through the public API: nothing but speed may show it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  aggregator,
  boundedOutOfOrderness,
  defineJob,
  sliding,
  tumbling,
  type JobDefinition,
  type WindowAssigner,
} from '../../operators/index.js'
import {
  collectSink,
  runInProcess,
  sourceOf,
  type CollectSink,
  type InProcessResult,
} from '../../runtime/testing/index.js'
import type { GraphEdge, GraphNode } from '../../runtime/contract/graph.js'
import { randomSource, type RandomSource } from '../oracles/random-source.js'
import { boundOf, randomStream, recordsOf, type RandomStreamOptions } from '../oracles/random-stream.js'
import { windowContents, windowsOf, type Windowing } from '../oracles/windows.js'
import { arrivalsOf, expectedOutcome, shortKey, type Fired, type StreamRecord } from './window-runs.js'

const STREAMS = Number(process.env['MILLRACE_STREAMS'] ?? 100)
const FIRST_SEED = Number(process.env['MILLRACE_SEED'] ?? 1)
const SHARDS = 4

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-combining-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** The job without combining. */
function plain(job: JobDefinition): JobDefinition {
  const plainEdge = (edge: GraphEdge): GraphEdge => {
    if (edge.partitioning.kind !== 'hash') return edge
    return { ...edge, partitioning: { kind: 'hash', keyOf: edge.partitioning.keyOf } }
  }
  const plainNode = (node: GraphNode): GraphNode =>
    node.kind === 'source' ? node : { ...node, inputs: node.inputs.map(plainEdge) }
  return { ...job, build: (params) => ({ nodes: job.build(params).nodes.map(plainNode) }) }
}

interface Accumulated {
  ids: number[]
  amount: number
}

interface Use {
  readonly windowing: Exclude<Windowing, { kind: 'session' }>
  readonly latenessMs: number
  /** Whether somebody reads the late output. */
  readonly late: boolean
}

interface Job extends Use {
  readonly splits: readonly (readonly StreamRecord[])[]
  readonly boundMs: number
  readonly recordsPerPoll: number
  readonly idlenessMs?: number
  readonly pollEveryMs?: number
  readonly fault?: (record: StreamRecord) => void
}

interface Outputs {
  readonly fired: CollectSink<Fired & { readonly amount: number }>
  readonly late: CollectSink<StreamRecord>
  /** Merges of accumulators so far. */
  readonly merges: () => number
}

function windowJob(options: Job): { job: JobDefinition } & Outputs {
  const [fired, late] = [collectSink<Fired & { readonly amount: number }>(), collectSink<StreamRecord>()]
  let merges = 0
  const ids = aggregator<StreamRecord, Accumulated, Accumulated>({
    name: 'ids',
    create: () => ({ ids: [], amount: 0 }),
    add: (acc, { value }) => {
      acc.ids.push(value.id)
      acc.amount += value.amount
      return acc
    },
    merge: (a, b) => {
      merges++
      a.ids.push(...b.ids)
      a.amount += b.amount
      return a
    },
    result: (acc) => ({ ids: [...acc.ids].sort((a, b) => a - b), amount: acc.amount }),
  })
  const { splits, boundMs, recordsPerPoll, idlenessMs, pollEveryMs, fault, windowing, latenessMs } = options
  const job = defineJob({
    name: 'combining',
    build(env) {
      const bounded = boundedOutOfOrderness(boundMs, (record: StreamRecord) => record.time)
      const watermarks = idlenessMs === undefined ? bounded : bounded.withIdleness(idlenessMs)
      const source = sourceOf(splits, { recordsPerPoll, ...(pollEveryMs === undefined ? {} : { pollEveryMs }) })
      const results = env
        .fromSource(source, { uid: 'records', watermarks })
        .filter((record) => {
          fault?.(record)
          return true
        })
        .keyBy((record) => record.key)
        .window(assignerOf(windowing) as never)
        .allowedLateness(latenessMs)
        .aggregate(ids, (key, { start, end }, acc) => ({ key: shortKey(key), start, end, ...acc }))
        .uid('windows')
      results.sinkTo(fired.sink, { uid: 'fired' })
      if (options.late) results.late.sinkTo(late.sink, { uid: 'late' })
    },
  })
  return { job, fired, late, merges: () => merges }
}

function assignerOf(windowing: Use['windowing']): WindowAssigner {
  return windowing.kind === 'tumbling' ? tumbling(windowing.sizeMs) : sliding(windowing.sizeMs, windowing.slideMs)
}

function randomUse(random: RandomSource, { edgeMs }: RandomStreamOptions): Use {
  const slideMs = random.pick([edgeMs, Math.ceil(edgeMs / 3), edgeMs * 3])
  return {
    windowing: random.pick([
      { kind: 'tumbling', sizeMs: edgeMs * 3 },
      { kind: 'sliding', sizeMs: edgeMs * 2, slideMs },
    ]),
    latenessMs: random.pick([0, 0, edgeMs, 1_000]),
    late: random.chance(0.5),
  }
}

/** Results as lines; a window that fires again fires in an order that counts, so its firings are numbered. */
function lines(results: readonly (Fired & { readonly amount: number })[]): string[] {
  const times = new Map<string, number>()
  return results
    .map(({ key, start, end, ids, amount }) => {
      const window = `${key} ${start}`
      times.set(window, (times.get(window) ?? 0) + 1)
      return `${window} ${end} #${times.get(window)}: ${String(ids)} = ${amount}`
    })
    .sort()
}

const sortedIds = (records: readonly StreamRecord[]): number[] =>
  records.map(({ value }) => value.id).sort((a, b) => a - b)

const dropped = (result: InProcessResult): number => result.counters['windows']?.['numLateRecordsDropped'] ?? 0

/** What the oracle says of one split that is read so many records at once. */
function expected(records: readonly StreamRecord[], options: RandomStreamOptions, perPoll: number, use: Use) {
  const outcome = expectedOutcome(
    arrivalsOf(records, options, perPoll),
    { uid: '', by: 'merge', windowing: use.windowing },
    use.latenessMs,
  )
  const fired = outcome.firings.map(({ key, start, end, values }) => ({
    key: shortKey(key),
    start,
    end,
    ids: values.map(({ id }) => id).sort((a, b) => a - b),
    amount: values.reduce((sum, { amount }) => sum + amount, 0),
  }))
  return { fired: lines(fired), late: sortedIds(outcome.late) }
}

/** Merges in all runs of a test: proof that something was combined. */
let merges = 0

async function lateRecords(seed: number): Promise<void> {
  const random = randomSource(seed)
  const { options, arrivals } = randomStream(seed, { lateChance: random.pick([0.05, 0.3]) })
  const records = recordsOf(arrivals)
  const use = randomUse(random, options)
  const recordsPerPoll = random.pick([1, 5, 16])
  const [parallelism, other] = [random.between(2, 4), random.between(1, 4)]
  const answer = expected(records, options, recordsPerPoll, use)
  for (const combining of [true, false]) {
    const made = windowJob({ splits: [records], boundMs: boundOf(options), recordsPerPoll, ...use })
    const job = combining ? made.job : plain(made.job)
    const result = await runInProcess(job, { parallelism: combining ? parallelism : other })
    const message = `seed ${seed} combining ${combining} ${JSON.stringify(use)} parallelism ${parallelism} per poll ${recordsPerPoll}`
    expect(result.failure, message).toBeUndefined()
    expect(lines(made.fired.values()), message).toEqual(answer.fired)
    expect(sortedIds(made.late.values()), message).toEqual(use.late ? answer.late : [])
    expect(dropped(result), message).toBe(use.late ? 0 : answer.late.length)
    for (const { value, timestamp } of made.fired.records) expect(timestamp, message).toBe(value.end - 1)
    if (use.windowing.kind !== 'tumbling') continue
    if (combining) merges += made.merges()
    else expect(made.merges(), message).toBe(0)
  }
}

/** Splits of a stream without late records, and what is in its windows. */
function timely(seed: number, random: RandomSource) {
  const { options, arrivals } = randomStream(seed, { lateChance: 0, slackMs: 1, records: random.between(50, 400) })
  const records = recordsOf(arrivals)
  const splits: StreamRecord[][] = Array.from({ length: random.between(2, 6) }, () => [])
  for (const record of records) random.pick(splits).push(record)
  const answer = (windowing: Windowing): string[] =>
    lines(
      windowContents(records, windowing).map(({ key, start, end, values }) => ({
        key: shortKey(key),
        start,
        end,
        ids: values.map(({ id }) => id).sort((a, b) => a - b),
        amount: values.reduce((sum, { amount }) => sum + amount, 0),
      })),
    )
  return { options, records, splits, boundMs: boundOf(options), answer }
}

async function failures(seed: number): Promise<void> {
  const random = randomSource(seed)
  const { options, splits, records, boundMs, answer } = timely(seed, random)
  const use = randomUse(random, options)
  const left = new Set(Array.from({ length: random.between(1, 5) }, () => random.pick(records).value.id))
  const made = windowJob({
    splits,
    boundMs,
    recordsPerPoll: random.between(1, 8),
    pollEveryMs: 1,
    ...use,
    fault: ({ value: { id } }) => {
      if (left.delete(id)) throw new Error(`fault at ${id}`)
    },
  })
  const parallelism = random.between(2, 4)
  const result = await runInProcess(made.job, {
    parallelism,
    checkpointIntervalMs: random.between(1, 8),
    restartAttempts: 20,
  })
  const message = `seed ${seed} ${JSON.stringify(use)} parallelism ${parallelism}`
  expect(result.status, `${message} ${JSON.stringify(result.failure)}`).toBe('FINISHED')
  expect(left.size, message).toBe(0)
  expect(lines(made.fired.values()), message).toEqual(answer(use.windowing))
  expect(dropped(result), message).toBe(0)
  expect(made.late.values(), message).toEqual([])
}

async function suspensions(seed: number): Promise<void> {
  const random = randomSource(seed)
  const { options, splits, boundMs, answer } = timely(seed, random)
  const use = randomUse(random, options)
  const made = windowJob({ splits, boundMs, recordsPerPoll: random.between(1, 5), pollEveryMs: 2, ...use })
  const checkpointDirectory = join(folder, String(seed))
  const message = `seed ${seed} ${JSON.stringify(use)}`
  let status = ''
  for (let run = 0; status !== 'FINISHED'; run++) {
    const result = await runInProcess(run % 2 === 1 ? plain(made.job) : made.job, {
      parallelism: random.between(1, 4),
      checkpointDirectory,
      checkpointIntervalMs: 4,
      ...(run === 6 ? {} : { onStart: (running) => void setTimeout(() => running.suspend(), random.between(3, 15)) }),
    })
    expect(result.failure, message).toBeUndefined()
    if (result.status === 'FINISHED') expect(dropped(result), message).toBe(0)
    status = result.status
  }
  expect(lines(made.fired.values()), message).toEqual(answer(use.windowing))
  expect(made.late.values(), message).toEqual([])
}

/** Idle splits come back late, how late is a matter of time: but each record is in its windows or counted as late. */
async function idleness(seed: number): Promise<void> {
  const random = randomSource(seed)
  const { options, splits, boundMs } = timely(seed, random)
  const { windowing } = randomUse(random, options)
  const use: Use = { windowing, latenessMs: 0, late: random.chance(0.3) }
  const shortened = splits.map((split, i) => (i % 2 === 0 ? split.slice(0, random.between(0, split.length)) : split))
  const made = windowJob({
    splits: shortened,
    boundMs,
    recordsPerPoll: random.between(1, 8),
    pollEveryMs: random.between(1, 3),
    idlenessMs: random.between(1, 3),
    ...use,
  })
  const parallelism = random.between(2, 4)
  const result = await runInProcess(made.job, { parallelism, checkpointIntervalMs: 3 })
  const message = `seed ${seed} ${JSON.stringify(use)} parallelism ${parallelism}`
  expect(result.failure, message).toBeUndefined()
  const sent = shortened.flat()
  const inWindows = new Set(made.fired.values().flatMap(({ ids }) => ids))
  for (const { ids } of made.fired.values()) expect(new Set(ids).size, message).toBe(ids.length)
  // A record between two windows is late or nothing.
  const assigned = sent.filter(({ time }) => windowsOf(windowing, time).length > 0)
  const accounted = inWindows.size + made.late.values().length + dropped(result)
  expect(accounted, message).toBeGreaterThanOrEqual(assigned.length)
  expect(accounted, message).toBeLessThanOrEqual(sent.length)
  if (use.late) expect(dropped(result), message).toBe(0)
  for (const { value } of made.late.values()) expect(inWindows.has(value.id), message).toBe(false)
}

function seeds(shard: number, count: number): number[] {
  return Array.from({ length: Math.ceil(count / SHARDS) }, (_, i) => FIRST_SEED + shard + i * SHARDS)
}

describe('combining before the shuffle gives what the plain plan and the oracle give', () => {
  for (let shard = 0; shard < SHARDS; shard++) {
    const part = `${shard + 1}/${SHARDS}`
    it(`with late records and allowed lateness, ${part}`, { timeout: 120_000 }, async () => {
      merges = 0
      for (const seed of seeds(shard, STREAMS)) await lateRecords(seed)
      expect(merges).toBeGreaterThan(0)
    })
    it(`after failures, ${part}`, { timeout: 120_000 }, async () => {
      for (const seed of seeds(shard, STREAMS / 4)) await failures(seed)
    })
    it(`suspended, and gone on with or without it at another parallelism, ${part}`, { timeout: 120_000 }, async () => {
      for (const seed of seeds(shard, STREAMS / 8)) await suspensions(seed)
    })
    it(`where splits go idle, each record once, ${part}`, { timeout: 120_000 }, async () => {
      for (const seed of seeds(shard, STREAMS / 4)) await idleness(seed)
    })
  }
})

describe('a function of the aggregator that fails in the sender', () => {
  it('is a failure of the window, with its place', async () => {
    const fired = collectSink<number>()
    const job = defineJob({
      name: 'failing',
      build(env) {
        env
          .fromSource(sourceOf([[1, 2, 3]], { timestamp: (n) => n }), { uid: 'numbers' })
          .map((n) => n)
          .keyBy((n) => n)
          .window(tumbling(10))
          .aggregate({
            create: () => 0,
            add: (_, n): number => {
              if (n === 3) throw new Error('three')
              return n
            },
            merge: (a, b) => a + b,
            result: (n) => n,
          })
          .uid('window')
          .sinkTo(fired.sink, { uid: 'out' })
      },
    })
    const result = await runInProcess(job, { parallelism: 2 })
    expect(result.failure?.error).toMatchObject({
      code: 'MILLRACE_USER',
      message: expect.stringContaining('operator "window": Error: three') as string,
    })
    expect(result.failure?.error.at).toMatch(/combining\.test\.ts:\d+:\d+$/)
  })
})
