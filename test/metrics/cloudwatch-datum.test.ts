import type { MetricDatum } from '@aws-sdk/client-cloudwatch'
import { describe, expect, it } from 'vitest'
import { toBatches } from '../../runtime/metrics/cloudwatch-batches.js'
import { fits, toData } from '../../runtime/metrics/cloudwatch-datum.js'
import type { Series } from '../../runtime/metrics/series.js'

const AT = { atMs: 1_700_000_000_000, intervalMs: 60_000 }

function seriesOf(values: readonly number[], other: Partial<Series> = {}): Series {
  return {
    name: 'numRecordsIn',
    level: 'application',
    dimensions: [['Application', 'app']],
    unit: 'Count',
    values,
    counts: values.map(() => 1),
    ...other,
  }
}

describe('data points', () => {
  it('one value is a value, several are values and counts', () => {
    const common = {
      MetricName: 'numRecordsIn',
      Dimensions: [{ Name: 'Application', Value: 'app' }],
      Timestamp: new Date(AT.atMs),
      Unit: 'Count',
    }
    expect(toData(seriesOf([7]), AT)).toEqual([{ ...common, Value: 7 }])
    expect(toData(seriesOf([1, 2], { counts: [3, 1] }), AT)).toEqual([{ ...common, Values: [1, 2], Counts: [3, 1] }])
    expect(toData(seriesOf([7], { counts: [2] }), AT)).toEqual([{ ...common, Values: [7], Counts: [2] }])
  })

  it('have high resolution under a minute', () => {
    expect(toData(seriesOf([7]), { ...AT, intervalMs: 59_999 })[0]).toMatchObject({ StorageResolution: 1 })
    expect(toData(seriesOf([7]), AT)[0]).not.toHaveProperty('StorageResolution')
  })

  it('hold no value that CloudWatch refuses', () => {
    const values = [NaN, Infinity, -Infinity, 2 ** 361, -(2 ** 361), 2 ** 360, 2 ** -361]
    expect(toData(seriesOf(values), AT)).toMatchObject([{ Values: [2 ** 360, 0] }])
    expect(toData(seriesOf([NaN]), AT)).toEqual([])
  })

  it('hold 150 values at most, and none is lost', () => {
    const values = Array.from({ length: 401 }, (_, i) => i)
    const data = toData(seriesOf(values), AT)
    expect(data.map(({ Values }) => Values!.length)).toEqual([150, 150, 101])
    expect(data.flatMap(({ Values }) => Values)).toEqual(values)
    expect(data.flatMap(({ Counts }) => Counts)).toEqual(values.map(() => 1))
  })

  it('have names and dimensions that CloudWatch takes', () => {
    const [datum] = toData(
      seriesOf([1], {
        name: 'größe\n',
        dimensions: [
          [':x', 'é'],
          ['y', ' '],
          ['z', 'v'.repeat(2000)],
        ],
      }),
      AT,
    )
    expect(datum!.MetricName).toBe('gr__e_')
    expect(datum!.Dimensions!.map(({ Name, Value }) => [Name, Value!.slice(0, 3), Value!.length])).toEqual([
      ['_x', '_', 1],
      ['y', '_', 1],
      ['z', 'vvv', 1024],
    ])
    expect(fits(Array.from({ length: 30 }, (_, i) => [`d${i}`, 'v'] as const))).toBe(true)
    expect(fits(Array.from({ length: 31 }, (_, i) => [`d${i}`, 'v'] as const))).toBe(false)
  })
})

describe('calls', () => {
  const datum = (name: string, values: readonly number[] = [1]): MetricDatum => ({
    MetricName: name,
    Dimensions: [{ Name: 'Application', Value: 'app' }],
    Values: [...values],
  })

  it('have a thousand data points at most', () => {
    const data = Array.from({ length: 2500 }, (_, i) => datum(`m${i}`))
    const batches = toBatches(data)
    expect(batches.map((batch) => batch.length)).toEqual([1000, 1000, 500])
    expect(batches.flat()).toEqual(data)
  })

  it('stay under a million bytes', () => {
    const values = Array.from({ length: 150 }, (_, i) => 1 / (i + 3))
    const batches = toBatches(Array.from({ length: 900 }, (_, i) => datum(`m${i}`, values)))
    expect(batches.length).toBeGreaterThan(1)
    expect(batches.flat().length).toBe(900)
    for (const batch of batches) expect(Buffer.byteLength(JSON.stringify(batch))).toBeLessThan(1_000_000)
  })

  it('never have a series twice: a call may hold 150 values of it', () => {
    const batches = toBatches([datum('a'), datum('b'), datum('a'), datum('a')])
    expect(batches.map((batch) => batch.map(({ MetricName }) => MetricName))).toEqual([['a', 'b'], ['a'], ['a']])
  })
})
