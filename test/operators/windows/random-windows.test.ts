// All window operators against an oracle of plain loops, over random streams with disorder, ties, lateness, skew and hostile keys.
import { describe, expect, it } from 'vitest'
import type { Stream, WindowResultStream, WindowedStream } from '../../../operators/api/streams.js'
import { aggregator } from '../../../operators/windows/aggregator.js'
import { session, sliding, tumbling, type WindowAssigner } from '../../../operators/windows/assigner.js'
import { windowArrivals, type Arrival } from '../../oracles/arrivals.js'
import { keyText, type OracleKey } from '../../oracles/keys.js'
import { randomSource, type RandomSource } from '../../oracles/random-source.js'
import { randomStream, type RandomStreamOptions, type RandomValue } from '../../oracles/random-stream.js'
import type { KeyedRecord, Windowing } from '../../oracles/windows.js'
import { graphOf } from '../graphs.js'
import { OperatorHarness } from '../harness.js'

type Rec = KeyedRecord<OracleKey, RandomValue>
interface Result {
  readonly key: OracleKey
  readonly start: number
  readonly end: number
  readonly ids: readonly number[]
}
type Windowed = WindowedStream<OracleKey, Rec>
type Compute = (windows: Windowed) => WindowResultStream<Result, Rec>

/** Accumulators that are changed in place, as greedily as allowed: an alias or a missing write shows. */
const idsInPlace = aggregator<Rec, { ids: number[] }, number[]>({
  create: () => ({ ids: [] }),
  add: (acc, { value }) => {
    acc.ids.push(value.id)
    return acc
  },
  result: (acc) => [...acc.ids],
  merge: (a, b) => {
    a.ids.push(...b.ids)
    return a
  },
})
const idsApart = aggregator<Rec, readonly number[], readonly number[]>({
  create: () => [],
  add: (acc, { value }) => [...acc, value.id],
  result: (acc) => acc,
})

const computations: Record<string, Compute> = {
  'an aggregator that merges': (windows) =>
    windows.aggregate(idsInPlace, (key, { start, end }, ids) => ({ key, start, end, ids })),
  'an aggregator that cannot merge': (windows) =>
    windows.aggregate(idsApart, (key, { start, end }, ids) => ({ key, start, end, ids })),
  'all records': (windows) =>
    windows.apply<Result>((key, { start, end }, values, out) => {
      out.emit({ key, start, end, ids: [...values].map(({ value }) => value.id) })
    }),
  'a reduction': (windows) =>
    windows.reduce(
      (a, b) => ({ ...a, ids: [...idsOf(a), ...idsOf(b)] }) as Rec,
      (key, { start, end }, all) => ({ key, start, end, ids: idsOf(all) }),
    ),
}

function idsOf(record: Rec & { ids?: readonly number[] }): readonly number[] {
  return record.ids ?? [record.value.id]
}

function windowingOf(random: RandomSource, kind: Windowing['kind'], { edgeMs }: RandomStreamOptions): Windowing {
  if (kind === 'session') return { kind, gapMs: edgeMs }
  if (kind === 'tumbling') return { kind, sizeMs: edgeMs, offsetMs: random.between(1 - edgeMs, edgeMs - 1) }
  const slideMs = random.pick([1, edgeMs, Math.ceil(edgeMs / 2), random.between(1, 2 * edgeMs)])
  const sizeMs = Math.min(edgeMs * random.between(1, 3), slideMs * 12)
  return { kind, sizeMs, slideMs, offsetMs: random.between(1 - slideMs, slideMs - 1) }
}

function assignerOf(windowing: Windowing): WindowAssigner {
  if (windowing.kind === 'session') return session(windowing.gapMs)
  if (windowing.kind === 'tumbling') return tumbling(windowing.sizeMs, windowing.offsetMs)
  return sliding(windowing.sizeMs, windowing.slideMs, windowing.offsetMs)
}

function run(
  arrivals: readonly Arrival<OracleKey, RandomValue>[],
  harness: OperatorHarness,
  random: RandomSource,
): { value: Result; at: number }[] {
  const results: { value: Result; at: number }[] = []
  for (const [at, arrival] of arrivals.entries()) {
    if (random.chance(0.02)) harness.restart()
    const before = harness.main.length
    if (arrival.kind === 'watermark') harness.advance(arrival.time)
    else harness.push(arrival.record, arrival.record.time)
    for (const { value, timestamp } of harness.main.slice(before)) {
      expect(timestamp).toBe((value as Result).end - 1)
      results.push({ value: value as Result, at })
    }
  }
  return results
}

function line({ key, start, end, ids }: Result, at: number): string {
  return `${at} ${keyText(key).slice(0, 40)} [${start},${end}) ${[...ids].sort((a, b) => a - b).join(',')}`
}

function check(seed: number, kind: Windowing['kind'], compute: Compute): void {
  const { options, arrivals } = randomStream(seed)
  const random = randomSource(seed + 1_000_000)
  const windowing = windowingOf(random, kind, options)
  const latenessMs = random.pick([0, 0, 1, options.edgeMs, 3 * options.edgeMs])
  const hasLateOutput = random.chance(0.5)
  const graph = graphOf<Rec>((records: Stream<Rec>) => {
    const windows = records.keyBy(({ key }) => key).window(assignerOf(windowing))
    return compute(windows.allowedLateness(latenessMs)).uid('windows')
  })
  const harness = new OperatorHarness(graph, 'windows', {
    read: hasLateOutput ? ['late'] : [],
    state: random.pick(['copy', 'share']),
  })
  const expected = windowArrivals(arrivals, windowing, latenessMs)
  const results = run(arrivals, harness, random)

  const where = `seed ${seed}, ${JSON.stringify(windowing)}, lateness ${latenessMs}`
  const lines = results.map(({ value, at }) => line(value, at)).sort()
  const expectedLines = expected.firings.map(({ values, at, ...window }) =>
    line({ ...window, ids: values.map(({ id }) => id) }, at),
  )
  expect(lines, where).toEqual(expectedLines.sort())
  expect(
    harness.side('late').map(({ value }) => value),
    where,
  ).toEqual(hasLateOutput ? expected.late : [])
  expect(harness.counters.get('numLateRecordsDropped') ?? 0, where).toBe(hasLateOutput ? 0 : expected.late.length)
  expect(harness.changedRecords(), where).toEqual([])
  expect(harness.keysWithState(), where).toBe(0)
  expect(harness.pendingTimers(), where).toBe(0)
}

describe.each(Object.entries(computations))('windows of %s', (name, compute) => {
  for (const kind of ['tumbling', 'sliding', 'session'] as const) {
    if (kind === 'session' && name === 'an aggregator that cannot merge') continue
    it(`are those of plain loops: ${kind}`, () => {
      const seeds = kind === 'sliding' ? 120 : 200
      for (let seed = 1; seed <= seeds; seed++) check(seed, kind, compute)
    })
  }
})
