import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { KeyedStream, Stream } from '../../../operators/api/streams.js'
import { aggregator } from '../../../operators/windows/aggregator.js'
import { count, sumOf } from '../../../operators/windows/aggregators.js'
import {
  session,
  sliding,
  tumbling,
  type SlidingWindows,
  type TumblingWindows,
} from '../../../operators/windows/assigner.js'
import type { CombinerSpec } from '../../../runtime/contract/combiner.js'
import { windowsOf } from '../../oracles/windows.js'
import { graphOf } from '../graphs.js'
import { OperatorHarness, type HarnessOptions } from '../harness.js'

interface Reading {
  readonly id: string
  readonly speed: number
}

const reading = (speed: number): Reading => ({ id: 'a', speed })

type Make = (keyed: KeyedStream<string, Reading>) => Stream<unknown>

/** What the senders of the operator `windows` may combine. */
function specOf(make: Make): CombinerSpec | undefined {
  const node = graphOf<Reading>((records) => make(records.keyBy(({ id }) => id))).nodes.find(
    ({ uid }) => uid === 'windows',
  )
  if (node?.kind !== 'operator') throw new Error('no windows')
  const { partitioning } = node.inputs[0]!
  return partitioning.kind === 'hash' ? partitioning.combine : undefined
}

function harness(make: Make, options?: HarnessOptions): OperatorHarness {
  return new OperatorHarness(
    graphOf<Reading>((records) => make(records.keyBy(({ id }) => id))),
    'windows',
    options,
  )
}

const lists = aggregator<Reading, number[], number[]>({
  create: () => [],
  add: (speeds, { speed }) => {
    speeds.push(speed)
    return speeds
  },
  merge: (a, b) => {
    a.push(...b)
    return a
  },
  result: (speeds) => [...speeds],
})

describe('senders combine', () => {
  it('for tumbling and sliding windows whose aggregator can merge', () => {
    expect(specOf((keyed) => keyed.window(tumbling(10)).aggregate(count()).uid('windows'))).toMatchObject({
      lateTag: 'late',
      refires: false,
    })
    expect(
      specOf((keyed) => keyed.window(sliding(10, 2)).allowedLateness(1).aggregate(count()).uid('windows')),
    ).toMatchObject({ refires: true })
  })

  it('for no other windows and functions', () => {
    const unmergeable = aggregator<Reading, number, number>({ create: () => 0, add: (n) => n + 1, result: (n) => n })
    const makes: Make[] = [
      (keyed) => keyed.window(session(10)).aggregate(count()).uid('windows'),
      (keyed) => keyed.window(tumbling(10)).aggregate(unmergeable).uid('windows'),
      (keyed) => keyed.window(sliding(10, 2)).aggregate(unmergeable).uid('windows'),
      (keyed) =>
        keyed
          .window(tumbling(10))
          .reduce((a) => a)
          .uid('windows'),
      (keyed) =>
        keyed
          .window(tumbling(10))
          .apply((_key, _window, all, out) => out.emit([...all][0]!))
          .uid('windows'),
      (keyed) => keyed.reduce((a) => a, { uid: 'windows' }),
    ]
    for (const make of makes) expect(specOf(make)).toBeUndefined()
  })
})

describe('the panes of a combiner', () => {
  const check = (assigner: TumblingWindows | SlidingWindows, timestamp: number): void => {
    const combiner = specOf((keyed) =>
      keyed
        .window(assigner as SlidingWindows)
        .aggregate(count())
        .uid('windows'),
    )!.create('windows')
    const startsAt = (time: number): string =>
      windowsOf(assigner, time)
        .map(({ start }) => start)
        .join()
    const windows = windowsOf(assigner, timestamp)
    expect(combiner.moveTo(timestamp)).toBe(windows.length > 0)
    expect(combiner.pane).toBeLessThanOrEqual(timestamp)
    expect(combiner.end).toBeGreaterThan(timestamp)
    for (let time = combiner.pane; time < combiner.end; time++) expect(startsAt(time)).toBe(startsAt(timestamp))
    if (windows.length > 0) expect(combiner.firesAt).toBe(Math.min(...windows.map(({ end }) => end)) - 1)
  }

  it('hold times that are in the same windows, and fire with the first of these', () => {
    const size = fc.integer({ min: 1, max: 30 })
    fc.assert(
      fc.property(size, size, fc.integer({ min: -60, max: 60 }), fc.nat(29), (sizeMs, slideMs, timestamp, offset) => {
        check(tumbling(sizeMs, offset % sizeMs), timestamp)
        check(sliding(sizeMs, slideMs, offset % slideMs), timestamp)
      }),
    )
  })

  it('are none for a record without event time', () => {
    const combiner = specOf((keyed) => keyed.window(tumbling(10)).aggregate(count()).uid('windows'))!.create('windows')
    for (const timestamp of [-Infinity, NaN, 0.5]) expect(combiner.moveTo(timestamp)).toBe(false)
  })

  it('refuse accumulators that are none, as the operator does', () => {
    const forgets = aggregator<Reading, number[], number>({
      create: () => [],
      add: (acc, { speed }) => (speed === 1 ? acc : (undefined as never)),
      merge: (acc) => acc,
      result: (acc) => acc.length,
    })
    const combiner = specOf((keyed) => keyed.window(tumbling(10)).aggregate(forgets).uid('windows'))!.create('windows')
    expect(() => combiner.begin(reading(2) as never)).toThrow(/accumulator of operator "windows" is undefined/)
    const acc = combiner.begin(reading(1) as never)
    expect(() => combiner.add(acc, reading(2) as never)).toThrow(/accumulator of operator "windows" is undefined/)
  })
})

describe('a partial', () => {
  const windowed =
    (assigner: TumblingWindows | SlidingWindows): Make =>
    (keyed) =>
      keyed
        .window(assigner as SlidingWindows)
        .aggregate(lists, (id, { start }, speeds) => ({ id, start, speeds }))
        .uid('windows')

  it.each(['share', 'copy'] as const)('goes into a tumbling window with records and other partials (%s)', (state) => {
    const windows = harness(windowed(tumbling(10)), { state })
    windows.pushPartial('a', 0, [1, 2], 2)
    windows.push(reading(3), 4)
    windows.pushPartial('a', 0, [4], 1)
    windows.pushPartial('b', 10, [5], 1)
    windows.advance(9)
    expect(windows.main).toEqual([{ value: { id: 'a', start: 0, speeds: [1, 2, 3, 4] }, timestamp: 9 }])
    windows.advance(19)
    expect(windows.values()[1]).toEqual({ id: 'b', start: 10, speeds: [5] })
    expect(windows.keysWithState()).toBe(0)
  })

  it.each(['share', 'copy'] as const)('goes into all windows around its slice (%s)', (state) => {
    const windows = harness(windowed(sliding(4, 2)), { state })
    windows.pushPartial('a', 0, [1, 2], 2)
    windows.push(reading(3), 2)
    windows.pushPartial('a', 0, [4], 1)
    windows.advance(Infinity)
    expect(windows.values()).toEqual([
      { id: 'a', start: -2, speeds: [1, 2, 4] },
      { id: 'a', start: 0, speeds: [1, 2, 4, 3] },
      { id: 'a', start: 2, speeds: [3] },
    ])
    expect(windows.keysWithState()).toBe(0)
  })

  it.each([tumbling(10), sliding(10, 5)])('is counted record by record when it is late (%o)', (assigner) => {
    const windows = harness(windowed(assigner))
    windows.advance(9)
    windows.pushPartial('a', 0, [1, 2, 3], 3)
    windows.advance(Infinity)
    windows.pushPartial('a', 0, [4, 5], 2)
    expect(windows.counters.get('numLateRecordsDropped')).toBe(5)
    expect(windows.main).toEqual([])
  })

  it('that comes when some windows around its slice have fired goes into the others', () => {
    const windows = harness(windowed(sliding(10, 5)))
    windows.advance(4)
    windows.pushPartial('a', 0, [1, 2], 2)
    windows.advance(Infinity)
    expect(windows.values()).toEqual([{ id: 'a', start: 0, speeds: [1, 2] }])
    expect(windows.counters.get('numLateRecordsDropped') ?? 0).toBe(0)
  })

  it.each([tumbling(10), sliding(10, 5)])('is never late where somebody reads what is late (%o)', (assigner) => {
    const windows = harness(windowed(assigner), { read: ['late'] })
    windows.advance(Infinity)
    expect(() => windows.pushPartial('a', 0, [1, 2, 3], 3)).toThrow(/3 combined records came too late/)
  })

  it('leaves the accumulator that it brings alone', () => {
    const windows = harness(windowed(tumbling(10)), { state: 'share' })
    const acc = [1]
    windows.pushPartial('a', 0, acc, 1)
    windows.push(reading(2), 0)
    expect(acc).toEqual([1])
  })

  it('adds to a number', () => {
    const windows = harness((keyed) =>
      keyed
        .window(tumbling(10))
        .aggregate(sumOf(({ speed }) => speed))
        .uid('windows'),
    )
    windows.pushPartial('a', 0, 40, 9)
    windows.push(reading(2), 0)
    windows.advance(9)
    expect(windows.values()).toEqual([42])
  })
})
