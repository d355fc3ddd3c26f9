import type { MetricsLevel } from './catalogue.js'
import { METRICS_LEVELS } from './catalogue.js'
import { levelDimensions } from './dimensions.js'
import type { Dimensions } from './series.js'
import type { OperatorPlace } from './topology.js'

/** What a dashboard is of. */
export interface DashboardOptions {
  readonly application: string
  readonly namespace: string
  readonly region: string
  readonly places: readonly OperatorPlace[]
  /** What is published beside the application's own series. */
  readonly level: MetricsLevel
  /** Of the metrics. */
  readonly intervalMs: number
}

/** A dashboard's body, as PutDashboard takes it in JSON. */
export interface DashboardBody {
  readonly widgets: readonly Widget[]
}

/** One box of it. */
export interface Widget {
  readonly type: 'text' | 'metric'
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly properties: Readonly<Record<string, unknown>>
}

/** A line of a diagram, as CloudWatch writes it: namespace, name, dimensions, options; or an expression. */
type Line = readonly (string | Readonly<Record<string, unknown>>)[]
type Box = Pick<Widget, 'type' | 'height' | 'properties'>

const COLUMNS = 24
/** Periods under a minute that CloudWatch knows. */
const SHORT_PERIODS = [1, 5, 10, 30]
const MINUTE = 60

/** The dashboard of a job's own metrics: what its plan says that there will be. Pure. */
export function dashboardBody(options: DashboardOptions): DashboardBody {
  const boxes = new Boxes(options)
  const has = (level: MetricsLevel): boolean => METRICS_LEVELS.indexOf(options.level) >= METRICS_LEVELS.indexOf(level)
  const rows: Box[][] = [
    [boxes.text(2, `# ${options.application}\nMetrics of the Millrace job, level \`${options.level}\`.`)],
    boxes.records(),
    boxes.time(),
    boxes.health(),
    boxes.checkpoints(),
    boxes.process(),
    boxes.pressure(has('task')),
    ...(has('operator') ? [boxes.operators()] : []),
    ...(has('parallelism') ? [boxes.subtasks()] : []),
    [boxes.text(3, USER_METRICS)],
  ]
  let y = 0
  return {
    widgets: rows.flatMap((row) => {
      const width = COLUMNS / row.length
      const placed = row.map((box, i): Widget => ({ ...box, x: i * width, y, width }))
      y += Math.max(...row.map(({ height }) => height))
      return placed
    }),
  }
}

const USER_METRICS = `**The job's own counters, gauges, meters and histograms** are known only once it runs: add them by their names, with the \
dimension \`Application\` and those of their groups. Totals (\`numRecordsIn\` and every counter) only rise: show their Maximum, or \`RATE(m1)\`.`

/** A period that CloudWatch knows, of at least one point. */
export function periodSeconds(intervalMs: number): number {
  const seconds = intervalMs / 1000
  return SHORT_PERIODS.find((period) => period >= seconds) ?? Math.ceil(seconds / MINUTE) * MINUTE
}

class Boxes {
  private readonly options: DashboardOptions
  private readonly application: Dimensions

  constructor(options: DashboardOptions) {
    this.options = options
    this.application = [['Application', options.application]]
  }

  text(height: number, markdown: string): Box {
    return { type: 'text', height, properties: { markdown } }
  }

  records(): Box[] {
    return [
      this.lines('Records a second', 'Average', ['numRecordsInPerSecond', 'numRecordsOutPerSecond']),
      this.lines('Records in all', 'Maximum', ['numRecordsIn', 'numRecordsOut']),
      this.lines('Late, invalid or failed', 'Maximum', [
        'numLateRecordsDropped',
        'numInvalidRecords',
        'numFailedRecords',
        'numFailedRecordsDropped',
      ]),
    ]
  }

  time(): Box[] {
    const input = this.line('currentInputWatermark', this.application, { id: 'input', visible: false })
    const output = this.line('currentOutputWatermark', this.application, { id: 'output', visible: false })
    return [
      this.lines('Behind the tip of the Kinesis stream, ms', 'Maximum', ['millisBehindLatest']),
      this.diagram('Event time behind the clock, ms', 'Maximum', [
        input,
        output,
        [{ expression: 'EPOCH(input) * 1000 - input', label: 'of sources', id: 'behindIn' }],
        [{ expression: 'EPOCH(output) * 1000 - output', label: 'of sinks', id: 'behindOut' }],
      ]),
      this.lines('Watermarks, epoch ms', 'Maximum', ['currentInputWatermark', 'currentOutputWatermark'], false),
    ]
  }

  health(): Box[] {
    return [
      this.lines('Uptime, ms', 'Maximum', ['uptime'], false),
      this.lines('Downtime, ms', 'Maximum', ['downtime'], false),
      this.lines('Restarts', 'Maximum', ['fullRestarts']),
    ]
  }

  checkpoints(): Box[] {
    return [
      this.lines('Last checkpoint, ms', 'Maximum', ['lastCheckpointDuration']),
      this.lines('Last checkpoint, bytes', 'Maximum', ['lastCheckpointSize']),
      this.lines('Checkpoints', 'Maximum', ['numberOfCompletedCheckpoints', 'numberOfFailedCheckpoints']),
    ]
  }

  process(): Box[] {
    const times = ['oldGenerationGCTime', 'youngGenerationGCTime'].map((name, i) =>
      this.line(name, this.application, { id: `gc${i}`, visible: false }),
    )
    return [
      this.lines('CPU and heap, %', 'Maximum', ['cpuUtilization', 'heapMemoryUtilization']),
      this.diagram('Garbage collection, ms a period', 'Maximum', [
        ...times,
        [{ expression: 'DIFF(gc0)', label: 'old generation', id: 'old' }],
        [{ expression: 'DIFF(gc1)', label: 'young generation', id: 'young' }],
      ]),
      this.lines('Threads', 'Maximum', ['threadCount']),
    ]
  }

  /** By task if there are series of tasks. */
  pressure(byTask: boolean): Box[] {
    const tasks = [...new Set(this.options.places.map(({ task }) => task))]
    const titles = {
      busyTimeMsPerSecond: 'Busy',
      backPressuredTimeMsPerSecond: 'Backpressured',
      idleTimeMsPerSecond: 'Idle',
    }
    return Object.entries(titles).map(([name, title]) => {
      const lines = byTask
        ? tasks.map((task) => this.line(name, this.level('task', { task }), { label: task }))
        : [this.line(name, this.application, { label: 'hottest subtask' })]
      return this.diagram(`${title}, ms a second`, name === 'idleTimeMsPerSecond' ? 'Minimum' : 'Maximum', lines)
    })
  }

  operators(): Box[] {
    const of = (name: string): Line[] =>
      this.options.places.map((place) => this.line(name, this.level('operator', place), { label: place.uid }))
    return [
      this.diagram('Records in a second, by operator', 'Average', of('numRecordsInPerSecond')),
      this.diagram('Records out a second, by operator', 'Average', of('numRecordsOutPerSecond')),
    ]
  }

  /** Skew shows here. How many subtasks there are may change. */
  subtasks(): Box[] {
    const { application, namespace, intervalMs } = this.options
    const schema = `"${namespace}",Application,Operator,Parallelism,Task`
    const search = `SEARCH('{${schema}} MetricName="numRecordsInPerSecond" Application="${application}"', 'Average', ${periodSeconds(intervalMs)})`
    return [
      this.diagram('Records in a second, by subtask', 'Average', [[{ expression: search, id: 'subtasks', label: '' }]]),
    ]
  }

  private level(level: MetricsLevel, place: Pick<OperatorPlace, 'task'> & { readonly uid?: string }): Dimensions {
    return levelDimensions(this.options.application, level, place, 0)
  }

  private lines(title: string, stat: string, names: readonly string[], fromZero = true): Box {
    const lines = names.map((name) => this.line(name, this.application, {}))
    return this.diagram(title, stat, lines, fromZero)
  }

  private line(name: string, dimensions: Dimensions, line: Readonly<Record<string, unknown>>): Line {
    return [this.options.namespace, name, ...dimensions.flat(), line]
  }

  private diagram(title: string, stat: string, metrics: readonly Line[], fromZero = true): Box {
    const { region, intervalMs } = this.options
    const left = { showUnits: false, ...(fromZero ? { min: 0 } : {}) }
    const common = { title, region, stat, period: periodSeconds(intervalMs), view: 'timeSeries', stacked: false }
    return { type: 'metric', height: 6, properties: { ...common, metrics, yAxis: { left } } }
  }
}
