import { describe, expect, it } from 'vitest'
import { outputTag } from '../../../operators/api/output-tag.js'
import { record } from '../../../operators/api/record-type.js'
import type { Stream } from '../../../operators/api/streams.js'
import { graphOf, graphOfTwo } from '../graphs.js'
import { OperatorHarness } from '../harness.js'

function harnessOf(make: (records: Stream<number>) => Stream<unknown>): OperatorHarness {
  const graph = graphOf<number>(make)
  return new OperatorHarness(graph, graph.nodes[1]!.uid)
}

const promise = expect.objectContaining({
  code: 'MILLRACE_PROMISE',
  at: expect.stringContaining('stateless.test.ts:') as string,
}) as Error

describe('map', () => {
  it('gives one record for each, with its timestamp', () => {
    const harness = harnessOf((records) => records.map((n) => (n === 2 ? null : { n })))
    harness.push(1, 10)
    harness.push(2, -Infinity)
    expect(harness.main).toEqual([
      { value: { n: 1 }, timestamp: 10 },
      { value: null, timestamp: -Infinity },
    ])
  })

  it('refuses a promise, naming operator and place', () => {
    const harness = harnessOf((records) => records.map((n) => Promise.resolve(n)))
    expect(() => harness.push(1, 0)).toThrow(promise)
    expect(() => harness.push(1, 0)).toThrow(/"map-1"/)
  })

  it('does not catch what the function throws', () => {
    const harness = harnessOf((records) => records.map(() => JSON.parse('{') as unknown))
    expect(() => harness.push(1, 0)).toThrow(SyntaxError)
  })
})

describe('filter', () => {
  it('passes on what the predicate holds for', () => {
    const harness = harnessOf((records) => records.filter((n) => n > 1))
    for (const n of [1, 2, 3]) harness.push(n, n)
    expect(harness.main).toEqual([
      { value: 2, timestamp: 2 },
      { value: 3, timestamp: 3 },
    ])
  })

  it('refuses a promise, which would always be true', () => {
    const harness = harnessOf((records) => records.filter((() => Promise.resolve(false)) as never))
    expect(() => harness.push(1, 0)).toThrow(promise)
  })
})

describe('flatMap', () => {
  it.each<[string, (records: Stream<number>) => Stream<number>]>([
    ['an array', (records) => records.flatMap((n) => [n, n * 10])],
    [
      'a generator',
      (records) =>
        records.flatMap(function* (n) {
          yield n
          yield n * 10
        }),
    ],
    ['a set', (records) => records.flatMap((n) => new Set([n, n * 10]))],
    [
      'what is emitted',
      (records) =>
        records.flatMap<number>((n, out) => {
          out.emit(n)
          out.emit(n * 10)
        }),
    ],
  ])('gives any number of records: %s', (_, make) => {
    const harness = harnessOf(make)
    harness.push(1, 5)
    expect(harness.main).toEqual([
      { value: 1, timestamp: 5 },
      { value: 10, timestamp: 5 },
    ])
  })

  it('refuses a promise, and what is no iterable', () => {
    expect(() => harnessOf((records) => records.flatMap((() => Promise.resolve([1])) as never)).push(1, 0)).toThrow(
      promise,
    )
    expect(() => harnessOf((records) => records.flatMap((() => 'abc') as never)).push(1, 0)).toThrow(/no iterable/)
    expect(() => harnessOf((records) => records.flatMap((() => 1) as never)).push(1, 0)).toThrow(/no iterable/)
  })
})

describe('process', () => {
  it('emits to the main output and to side outputs, and knows the watermark', () => {
    const odd = outputTag<number>('odd')
    const graph = graphOf<number>((records) =>
      records.process({
        emits: record<string>(),
        onElement: (n, ctx) => (n % 2 === 1 ? ctx.output(odd, n) : ctx.emit(`${n} ${ctx.timestamp} ${ctx.watermark}`)),
      }),
    )
    const harness = new OperatorHarness(graph, graph.nodes[1]!.uid)
    harness.push(1, 5)
    harness.advance(3)
    harness.push(2, 6)
    expect(harness.main).toEqual([{ value: '2 6 3', timestamp: 6 }])
    expect(harness.side('odd')).toEqual([{ value: 1, timestamp: 5 }])
  })

  it('takes two streams where they are connected', () => {
    const graph = graphOfTwo<number, string>((numbers, texts) =>
      numbers.connect(texts).process({
        emits: record<string>(),
        onElement1: (n, ctx) => ctx.emit(`number ${n}`),
        onElement2: (text, ctx) => ctx.emit(`text ${text}`),
      }),
    )
    const harness = new OperatorHarness(graph, graph.nodes[2]!.uid)
    harness.push(1, 0)
    harness.push('a', 0, 1)
    expect(harness.values()).toEqual(['number 1', 'text a'])
  })
})
