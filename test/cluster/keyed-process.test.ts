import { describe, expect, it } from 'vitest'
import { boundedOutOfOrderness, defineJob, outputTag, value } from '../../operators/index.js'
import { collectSink, runInProcess } from '../../runtime/testing/index.js'
import type { Arrival } from '../oracles/arrivals.js'
import type { OracleKey } from '../oracles/keys.js'
import { randomSource } from '../oracles/random-source.js'
import { boundOf, type RandomValue } from '../oracles/random-stream.js'
import { arrivalsOf, inPolls, shortKey, streamOf, type StreamRecord } from './window-runs.js'

const STREAMS = Number(process.env['MILLRACE_STREAMS'] ?? 150)
const FIRST_SEED = Number(process.env['MILLRACE_SEED'] ?? 1)

interface Pause {
  readonly key: string
  /** Records since the pause before. */
  readonly records: number
  /** When the timer was due. */
  readonly at: number
}

const state = { records: value<number>(), timer: value<number>() }
const odd = outputTag<number>('odd')

/** Reports a key that has had no record for `gapMs` of event time; each record moves the key's timer. */
function pausesOracle(arrivals: readonly Arrival<OracleKey, RandomValue>[], gapMs: number): Pause[] {
  const pauses: Pause[] = []
  const keys = new Map<string, { records: number; timer: number }>()
  let watermark = -Infinity
  for (const arrival of arrivals) {
    if (arrival.kind === 'record') {
      const key = shortKey(arrival.record.key)
      const state = keys.get(key) ?? { records: 0, timer: -Infinity }
      keys.set(key, { records: state.records + 1, timer: Math.max(state.timer, arrival.record.time + gapMs) })
      continue
    }
    // A timer that is set behind the watermark waits for the next one that rises, as Flink's.
    if (arrival.time <= watermark) continue
    watermark = arrival.time
    const due = [...keys].filter(([, { timer }]) => timer <= arrival.time).sort(([, a], [, b]) => a.timer - b.timer)
    for (const [key, { records, timer }] of due) {
      pauses.push({ key, records, at: timer })
      keys.delete(key)
    }
  }
  return pauses
}

function recordsByKey(pauses: readonly Pause[]): Record<string, number> {
  const totals: Record<string, number> = {}
  for (const { key, records } of pauses) totals[`key ${key}`] = (totals[`key ${key}`] ?? 0) + records
  return totals
}

async function pausesOf(seed: number): Promise<void> {
  const random = randomSource(seed)
  const { options, records } = streamOf(seed)
  const recordsPerPoll = random.pick([1, 3, 512])
  const parallelism = random.between(1, 4)
  const gapMs = options.edgeMs
  const [paused, odds, evens] = [collectSink<Pause>(), collectSink<number>(), collectSink<number>()]
  const job = defineJob({
    name: 'pauses',
    build(env) {
      const watermarks = boundedOutOfOrderness(boundOf(options), (record: StreamRecord) => record.time)
      const all = env.fromSource(inPolls([records], recordsPerPoll), { uid: 'records', watermarks })
      const pauses = all
        .keyBy((record) => record.key)
        .process<Pause, typeof state>(
          {
            state,
            onElement(record, ctx) {
              const before = ctx.state.timer.value()
              const timer = Math.max(before ?? -Infinity, record.time + gapMs)
              if (before !== undefined && before !== timer) ctx.timers.deleteEventTimer(before)
              ctx.timers.registerEventTimer(timer)
              ctx.state.timer.update(timer)
              ctx.state.records.update((ctx.state.records.value() ?? 0) + 1)
              if (record.value.id % 2 === 1) ctx.output(odd, record.value.id)
            },
            onTimer(at, ctx) {
              ctx.emit({ key: shortKey(ctx.key), records: ctx.state.records.value()!, at })
              ctx.state.records.clear()
              ctx.state.timer.clear()
            },
          },
          { uid: 'pauses' },
        )
      pauses.sinkTo(paused.sink, { uid: 'paused' })
      const odds1 = pauses.sideOutput(odd)
      const odds2 = all.filter((record) => record.value.id % 2 === 1).map((record) => record.value.id)
      odds1.union(odds2).sinkTo(odds.sink, { uid: 'odds' })
      all
        .flatMap((record) => (record.value.id % 2 === 0 ? [record.value.id, record.value.id] : []))
        .rebalance()
        .sinkTo(evens.sink, { uid: 'evens' })
    },
  })
  const result = await runInProcess(job, { parallelism })
  const message = `seed ${seed} parallelism ${parallelism} per poll ${recordsPerPoll}`
  expect(result.failure, message).toBeUndefined()
  const byKey = (pauses: readonly Pause[]): Pause[] =>
    [...pauses].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  const expected = pausesOracle(arrivalsOf(records, options, recordsPerPoll), gapMs)
  // With several readers it is open how long one without splits holds the watermark back.
  if (parallelism === 1) expect(byKey(paused.values()), message).toEqual(byKey(expected))
  else expect(recordsByKey(paused.values()), message).toEqual(recordsByKey(expected))
  const twice = (rest: number): number[] => records.flatMap(({ value: { id } }) => (id % 2 === rest ? [id, id] : []))
  const sorted = (ids: number[]): number[] => ids.sort((a, b) => a - b)
  expect(sorted(odds.values()), message).toEqual(sorted(twice(1)))
  expect(sorted(evens.values()), message).toEqual(sorted(twice(0)))
  for (const { value: pause, timestamp } of paused.records) expect(timestamp, message).toBe(pause.at)
}

describe('a keyed process function on random streams', () => {
  for (let shard = 0; shard < 5; shard++) {
    it(
      `keeps state, moves timers and fires them as the oracle says, ${shard + 1}/5`,
      { timeout: 120_000 },
      async () => {
        for (let seed = FIRST_SEED + shard; seed < FIRST_SEED + STREAMS; seed += 5) await pausesOf(seed)
      },
    )
  }
})
