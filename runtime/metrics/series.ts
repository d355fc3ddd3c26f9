import type { Combine } from './figures.js'
import { engineMetric, METRICS_LEVELS, type MetricsLevel, type MetricUnit } from './catalogue.js'

/** Name and value, in order. */
export type Dimensions = readonly (readonly [name: string, value: string])[]

/** One series' values of one interval: what CloudWatch bills, and a line in a diagram. */
export interface Series {
  readonly name: string
  readonly level: MetricsLevel
  readonly dimensions: Dimensions
  readonly unit: MetricUnit
  /** Finite, each `counts[i]` times; none while there is no value. */
  readonly values: readonly number[]
  readonly counts: readonly number[]
}

/** The text that tells series apart. */
export function seriesId({ name, dimensions }: Pick<Series, 'name' | 'dimensions'>): string {
  return JSON.stringify([name, ...dimensions])
}

/** The order in which series are shown, and admitted where there are too many: coarse before fine, the engine's before the user's. */
export function compareSeries(a: Series, b: Series): number {
  const rank = ({ name, level, dimensions }: Series): [number, number, string] => [
    METRICS_LEVELS.indexOf(level),
    engineMetric(name)?.rank ?? Infinity,
    seriesId({ name, dimensions }),
  ]
  const [levelA, metricA, idA] = rank(a)
  const [levelB, metricB, idB] = rank(b)
  if (levelA !== levelB) return levelA - levelB
  if (metricA !== metricB) return metricA - metricB
  return idA < idB ? -1 : idA > idB ? 1 : 0
}

/** A series whose values are being put together. */
export class SeriesBuilder {
  private readonly seen = new Map<number, number>()
  private combined: number | undefined

  /** What is not finite is left out: a single such value spoils a whole call. */
  add(value: number, combine: Combine): void {
    if (!Number.isFinite(value)) return
    if (combine === 'each') return this.count(value, 1)
    this.combined = this.combined === undefined ? value : COMBINE[combine](this.combined, value)
  }

  count(value: number, times: number): void {
    if (Number.isFinite(value)) this.seen.set(value, (this.seen.get(value) ?? 0) + times)
  }

  values(): Pick<Series, 'values' | 'counts'> {
    if (this.combined !== undefined) this.count(this.combined, 1)
    this.combined = undefined
    const sorted = [...this.seen].sort(([a], [b]) => a - b)
    return { values: sorted.map(([value]) => value), counts: sorted.map(([, times]) => times) }
  }
}

const COMBINE: Readonly<Record<Exclude<Combine, 'each'>, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
}
