/**
 * The metrics of a job as the main thread knows them, whatever reporter asks for them. Slots tell their figures a few times a second;
 * `collect` makes series of them, at each level up to the one wanted: what all operators have together, each task, each operator, each
 * subtask.
 *
 *   slot figures --> held by (operator, slot, metric) --.
 *   attempts, checkpoints --> job progress -------------+--> collect() --> series
 *   process, threads ---------------------------------- '
 */
import type { MetricsLevel } from './catalogue.js'
import { publishedAs } from './dimensions.js'
import type { OperatorFigures, SlotFigures } from './figures.js'
import { HeldMetric } from './held-metric.js'
import type { JobProgress } from './job-progress.js'
import { parseMetricKey } from './metric-key.js'
import type { ProcessUsage } from './process-usage.js'
import type { Series } from './series.js'
import { NO_SLOT, SeriesSet } from './series-set.js'
import { SlotUsage } from './slot-usage.js'
import type { OperatorPlace } from './topology.js'

/** Counters by operator uid and metric key. */
export type CounterBase = Readonly<Record<string, Readonly<Record<string, number>>>>

/** What a registry is made for. */
export interface RegistryOptions {
  /** The dimension `Application`. */
  readonly application: string
  readonly places: readonly OperatorPlace[]
  readonly level: MetricsLevel
  readonly progress: JobProgress
  readonly usage: () => ProcessUsage
  readonly nowMs: number
}

const RATES: Readonly<Record<string, string>> = {
  numRecordsIn: 'numRecordsInPerSecond',
  numRecordsOut: 'numRecordsOutPerSecond',
}

/** Main thread. */
export class MetricsRegistry {
  private readonly options: RegistryOptions
  /** By uid, then slot (`NO_SLOT`: the enumerator), then key. */
  private readonly held = new Map<string, Map<number, Map<string, HeldMetric>>>()
  private readonly slots = new Map<number, SlotUsage>()
  private base: CounterBase = {}
  private checkpointed: CounterBase | undefined
  private collectedMs: number

  constructor(options: RegistryOptions) {
    this.options = options
    this.collectedMs = options.nowMs
  }

  /** What counters had reached with a checkpoint: an attempt that begins goes on from the last one. */
  checkpointCompleted(counters: CounterBase): void {
    this.checkpointed = counters
  }

  /** Slots, so many, begin anew: their counts start at zero, on top of what the checkpoint holds. */
  attemptStarted(count: number): void {
    for (const slots of [this.slots, ...this.held.values()])
      for (const slot of slots.keys()) if (slot >= count) slots.delete(slot)
    this.base = this.checkpointed ?? this.base
    for (const slots of this.held.values())
      for (const metrics of slots.values()) for (const metric of metrics.values()) metric.restart()
    for (const usage of this.slots.values()) usage.restart()
  }

  /** `base`: what counters had reached with the checkpoint that the attempt went on from. */
  slotReported(slot: number, figures: SlotFigures, base: CounterBase): void {
    this.base = base
    for (const operator of figures.operators) this.take(slot, operator)
    let usage = this.slots.get(slot)
    if (usage === undefined) this.slots.set(slot, (usage = new SlotUsage()))
    usage.take(figures)
  }

  sourceReported(figures: OperatorFigures): void {
    this.take(NO_SLOT, figures)
  }

  /** Whether every one of so many slots has reported. */
  complete(slots: number): boolean {
    return this.slots.size >= slots
  }

  /** All series as of now; rates, times and histograms are those since it was called before. Sorted: see `compareSeries`. */
  collect(nowMs: number): Series[] {
    const seconds = Math.max(0.001, (nowMs - this.collectedMs) / 1000)
    this.collectedMs = nowMs
    const set = new SeriesSet(this.options.application, this.options.level)
    for (const place of this.options.places) this.operator(set, place, seconds)
    this.tasks(set)
    this.whole(set, nowMs)
    return set.all()
  }

  private take(slot: number, { uid, figures }: OperatorFigures): void {
    let slots = this.held.get(uid)
    if (slots === undefined) this.held.set(uid, (slots = new Map<number, Map<string, HeldMetric>>()))
    let metrics = slots.get(slot)
    if (metrics === undefined) slots.set(slot, (metrics = new Map<string, HeldMetric>()))
    for (const figure of figures) {
      const known = metrics.get(figure.key)
      if (known?.kind === figure.kind) known.take(figure)
      else metrics.set(figure.key, new HeldMetric(figure))
    }
  }

  private operator(set: SeriesSet, place: OperatorPlace, seconds: number): void {
    for (const [key, count] of Object.entries(this.base[place.uid] ?? {}))
      set.add(place, NO_SLOT, publishedAs(parseMetricKey(key), 'Count'), count, 'sum')
    for (const [slot, metrics] of this.held.get(place.uid) ?? [])
      for (const [key, metric] of metrics) addMetric(set, place, slot, key, metric, seconds)
  }

  private tasks(set: SeriesSet): void {
    const names = new Map(this.options.places.map((place) => [place.taskId, place.task]))
    for (const [slot, usage] of this.slots)
      for (const [id, time] of usage.takeTimes()) set.addTime(names.get(id)!, slot, time)
  }

  private whole(set: SeriesSet, nowMs: number): void {
    const { progress, usage } = this.options
    const { cpuPercent, threads } = usage()
    const slots = [...this.slots.values()]
    const total = (of: (slot: SlotUsage) => number): number => slots.reduce((sum, slot) => sum + of(slot), 0)
    for (const [name, value] of Object.entries(progress.values(nowMs))) set.addWhole(name, [value])
    set.addWhole('cpuUtilization', [cpuPercent])
    set.addWhole(
      'heapMemoryUtilization',
      slots.flatMap((slot) => slot.heapPercent ?? []),
    )
    set.addWhole('threadCount', [threads ?? slots.length + 1])
    set.addWhole('oldGenerationGCCount', [total((slot) => slot.collections.oldCount)])
    set.addWhole('oldGenerationGCTime', [total((slot) => slot.collections.oldMs)])
    set.addWhole('youngGenerationGCCount', [total((slot) => slot.collections.youngCount)])
    set.addWhole('youngGenerationGCTime', [total((slot) => slot.collections.youngMs)])
  }
}

function addMetric(
  set: SeriesSet,
  place: OperatorPlace,
  slot: number,
  key: string,
  metric: HeldMetric,
  seconds: number,
): void {
  const path = parseMetricKey(key)
  switch (metric.kind) {
    case 'counter': {
      set.add(place, slot, publishedAs(path, 'Count'), metric.count, 'sum')
      const rate = path.groups.length === 0 ? RATES[path.name] : undefined
      const fresh = metric.takeFresh() / seconds
      if (rate !== undefined) set.add(place, slot, publishedAs({ ...path, name: rate }, 'Count/Second'), fresh, 'sum')
      return
    }
    case 'meter':
      return set.add(place, slot, publishedAs(path, 'Count/Second'), metric.takeFresh() / seconds, 'sum')
    case 'gauge': {
      const { gauge } = metric
      if (gauge !== undefined) set.add(place, slot, publishedAs(path, 'None'), gauge.value, gauge.combine)
      return
    }
    case 'histogram': {
      const { seen, notFinite } = metric.takeSeen()
      const published = publishedAs(path, 'None')
      set.addSeen(place, slot, published, seen)
      if (notFinite === 0) return
      set.add(place, slot, { ...published, name: `${path.name}NonFinite`, unit: 'Count' }, notFinite, 'sum')
    }
  }
}
