import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Impression } from '../../jobs/lib/impression.js'
import { countImpressions, summary, type Impressions } from '../../jobs/lib/session-summary.js'

const impression = fc.record({
  visitor: fc.constant('v'),
  time: fc.integer({ min: 0, max: 50 }),
  page: fc.constantFrom('', '', 'p', 'q', '__proto__'),
})

type Session = ReturnType<typeof countImpressions.create>
const sessionOf = (impressions: readonly Impression[]): Session =>
  impressions.reduce((session, one) => countImpressions.add(session, one), countImpressions.create())

describe('the page impressions of a session', () => {
  it('are counted once each, at their earliest time, in whatever order and parts they come', () => {
    fc.assert(
      fc.property(fc.array(fc.array(impression, { maxLength: 6 }), { minLength: 1, maxLength: 4 }), (parts) => {
        fc.pre(parts.flat().length > 0)
        const expected = plainImpressions(parts.flat())
        expect(countImpressions.result(sessionOf(parts.flat()))).toEqual(expected)
        for (const order of [parts, [...parts].reverse()]) {
          const merged = order.map(sessionOf).reduce((a, b) => {
            const before = structuredClone(b)
            const both = countImpressions.merge(a, b)
            expect(b).toEqual(before)
            return both
          })
          expect(countImpressions.result(merged)).toEqual(expected)
        }
      }),
    )
  })

  it('make its summary', () => {
    expect(summary('v', { start: 5, end: 999 }, { count: 1, last: 5 })).toEqual({
      visitor: 'v',
      start: 5,
      end: 5,
      impressions: 1,
      bounce: true,
      durationMs: 0,
    })
    expect(summary('v', { start: 5, end: 999 }, { count: 2, last: 9 })).toMatchObject({ bounce: false, durationMs: 4 })
  })
})

function plainImpressions(impressions: readonly Impression[]): Impressions {
  const times: number[] = []
  const named = new Set(impressions.map(({ page }) => page))
  for (const page of named) {
    const own = impressions.filter((one) => one.page === page).map(({ time }) => time)
    times.push(...(page === '' ? own : [Math.min(...own)]))
  }
  return { count: times.length, last: Math.max(...times) }
}
