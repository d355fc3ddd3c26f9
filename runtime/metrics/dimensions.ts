import { engineMetric, METRICS_LEVELS, type MetricsLevel, type MetricUnit } from './catalogue.js'
import type { GroupStep, MetricPath } from './metric-key.js'
import type { Dimensions } from './series.js'
import type { OperatorPlace } from './topology.js'

/** The group that Managed Service for Apache Flink publishes user metrics of: here all are, and it says nothing. */
const MARKER = 'kinesisanalytics'
/** Where groups without a value go. */
const GROUP = 'Group'
const RESERVED = ['Application', 'Task', 'Operator', 'Parallelism', GROUP]

/** What a metric is published as, of whatever operator. */
export interface Published {
  readonly name: string
  readonly unit: MetricUnit
  readonly levels: readonly MetricsLevel[]
  /** Of the user's groups. */
  readonly dimensions: Dimensions
}

/** How a metric found in an operator is published. `unit`: where it isn't one of the engine's. */
export function publishedAs({ name, groups }: MetricPath, unit: MetricUnit): Published {
  const engine = engineMetric(name)
  const dimensions = groupDimensions(groups)
  if (engine === undefined) return { name, unit, levels: METRICS_LEVELS, dimensions }
  if (groups.length === 0) return { name, unit: engine.unit, levels: engine.levels, dimensions }
  if (engine.inGroups === undefined) return { name, unit, levels: METRICS_LEVELS, dimensions }
  return { name, unit: engine.unit, levels: engine.inGroups, dimensions }
}

/** The dimensions of a level. `slot`: which subtask, at level parallelism. */
export function levelDimensions(
  application: string,
  level: MetricsLevel,
  place: Pick<OperatorPlace, 'task'> & { readonly uid?: string },
  slot: number,
): Dimensions {
  const app = ['Application', application] as const
  const task = ['Task', place.task] as const
  const operator = place.uid === undefined ? [] : [['Operator', place.uid] as const]
  switch (level) {
    case 'application':
      return [app]
    case 'task':
      return [app, task]
    case 'operator':
      return [app, task, ...operator]
    case 'parallelism':
      return [app, task, ...operator, ['Parallelism', String(slot)]]
  }
}

function groupDimensions(groups: readonly GroupStep[]): Dimensions {
  const pairs = new Map<string, string>()
  for (const [key, value] of groups) {
    if (value === undefined && key.toLowerCase() === MARKER) continue
    const name = value === undefined ? GROUP : RESERVED.includes(key) ? `_${key}` : key
    const before = pairs.get(name)
    pairs.set(name, before === undefined ? (value ?? key) : `${before}.${value ?? key}`)
  }
  return [...pairs]
}
