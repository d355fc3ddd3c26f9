import { describe, expect, it } from 'vitest'
import { LocalMetrics } from '../../runtime/metrics/local-metrics.js'

const refusal = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe('the metrics of an operator', () => {
  it('a name asked for twice is the same metric, in the same group only', () => {
    const metrics = new LocalMetrics()
    metrics.counter('words').inc()
    metrics.counter('words').inc(2)
    metrics.addGroup('Service', 'a').counter('words').inc(10)
    metrics.addGroup('Service', 'a').counter('words').inc(10)
    metrics.addGroup('Service', 'b').counter('words').inc(7)
    expect(metrics.counts()).toEqual({ words: 3, '/Service=a/words': 20, '/Service=b/words': 7 })
  })

  it('a name asked for as another kind is refused', () => {
    const metrics = new LocalMetrics()
    metrics.counter('words')
    expect(refusal(() => metrics.meter('words'))).toBe('MILLRACE_GRAPH')
    expect(refusal(() => metrics.addGroup('g').meter('words'))).toBeTypeOf('object')
    expect(refusal(() => metrics.counter(''))).toBe('MILLRACE_GRAPH')
    expect(refusal(() => metrics.addGroup(''))).toBe('MILLRACE_GRAPH')
  })

  it('functions cannot have what the engine counts, but what it leaves to operators', () => {
    const metrics = new LocalMetrics()
    metrics.counter('numRecordsIn').inc(5)
    const own = metrics.forOthers()
    expect(refusal(() => own.counter('numRecordsIn'))).toBe('MILLRACE_GRAPH')
    expect(refusal(() => own.gauge('uptime', () => 1))).toBe('MILLRACE_GRAPH')
    own.addGroup('mine').counter('numRecordsIn').inc()
    own.counter('numLateRecordsDropped').inc()
    expect(metrics.counts()).toEqual({ numRecordsIn: 5, '/mine/numRecordsIn': 1, numLateRecordsDropped: 1 })
  })

  it('only counters are checkpointed; a report has all, and histograms begin anew', () => {
    const metrics = new LocalMetrics()
    metrics.counter('c').inc()
    metrics.meter('m').mark(3)
    metrics.gauge('g', () => 4, 'max')
    metrics.histogram('h').update(5)
    expect(metrics.counts()).toEqual({ c: 1 })
    expect(metrics.figures()).toEqual([
      { key: 'c', kind: 'counter', count: 1 },
      { key: 'm', kind: 'meter', count: 3 },
      { key: 'g', kind: 'gauge', value: 4, combine: 'max' },
      { key: 'h', kind: 'histogram', seen: { values: [5], counts: [1] }, notFinite: 0 },
    ])
    expect(metrics.figures().at(-1)).toMatchObject({ seen: { values: [] } })
  })

  it('a gauge that throws has no value', () => {
    const metrics = new LocalMetrics()
    metrics.gauge('g', () => {
      throw new Error('not now')
    })
    expect(metrics.figures()).toEqual([{ key: 'g', kind: 'gauge', value: NaN, combine: 'sum' }])
  })
})
