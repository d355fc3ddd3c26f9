import { engineMetric, METRICS_LEVELS, type MetricsLevel } from './catalogue.js'
import { levelDimensions, type Published } from './dimensions.js'
import type { Combine, TimeShares } from './figures.js'
import { compareSeries, SeriesBuilder, seriesId, type Dimensions, type Series } from './series.js'
import type { OperatorPlace } from './topology.js'

/** In place of a slot: what is no subtask's share has no series at level parallelism. */
export const NO_SLOT = -1

type Building = Omit<Series, 'values' | 'counts'> & { readonly builder: SeriesBuilder }

/** The series of one moment, put together from what operators and slots add: each value goes to every level up to the one wanted. */
export class SeriesSet {
  private readonly application: string
  private readonly levels: readonly MetricsLevel[]
  private readonly series = new Map<string, Building>()

  constructor(application: string, finest: MetricsLevel) {
    this.application = application
    this.levels = METRICS_LEVELS.slice(0, METRICS_LEVELS.indexOf(finest) + 1)
  }

  add(place: OperatorPlace, slot: number, published: Published, value: number, combine: Combine): void {
    this.each(place, slot, published, (series) => series.add(value, combine))
  }

  /** Values and how often each was there. */
  addSeen(place: OperatorPlace, slot: number, published: Published, seen: ReadonlyMap<number, number>): void {
    this.each(place, slot, published, (series) => seen.forEach((times, value) => series.count(value, times)))
  }

  /** How a subtask of a task spent its time. */
  addTime(task: string, slot: number, { busyMs, backPressuredMs, elapsedMs }: TimeShares): void {
    const perSecond = (ms: number): number => Math.min(1000, Math.max(0, (1000 * ms) / elapsedMs))
    const times = {
      busyTimeMsPerSecond: perSecond(busyMs),
      backPressuredTimeMsPerSecond: perSecond(backPressuredMs),
      idleTimeMsPerSecond: perSecond(elapsedMs - busyMs - backPressuredMs),
    }
    for (const [name, value] of Object.entries(times)) {
      const { levels } = engineMetric(name)!
      for (const level of this.levels) {
        if (!levels.includes(level)) continue
        this.builder(ofEngine(name), level, levelDimensions(this.application, level, { task }, slot)).add(value, 'each')
      }
    }
  }

  /** Of the job as a whole. */
  addWhole(name: string, values: readonly number[]): void {
    const series = this.builder(ofEngine(name), 'application', [['Application', this.application]])
    for (const value of values) series.add(value, 'each')
  }

  /** All, also those that have no value yet; sorted, see `compareSeries`. */
  all(): Series[] {
    return [...this.series.values()]
      .map(({ builder, ...series }): Series => ({ ...series, ...builder.values() }))
      .sort(compareSeries)
  }

  private each(place: OperatorPlace, slot: number, published: Published, to: (series: SeriesBuilder) => void): void {
    for (const level of this.levels) {
      if (!published.levels.includes(level) || !belongs(published, level, place)) continue
      if (level === 'parallelism' && slot === NO_SLOT) continue
      const dimensions = levelDimensions(this.application, level, place, slot)
      to(this.builder(published, level, [...dimensions, ...published.dimensions]))
    }
  }

  private builder(
    { name, unit }: Pick<Published, 'name' | 'unit'>,
    level: MetricsLevel,
    dimensions: Dimensions,
  ): SeriesBuilder {
    const id = seriesId({ name, dimensions })
    let series = this.series.get(id)
    if (series === undefined)
      this.series.set(id, (series = { name, unit, level, dimensions, builder: new SeriesBuilder() }))
    return series.builder
  }
}

function ofEngine(name: string): Pick<Published, 'name' | 'unit'> {
  return { name, unit: engineMetric(name)!.unit }
}

const INTO = ['numRecordsIn', 'numRecordsInPerSecond', 'currentInputWatermark']
const OUT_OF = ['numRecordsOut', 'numRecordsOutPerSecond', 'currentOutputWatermark']

/** Who counts where: records and watermarks of a whole are those that go into it and come out of it. */
function belongs({ name, dimensions }: Published, level: MetricsLevel, place: OperatorPlace): boolean {
  if (dimensions.length > 0 || level === 'operator' || level === 'parallelism') return true
  const application = level === 'application'
  if (INTO.includes(name)) return application ? place.kind === 'source' : place.head
  if (OUT_OF.includes(name)) return application ? place.kind === 'sink' : place.tail
  return true
}
