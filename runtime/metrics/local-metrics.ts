import { MillraceError } from '../contract/errors.js'
import type { Counter, Meter, MetricGroup } from '../contract/metrics.js'
import { engineMetric } from './catalogue.js'
import type { Combine, Figure } from './figures.js'
import { LocalHistogram } from './local-histogram.js'
import { metricKey, type GroupStep } from './metric-key.js'

/** A plain number behind the contract's counter. */
export class LocalCounter implements Counter {
  count = 0

  inc(by = 1): void {
    this.count += by
  }
}

/** Events so far: whoever reports makes a rate of it. */
export class LocalMeter implements Meter {
  count = 0

  mark(events = 1): void {
    this.count += events
  }
}

type Metric =
  | { readonly kind: 'counter'; readonly counter: { readonly count: number } }
  | { readonly kind: 'gauge'; read: () => number; combine: Combine }
  | { readonly kind: 'meter'; readonly meter: LocalMeter }
  | { readonly kind: 'histogram'; readonly histogram: LocalHistogram }

type MetricOf<K extends Metric['kind']> = Extract<Metric, { kind: K }>

/**
 * The metrics of one operator subtask (slot thread), or of a source's enumerator (main thread), or a group in them. Counters start at zero
 * in each attempt: the coordinator adds what a checkpoint held.
 */
export class LocalMetrics implements MetricGroup {
  /** Of all groups, by `metricKey`. */
  private readonly metrics: Map<string, Metric>
  private readonly groups: readonly GroupStep[]
  private readonly guarded: boolean
  /** Those of this group that were asked for, and its groups: functions may ask for each record. */
  private readonly known = new Map<string, Metric>()
  private readonly children = new Map<string, LocalMetrics>()

  constructor(metrics: Map<string, Metric> = new Map(), groups: readonly GroupStep[] = [], guarded = false) {
    this.metrics = metrics
    this.groups = groups
    this.guarded = guarded
  }

  /** The same metrics for functions and connectors, who may not have those of the engine. */
  forOthers(): LocalMetrics {
    return new LocalMetrics(this.metrics, this.groups, true)
  }

  counter(name: string): LocalCounter {
    return this.metric(name, 'counter', () => ({ kind: 'counter', counter: new LocalCounter() }))
      .counter as LocalCounter
  }

  gauge(name: string, read: () => number, combine: Combine = 'sum'): void {
    const metric = this.metric(name, 'gauge', () => ({ kind: 'gauge', read, combine }))
    metric.read = read
    metric.combine = combine
  }

  meter(name: string): LocalMeter {
    return this.metric(name, 'meter', () => ({ kind: 'meter', meter: new LocalMeter() })).meter
  }

  histogram(name: string): LocalHistogram {
    return this.metric(name, 'histogram', () => ({ kind: 'histogram', histogram: new LocalHistogram() })).histogram
  }

  addGroup(key: string, value?: string): LocalMetrics {
    const id = value === undefined ? key : `${key}\0${value}`
    const known = this.children.get(id)
    if (known !== undefined) return known
    checkText('group', key)
    if (value !== undefined) checkText(`value of the group "${key}"`, value)
    const group = new LocalMetrics(this.metrics, [...this.groups, [key, value]], this.guarded)
    this.children.set(id, group)
    return group
  }

  /** A counter whose count is kept elsewhere. */
  countOf(name: string, of: { readonly count: number }): void {
    this.metric(name, 'counter', () => ({ kind: 'counter', counter: of }))
  }

  /** What a checkpoint keeps: all counters, those of groups too, by `metricKey`. */
  counts(): Record<string, number> {
    return Object.fromEntries(
      [...this.metrics].flatMap(([key, metric]) => (metric.kind === 'counter' ? [[key, metric.counter.count]] : [])),
    )
  }

  /** All metrics, groups included, for a report; histograms begin anew. */
  figures(): Figure[] {
    return [...this.metrics].map(([key, metric]): Figure => {
      switch (metric.kind) {
        case 'counter':
          return { key, kind: 'counter', count: metric.counter.count }
        case 'meter':
          return { key, kind: 'meter', count: metric.meter.count }
        case 'gauge':
          return { key, kind: 'gauge', value: readGauge(metric.read), combine: metric.combine }
        case 'histogram':
          return { key, kind: 'histogram', seen: metric.histogram.take(), notFinite: metric.histogram.notFinite }
      }
    })
  }

  private metric<K extends Metric['kind']>(name: string, kind: K, create: () => MetricOf<K>): MetricOf<K> {
    const asked = this.known.get(name)
    if (asked?.kind === kind) return asked as MetricOf<K>
    checkText('metric', name)
    const engine = this.guarded && this.groups.length === 0 ? engineMetric(name) : undefined
    if (engine !== undefined && engine.fromOperators !== true) {
      throw new MillraceError('MILLRACE_GRAPH', `the metric "${name}" is Millrace's own`, { hint: OTHER_NAME })
    }
    const key = metricKey({ groups: this.groups, name })
    const known = this.metrics.get(key)
    if (known === undefined) {
      const created = create()
      this.metrics.set(key, created)
      this.known.set(name, created)
      return created
    }
    if (known.kind === kind) {
      this.known.set(name, known)
      return known as MetricOf<K>
    }
    throw new MillraceError(
      'MILLRACE_GRAPH',
      `the metric "${name}" is asked for as a ${kind}, and is a ${known.kind}`,
      {
        hint: OTHER_NAME,
      },
    )
  }
}

const OTHER_NAME = 'give it another name, or put it in a group of its own'

/** A gauge that fails is one without a value: metrics never fail a job. */
function readGauge(read: () => number): number {
  try {
    return Number(read())
  } catch {
    return NaN
  }
}

function checkText(what: string, text: string): void {
  if (typeof text === 'string' && text !== '') return
  throw new MillraceError('MILLRACE_GRAPH', `the name of a ${what} must be a text that is not empty`, {
    hint: 'metrics and their groups are found by their names',
  })
}
