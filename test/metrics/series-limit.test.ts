import { describe, expect, it } from 'vitest'
import { compareSeries, type Series } from '../../runtime/metrics/series.js'
import { SeriesLimit } from '../../runtime/metrics/series-limit.js'
import { withoutSecrets } from '../../runtime/metrics/without-secrets.js'

const series = (name: string, level: Series['level'], ...more: [string, string][]): Series => ({
  name,
  level,
  dimensions: [['Application', 'app'], ...more],
  unit: 'Count',
  values: [1],
  counts: [1],
})

describe('where there are too many series', () => {
  it("coarse ones go before fine ones, the engine's before the user's, whatever order they came in", () => {
    const expected = [
      series('numRecordsIn', 'application'),
      series('uptime', 'application'),
      series('mine', 'application', ['Service', 'a']),
      series('mine', 'application', ['Service', 'b']),
      series('numRecordsIn', 'task', ['Task', 'x']),
      series('numRecordsIn', 'parallelism', ['Parallelism', '0']),
    ]
    expect(expected.toReversed().sort(compareSeries)).toEqual(expected)
    expect([...expected.slice(3), ...expected.slice(0, 3)].sort(compareSeries)).toEqual(expected)
  })

  it('what was admitted once stays, and what is left out is counted once', () => {
    const limit = new SeriesLimit(2)
    const [a, b, c] = ['a', 'b', 'c'].map((name) => series(name, 'application'))
    expect(limit.admit([a!, c!])).toEqual([a, c])
    expect(limit.admit([a!, b!, c!])).toEqual([a, c])
    expect(limit.admit([b!])).toEqual([])
    expect([limit.published, limit.left, limit.firstLeft]).toEqual([2, 1, b])
  })
})

it('secrets never are in dimensions or names', () => {
  const clean = withoutSecrets(['hunter22', 'abc'])
  expect(clean(series('of-hunter22', 'application', ['Key', 'x-hunter22-y'], ['hunter22', 'abc']))).toMatchObject({
    name: 'of-***',
    dimensions: [
      ['Application', 'app'],
      ['Key', 'x-***-y'],
      ['***', 'abc'],
    ],
  })
})
