import { describe, expect, it } from 'vitest'
import { runInProcess } from '../../runtime/testing/index.js'
import { randomSource } from '../oracles/random-source.js'
import { boundOf } from '../oracles/random-stream.js'
import { windowContents, type Windowing } from '../oracles/windows.js'
import {
  arrivalsOf,
  expectedFired,
  expectedOutcome,
  inOrder,
  shortKey,
  streamOf,
  windowJob,
  windowUses,
  type Fired,
  type StreamRecord,
} from './window-runs.js'

const STREAMS = Number(process.env['MILLRACE_STREAMS'] ?? 250)
const FIRST_SEED = Number(process.env['MILLRACE_SEED'] ?? 1)
const SHARDS = 10

/** Windows of a stream: its own edges, and some that are no multiple of each other. */
function windowings(edgeMs: number, slideMs: number): Windowing[] {
  return [
    { kind: 'tumbling', sizeMs: edgeMs },
    { kind: 'sliding', sizeMs: edgeMs * 2, slideMs },
    { kind: 'session', gapMs: edgeMs },
  ]
}

/** The same as the edge, a divisor or none of it, and one with gaps between windows. */
function slidesOf(edgeMs: number): number[] {
  return [edgeMs, Math.ceil(edgeMs / 3), Math.ceil(edgeMs / 8), edgeMs * 3]
}

/** Sliding windows and sessions may put equal contents together in another order. */
function sorted(results: readonly Fired[]): Fired[] {
  return results.map((result) => ({ ...result, ids: [...result.ids].sort((a, b) => a - b) }))
}

function byWindow(a: Fired, b: Fired): number {
  return a.key < b.key ? -1 : a.key > b.key ? 1 : a.start - b.start
}

/** One reader and one split: when each watermark comes is known, so lateness and repeated firings are those of the oracle. */
async function singleSplit(seed: number): Promise<void> {
  const random = randomSource(seed)
  const { options, records } = streamOf(seed)
  const latenessMs = random.pick([0, 0, 1, options.edgeMs, 1_000])
  const recordsPerPoll = random.pick([1, 2, 7, 512])
  const uses = windowUses(windowings(options.edgeMs, random.pick(slidesOf(options.edgeMs))))
  const arriving = arrivalsOf(records, options, recordsPerPoll)
  const { job, outputs } = windowJob([records], uses, { boundMs: boundOf(options), latenessMs, recordsPerPoll })
  const result = await runInProcess(job)
  expect(result.failure, `seed ${seed}`).toBeUndefined()
  for (const { use, fired, late } of outputs) {
    const outcome = expectedOutcome(arriving, use, latenessMs)
    const message = `seed ${seed} ${use.uid} lateness ${latenessMs} per poll ${recordsPerPoll}`
    const exact = use.by === 'list' && use.windowing.kind !== 'session'
    const [actual, expected] = [fired.values(), expectedFired(outcome, use.by)].map((all) =>
      inOrder(exact ? all : sorted(all), use),
    )
    expect(actual, message).toEqual(expected)
    expect(
      late
        .values()
        .map(({ value }) => value.id)
        .sort((a, b) => a - b),
      message,
    ).toEqual(outcome.late.map(({ value }) => value.id).sort((a, b) => a - b))
    for (const { value, timestamp } of fired.records) expect(timestamp, message).toBe(value.end - 1)
  }
}

async function manySplits(seed: number): Promise<void> {
  const random = randomSource(seed)
  const { options, records } = streamOf(seed, { lateChance: 0, slackMs: 1 })
  const splits: StreamRecord[][] = Array.from({ length: random.between(2, 7) }, () => [])
  for (const record of records) random.pick(splits).push(record)
  const uses = windowUses(windowings(options.edgeMs, Math.ceil(options.edgeMs / 2)))
  const parallelism = random.between(1, 4)
  const recordsPerPoll = random.pick([1, 3, 512])
  const { job, outputs } = windowJob(splits, uses, { boundMs: boundOf(options), latenessMs: 0, recordsPerPoll })
  const result = await runInProcess(job, { parallelism })
  expect(result.failure, `seed ${seed}`).toBeUndefined()
  for (const { use, fired, late } of outputs) {
    const message = `seed ${seed} ${use.uid} parallelism ${parallelism} splits ${splits.length} per poll ${recordsPerPoll}`
    const contents = windowContents(records, use.windowing).map(({ key, start, end, values }): Fired => {
      const ids = values.map(({ id }) => id)
      return { key: shortKey(key), start, end, ids: use.by === 'reduce' ? [Math.max(...ids)] : ids }
    })
    expect(late.values(), message).toEqual([])
    expect(sorted(fired.values()).sort(byWindow), message).toEqual(sorted(contents).sort(byWindow))
  }
}

/** Which records are late depends on the course of several readers; that each is in a window or late, never both, does not. */
async function lateInSomeSplits(seed: number): Promise<void> {
  const random = randomSource(seed)
  const { options, records } = streamOf(seed, { lateChance: 0.2 })
  const splits: StreamRecord[][] = Array.from({ length: random.between(2, 5) }, () => [])
  for (const record of records) random.pick(splits).push(record)
  const latenessMs = random.pick([0, 0, options.edgeMs])
  const uses = windowUses(windowings(options.edgeMs, Math.ceil(options.edgeMs / 2))).filter(({ by }) => by === 'list')
  const parallelism = random.between(2, 4)
  const { job, outputs } = windowJob(splits, uses, {
    boundMs: boundOf(options),
    latenessMs,
    recordsPerPoll: random.pick([1, 3]),
  })
  const result = await runInProcess(job, { parallelism })
  expect(result.failure, `seed ${seed}`).toBeUndefined()
  for (const { use, fired, late } of outputs) {
    const message = `seed ${seed} ${use.uid} parallelism ${parallelism} lateness ${latenessMs}`
    const lateIds = new Set(late.values().map(({ value }) => value.id))
    expect(lateIds.size, message).toBe(late.values().length)
    const inTime = records.filter(({ value }) => !lateIds.has(value.id))
    const inWindows = new Set(fired.values().flatMap(({ ids }) => ids))
    expect(
      [...inWindows].sort((a, b) => a - b),
      message,
    ).toEqual(inTime.map(({ value }) => value.id))
    if (use.windowing.kind !== 'tumbling') continue
    const last = new Map(fired.values().map((result) => [`${result.start} ${result.key}`, result]))
    const expected = windowContents(inTime, use.windowing).map(({ key, start, end, values }): Fired => ({
      key: shortKey(key),
      start,
      end,
      ids: values.map(({ id }) => id),
    }))
    expect(sorted([...last.values()]).sort(byWindow), message).toEqual(sorted(expected).sort(byWindow))
    if (latenessMs === 0) expect(fired.values().length, message).toBe(last.size)
  }
}

describe('windows of random streams are those of the oracle', () => {
  for (let shard = 0; shard < SHARDS; shard++) {
    it(`one split, with late records and allowed lateness, ${shard + 1}/${SHARDS}`, { timeout: 120_000 }, async () => {
      for (let seed = FIRST_SEED + shard; seed < FIRST_SEED + STREAMS; seed += SHARDS) await singleSplit(seed)
    })
    it(
      `many splits, where no record within its split's bound is late, ${shard + 1}/${SHARDS}`,
      { timeout: 120_000 },
      async () => {
        for (let seed = FIRST_SEED + shard; seed < FIRST_SEED + STREAMS; seed += SHARDS) await manySplits(seed)
      },
    )
    it(
      `many splits with late records: each is late or in a window, ${shard + 1}/${SHARDS}`,
      { timeout: 120_000 },
      async () => {
        for (let seed = FIRST_SEED + shard; seed < FIRST_SEED + STREAMS; seed += SHARDS) await lateInSomeSplits(seed)
      },
    )
  }
})
