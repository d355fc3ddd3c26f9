// Windows by hand: what the random tests hit rarely, or do not look at.
import { describe, expect, it } from 'vitest'
import { outputTag } from '../../../operators/api/output-tag.js'
import type { KeyedStream, Stream } from '../../../operators/api/streams.js'
import { aggregator } from '../../../operators/windows/aggregator.js'
import { count, maxOf, meanOf, minOf, sumOf } from '../../../operators/windows/aggregators.js'
import { session, sliding, tumbling } from '../../../operators/windows/assigner.js'
import { graphOf } from '../graphs.js'
import { OperatorHarness, type HarnessOptions } from '../harness.js'

interface Reading {
  readonly id: string
  readonly speed: number
}

function windowed(
  make: (keyed: KeyedStream<string, Reading>) => Stream<unknown>,
  options?: HarnessOptions,
): OperatorHarness {
  const graph = graphOf<Reading>((records) => make(records.keyBy(({ id }) => id)))
  return new OperatorHarness(graph, 'windows', options)
}

const a = (speed: number): Reading => ({ id: 'a', speed })

describe('a tumbling window', () => {
  const counts = (lateness: number, options?: HarnessOptions): OperatorHarness =>
    windowed(
      (keyed) =>
        keyed
          .window(tumbling(10))
          .allowedLateness(lateness)
          .aggregate(count(), (id, { start, end }, n) => ({ id, start, end, n }))
          .uid('windows'),
      options,
    )

  it('fires when the watermark reaches end - 1, not before', () => {
    const harness = counts(0)
    harness.push(a(1), 9)
    harness.advance(8)
    expect(harness.main).toEqual([])
    harness.advance(9)
    expect(harness.main).toEqual([{ value: { id: 'a', start: 0, end: 10, n: 1 }, timestamp: 9 }])
  })

  it('starts below zero for times before the epoch', () => {
    const harness = counts(0)
    harness.push(a(1), -1)
    harness.push(a(1), -10)
    harness.push(a(1), -11)
    harness.advance(Infinity)
    expect(harness.values()).toEqual([
      { id: 'a', start: -20, end: -10, n: 1 },
      { id: 'a', start: -10, end: 0, n: 2 },
    ])
  })

  it('drops and counts a late record if nobody reads the late output', () => {
    const harness = counts(0)
    harness.advance(9)
    harness.push(a(1), 5)
    harness.advance(Infinity)
    expect(harness.main).toEqual([])
    expect(harness.side('late')).toEqual([])
    expect(harness.counters.get('numLateRecordsDropped')).toBe(1)
  })

  it('sends a late record to the late output as it came, uncounted', () => {
    const harness = counts(0, { read: ['late'] })
    harness.advance(9)
    const record = a(1)
    harness.push(record, 5)
    expect(harness.side('late')).toEqual([{ value: record, timestamp: 5 }])
    expect(harness.side('late')[0]!.value).toBe(record)
    expect(harness.counters.get('numLateRecordsDropped') ?? 0).toBe(0)
  })

  it('fires again for each record within allowed lateness, then is gone', () => {
    const harness = counts(5)
    harness.push(a(1), 0)
    harness.advance(9)
    harness.push(a(1), 1)
    harness.advance(13)
    harness.push(a(1), 2)
    harness.advance(14)
    expect(harness.keysWithState()).toBe(0)
    harness.push(a(1), 3)
    expect(harness.values().map((value) => (value as { n: number }).n)).toEqual([1, 2, 3])
    expect(harness.counters.get('numLateRecordsDropped')).toBe(1)
  })

  it('takes its first record within allowed lateness and fires at once', () => {
    const harness = counts(5)
    harness.advance(12)
    harness.push(a(1), 9)
    expect(harness.main).toEqual([{ value: { id: 'a', start: 0, end: 10, n: 1 }, timestamp: 9 }])
    harness.advance(Infinity)
    expect(harness.main).toHaveLength(1)
    expect(harness.keysWithState()).toBe(0)
  })

  it('sets timers once a window, not once a record', () => {
    const harness = counts(0)
    for (let k = 0; k < 100; k++) harness.push(a(1), k % 10)
    expect(harness.timersSet).toBe(1)
  })

  it('refuses a record without event time, and says what to do', () => {
    expect(() => counts(0).push(a(1), -Infinity)).toThrow(/without event time.*windows/)
    expect(() => counts(0).push(a(1), NaN)).toThrow(/event time NaN/)
    expect(() => counts(0).push(a(1), 0.5)).toThrow(/event time 0.5/)
  })

  it('can name its late output', () => {
    const tooLate = outputTag<Reading>('tooLate')
    const graph = graphOf<Reading>((records) => {
      const result = records
        .keyBy(({ id }) => id)
        .window(tumbling(10))
        .sideOutputLateData(tooLate)
        .aggregate(count())
        .uid('windows')
      return result.sideOutput(tooLate).union(result.late)
    })
    expect(graph.nodes.at(-1)).toMatchObject({ inputs: [{ tag: 'tooLate' }, { tag: 'tooLate' }] })
    const harness = new OperatorHarness(graph, 'windows', { read: ['tooLate'] })
    harness.advance(9)
    harness.push(a(1), 1)
    expect(harness.side('tooLate')).toHaveLength(1)
  })
})

describe('a sliding window', () => {
  it('counts a record that is late for some of its windows in the others only', () => {
    const harness = windowed((keyed) =>
      keyed
        .window(sliding(10, 5))
        .aggregate(count(), (_, { start }, n) => [start, n])
        .uid('windows'),
    )
    harness.push(a(1), 5)
    harness.advance(9)
    harness.push(a(1), 6)
    harness.advance(Infinity)
    expect(harness.values()).toEqual([
      [0, 1],
      [5, 2],
    ])
    expect(harness.counters.get('numLateRecordsDropped') ?? 0).toBe(0)
  })

  it('does not fire again at the very end of its allowed lateness', () => {
    const harness = windowed((keyed) =>
      keyed
        .window(sliding(10, 5))
        .allowedLateness(3)
        .aggregate(count(), (_, { start }, n) => [start, n])
        .uid('windows'),
    )
    harness.push(a(1), 5)
    harness.advance(11)
    harness.push(a(1), 6)
    harness.advance(12)
    harness.push(a(1), 7)
    expect(harness.values()).toEqual([
      [0, 1],
      [0, 2],
    ])
    harness.advance(Infinity)
    expect(harness.values().at(-1)).toEqual([5, 3])
  })

  it('keeps one accumulator a slide, and sets one timer for each new one', () => {
    const harness = windowed((keyed) => keyed.window(sliding(100, 10)).aggregate(count()).uid('windows'))
    for (let time = 0; time < 1_000; time++) harness.push(a(1), time)
    // Ten for the first slice, one for each other.
    expect(harness.timersSet).toBe(10 + 99)
  })

  it('knows a late record between two windows from one in time', () => {
    for (const make of [count(), { create: () => 0, add: (n: number) => n + 1, result: (n: number) => n }]) {
      const harness = windowed((keyed) => keyed.window(sliding(4, 10)).aggregate(make).uid('windows'))
      harness.push(a(1), 7)
      expect(harness.counters.get('numLateRecordsDropped') ?? 0).toBe(0)
      harness.advance(7)
      harness.push(a(1), 7)
      expect(harness.counters.get('numLateRecordsDropped')).toBe(1)
      harness.advance(Infinity)
      expect(harness.main).toEqual([])
    }
  })
})

describe('a session window', () => {
  const sessions = (lateness = 0): OperatorHarness =>
    windowed((keyed) =>
      keyed
        .window(session(10))
        .allowedLateness(lateness)
        .aggregate(count(), (_, window, n) => ({ ...window, n }))
        .uid('windows'),
    )

  it('merges sessions that touch', () => {
    const harness = sessions()
    harness.push(a(1), 0)
    harness.push(a(1), 20)
    harness.push(a(1), 10)
    harness.advance(Infinity)
    expect(harness.values()).toEqual([{ start: 0, end: 30, n: 3 }])
  })

  it('keeps sessions apart that do not touch', () => {
    const harness = sessions()
    harness.push(a(1), 0)
    harness.push(a(1), 11)
    harness.advance(Infinity)
    expect(harness.values()).toEqual([
      { start: 0, end: 10, n: 1 },
      { start: 11, end: 21, n: 1 },
    ])
  })

  it('sets no timer for a record that makes it longer', () => {
    const harness = sessions()
    for (let time = 0; time < 100; time++) harness.push(a(1), time)
    expect(harness.timersSet).toBe(1)
    harness.advance(107)
    expect(harness.main).toEqual([])
    harness.advance(108)
    expect(harness.main).toEqual([{ value: { start: 0, end: 109, n: 100 }, timestamp: 108 }])
  })

  it('that has fired fires again as a whole when a record within allowed lateness makes it longer', () => {
    const harness = sessions(20)
    harness.push(a(1), 0)
    harness.advance(15)
    harness.push(a(1), 9)
    expect(harness.values()).toEqual([{ start: 0, end: 10, n: 1 }])
    harness.advance(18)
    expect(harness.values().at(-1)).toEqual({ start: 0, end: 19, n: 2 })
    harness.advance(38)
    expect(harness.keysWithState()).toBe(0)
  })
})

describe('what windows compute', () => {
  const speeds = [4, -2, 10]

  it.each([
    ['count', count(), 3],
    ['sum', sumOf((r: Reading) => r.speed), 12],
    ['least', minOf((r: Reading) => r.speed), -2],
    ['greatest', maxOf((r: Reading) => r.speed), 10],
    ['mean', meanOf((r: Reading) => r.speed), 4],
  ])('%s, in tumbling, sliding and session windows', (_, aggregate, expected) => {
    for (const assigner of [tumbling(100), sliding(100, 100), session(100)]) {
      const harness = windowed((keyed) =>
        keyed
          .window(assigner)
          .aggregate(aggregate as never)
          .uid('windows'),
      )
      speeds.forEach((speed, k) => harness.push(a(speed), 50 - k))
      harness.advance(Infinity)
      expect(harness.values()).toEqual([expected])
    }
  })

  it('gives a function that keeps its values a list that does not change', () => {
    const keep = (keyed: KeyedStream<string, Reading>): Stream<unknown> =>
      keyed
        .window(tumbling(10))
        .allowedLateness(10)
        .apply<Iterable<Reading>>((_id, _window, values, out) => out.emit(values))
        .uid('windows')
    const harness = windowed(keep, { state: 'share' })
    harness.push(a(1), 1)
    harness.advance(9)
    harness.push(a(2), 2)
    expect(harness.values()).toEqual([[a(1)], [a(1), a(2)]])
    expect(harness.changedRecords()).toEqual([])
  })

  it('refuses an accumulator that add() forgot to return', () => {
    const forgetful = aggregator<Reading, { n: number }, number>({
      create: () => ({ n: 0 }),
      add: ((acc: { n: number }) => void acc.n++) as never,
      result: ({ n }) => n,
    })
    for (const assigner of [tumbling(10), sliding(10, 5)]) {
      const harness = windowed((keyed) => keyed.window(assigner).aggregate(forgetful).uid('windows'))
      expect(() => harness.push(a(1), 1)).toThrow(/accumulator of operator "windows" is undefined/)
    }
  })

  it('refuses a promise from the window function, naming operator and place', () => {
    const harness = windowed((keyed) =>
      keyed
        .window(tumbling(10))
        .aggregate(count(), () => Promise.resolve(1))
        .uid('windows'),
    )
    harness.push(a(1), 1)
    expect(() => harness.advance(9)).toThrow(
      expect.objectContaining({
        code: 'MILLRACE_PROMISE',
        at: expect.stringMatching(/windows\.test\.ts:\d+:\d+$/) as string,
      }) as Error,
    )
  })
})

describe("a window's state", () => {
  const fingerprint = (make: (keyed: KeyedStream<string, Reading>) => Stream<unknown>): string => {
    const node = graphOf<Reading>((records) => make(records.keyBy(({ id }) => id))).nodes[1]!
    return node.kind === 'operator' ? node.states[0]!.fingerprint : ''
  }
  const counted = { create: () => 0, add: (n: number) => n + 1, result: (n: number) => n }

  it('has a fingerprint of all that gives it its meaning', () => {
    const all = [
      fingerprint((keyed) => keyed.window(tumbling(10)).aggregate(count()).uid('w')),
      fingerprint((keyed) => keyed.window(tumbling(20)).aggregate(count()).uid('w')),
      fingerprint((keyed) => keyed.window(tumbling(10, 5)).aggregate(count()).uid('w')),
      fingerprint((keyed) => keyed.window(tumbling(10)).allowedLateness(5).aggregate(count()).uid('w')),
      fingerprint((keyed) =>
        keyed
          .window(tumbling(10))
          .aggregate(meanOf((r) => r.speed))
          .uid('w'),
      ),
      fingerprint((keyed) => keyed.window(tumbling(10)).aggregate(counted).uid('w')),
      fingerprint((keyed) =>
        keyed
          .window(tumbling(10))
          .aggregate({ ...counted, version: 2 })
          .uid('w'),
      ),
      fingerprint((keyed) =>
        keyed
          .window(tumbling(10))
          .reduce((r) => r)
          .uid('w'),
      ),
      fingerprint((keyed) =>
        keyed
          .window(tumbling(10))
          .apply(() => undefined)
          .uid('w'),
      ),
      fingerprint((keyed) => keyed.window(sliding(10, 5)).aggregate(counted).uid('w')),
      fingerprint((keyed) =>
        keyed
          .window(sliding(10, 5))
          .aggregate({ ...counted, merge: (x, y) => x + y })
          .uid('w'),
      ),
      fingerprint((keyed) => keyed.window(session(10)).aggregate(count()).uid('w')),
    ]
    expect(new Set(all).size).toBe(all.length)
    expect(all[0]).toBe('tumbling(10,0) lateness 0 aggregate count/1')
  })
})
