import type { MetricDatum, StandardUnit } from '@aws-sdk/client-cloudwatch'
import type { Dimensions, Series } from './series.js'

/** CloudWatch refuses a call with a value beyond these. */
const LARGEST = 2 ** 360
const SMALLEST = 2 ** -360
const MAX_VALUES = 150
const MAX_NAME = 255
const MAX_DIMENSION_VALUE = 1024
const MAX_DIMENSIONS = 30
const HIGH_RESOLUTION_BELOW_MS = 60_000

/** When and how finely series are published. */
export interface DatumOptions {
  readonly atMs: number
  readonly intervalMs: number
}

/** A series as CloudWatch takes it: one data point or, with more values than one holds, several, each for a call of its own. */
export function toData(series: Series, { atMs, intervalMs }: DatumOptions): MetricDatum[] {
  const common = {
    MetricName: ascii(series.name, MAX_NAME),
    Dimensions: dimensionsOf(series.dimensions),
    Timestamp: new Date(atMs),
    Unit: series.unit satisfies StandardUnit,
    ...(intervalMs < HIGH_RESOLUTION_BELOW_MS ? { StorageResolution: 1 } : {}),
  }
  const pairs = series.values.flatMap((value, i): [number, number][] =>
    Number.isFinite(value) && Math.abs(value) <= LARGEST ? [[shown(value), series.counts[i]!]] : [],
  )
  if (pairs.length === 1 && pairs[0]![1] === 1) return [{ ...common, Value: pairs[0]![0] }]
  const data: MetricDatum[] = []
  for (let from = 0; from < pairs.length; from += MAX_VALUES) {
    const part = pairs.slice(from, from + MAX_VALUES)
    data.push({ ...common, Values: part.map(([value]) => value), Counts: part.map(([, count]) => count) })
  }
  return data
}

/** Whether CloudWatch can hold a series of these dimensions at all. */
export function fits(dimensions: Dimensions): boolean {
  return dimensions.length <= MAX_DIMENSIONS
}

function shown(value: number): number {
  return Math.abs(value) < SMALLEST ? 0 : value
}

function dimensionsOf(dimensions: Dimensions): { Name: string; Value: string }[] {
  return dimensions.map(([name, value]) => ({
    Name: ascii(name, MAX_NAME).replace(/^:/, '_'),
    Value: ascii(value, MAX_DIMENSION_VALUE),
  }))
}

/** CloudWatch takes printable ASCII only, and not nothing. */
function ascii(text: string, longest: number): string {
  const clean = text.replace(/[^\x20-\x7e]/gu, '_').slice(0, longest)
  return clean.trim() === '' ? '_' : clean
}
