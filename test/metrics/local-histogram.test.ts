import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LocalHistogram, type Distribution } from '../../runtime/metrics/local-histogram.js'

function histogramOf(values: readonly number[]): Distribution {
  const histogram = new LocalHistogram()
  for (const value of values) histogram.update(value)
  return histogram.take()
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)

/** What the distribution says is at this rank, and what was there. */
function errorAt({ values, counts }: Distribution, sorted: readonly number[], rank: number): number {
  let before = 0
  const index = counts.findIndex((count) => (before += count) > rank)
  return Math.abs(values[index]! - sorted[rank]!) / Math.abs(sorted[rank]!)
}

describe('a histogram', () => {
  it('is exact while there are few distinct values', () => {
    expect(histogramOf([3, 1, 3, -2, 0, -0])).toEqual({ values: [-2, 0, 1, 3], counts: [1, 2, 1, 2] })
  })

  it('leaves out what is not finite, and counts it', () => {
    const histogram = new LocalHistogram()
    for (const value of [NaN, 1, Infinity, -Infinity]) histogram.update(value)
    expect(histogram.take()).toEqual({ values: [1], counts: [1] })
    expect(histogram.notFinite).toBe(3)
  })

  it('begins anew when it was taken', () => {
    const histogram = new LocalHistogram()
    for (let i = 0; i < 1000; i++) histogram.update(i)
    histogram.take()
    histogram.update(7)
    expect(histogram.take()).toEqual({ values: [7], counts: [1] })
    expect(histogram.take()).toEqual({ values: [], counts: [] })
  })

  it('shows every value within a hundredth, sum, count and extremes exactly', () => {
    const values = Array.from({ length: 50_000 }, (_, i) => 1.5 + ((i * 7919) % 50_000) ** 2 / 977)
    const shown = histogramOf(values)
    const sorted = values.toSorted((a, b) => a - b)
    expect(shown.values.length).toBeLessThan(2100)
    expect(sum(shown.counts)).toBe(values.length)
    expect(sum(shown.values.map((value, i) => value * shown.counts[i]!)) / sum(values)).toBeCloseTo(1, 12)
    expect(shown.values[0]).toBe(sorted[0])
    expect(shown.values.at(-1)).toBe(sorted.at(-1))
    for (let rank = 0; rank < sorted.length; rank += 101) expect(errorAt(shown, sorted, rank)).toBeLessThan(0.01)
  })

  it('has bounded memory whatever comes, and is then still within two hundredths over nineteen powers of ten', () => {
    const values = Array.from({ length: 100_000 }, (_, i) => 10 ** (-9 + (19 * i) / 100_000))
    const shown = histogramOf(values)
    expect(shown.values.length).toBeLessThanOrEqual(2050)
    for (let rank = 0; rank < values.length; rank += 333) expect(errorAt(shown, values, rank)).toBeLessThan(0.02)
  })

  it('never loses a value and never shows one outside what was there', () => {
    const double = fc.double({ noNaN: true, noDefaultInfinity: true })
    fc.assert(
      fc.property(fc.array(double, { minLength: 1, maxLength: 400 }), (values) => {
        const shown = histogramOf(values)
        expect(sum(shown.counts)).toBe(values.length)
        expect(Math.min(...shown.values)).toBe(Math.min(...values) + 0)
        expect(Math.max(...shown.values)).toBe(Math.max(...values) + 0)
        expect(shown.values).toEqual(shown.values.toSorted((a, b) => a - b))
      }),
    )
  })
})
