import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { metricKey, parseMetricKey, type MetricPath } from '../../runtime/metrics/metric-key.js'

describe('the key of a metric', () => {
  it('is its name, and with groups a path: checkpoints depend on it', () => {
    expect(metricKey({ groups: [], name: 'numRecordsIn' })).toBe('numRecordsIn')
    const groups: MetricPath['groups'] = [
      ['kinesisanalytics', undefined],
      ['Service', 'WordCountApplication'],
      ['Tokenizer', undefined],
    ]
    expect(metricKey({ groups, name: 'TotalWords' })).toBe(
      '/kinesisanalytics/Service=WordCountApplication/Tokenizer/TotalWords',
    )
  })

  it('never is the same for two metrics, whatever characters they have', () => {
    const text = fc
      .string({ minLength: 1 })
      .map((s) => s.replaceAll('a', '/').replaceAll('b', '=').replaceAll('c', '%2F'))
    const path = fc.record({ groups: fc.array(fc.tuple(text, fc.option(text, { nil: undefined }))), name: text })
    fc.assert(
      fc.property(path, (given) => {
        expect(parseMetricKey(metricKey(given))).toEqual(given)
      }),
    )
  })
})
