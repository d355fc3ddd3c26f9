import type { ResolvedOptions } from '../../config/resolve-options.js'
import { OPTIONS, type OptionName } from '../../config/options.js'
import { MillraceError } from '../contract/errors.js'
import type { JobEvents } from '../coordinator/events.js'
import { openCloudWatch } from '../metrics/cloudwatch-client.js'
import { CloudWatchReporter } from '../metrics/cloudwatch-reporter.js'
import type { MetricsLevel } from '../metrics/catalogue.js'
import { JobProgress } from '../metrics/job-progress.js'
import { ProcessWatch } from '../metrics/process-usage.js'
import { MetricsRegistry } from '../metrics/registry.js'
import type { Series } from '../metrics/series.js'
import { SeriesLimit } from '../metrics/series-limit.js'
import { placesOf } from '../metrics/topology.js'
import { withoutSecrets } from '../metrics/without-secrets.js'
import type { ExecutionPlan } from '../plan/plan.js'
import { mainClock } from './clock.js'
import type { PreparedJob } from './prepare-job.js'

/** How long a job that has ended waits for its last metrics to be taken. */
const LAST_WITHIN_MS = 5_000

/** Where series go. Neither method throws or rejects, whatever happens there. */
export interface Reporter {
  publish(series: readonly Series[], atMs: number): void
  close(withinMs: number): Promise<void>
}

/** How a job's metrics are published. */
export interface JobMetricsOptions {
  readonly application: string
  readonly reporter: Reporter
  /** As messages name it. */
  readonly place: string
  readonly intervalMs: number
  readonly level: MetricsLevel
  readonly maxSeries: number
  readonly secrets: readonly string[]
  readonly now: () => number
  readonly note: (message: string) => void
  readonly warn: (message: string) => void
}

/** What the command says of its metrics. */
type Tell = Pick<JobMetricsOptions, 'note' | 'warn'>

/**
 * The metrics that the options ask for, if any. MILLRACE_USAGE before anything runs: no region is known, or options that would be ignored.
 */
export async function openJobMetrics(
  { jobId, job, params, secretParams }: PreparedJob,
  { values, origins }: ResolvedOptions,
  { note, warn }: Tell,
): Promise<JobMetrics | undefined> {
  if (values.metrics === 'none') {
    refuseWithoutMetrics(origins)
    return undefined
  }
  const { metricsNamespace: namespace, metricsIntervalMs: intervalMs } = values
  const calls = await openCloudWatch()
  const secret = job.params.flatMap((param) =>
    param.secret === true ? (params[param.name] ?? param.default ?? []) : [],
  )
  return new JobMetrics({
    application: jobId,
    reporter: new CloudWatchReporter({ calls, namespace, intervalMs, warn, now: () => performance.now() }),
    place: `CloudWatch namespace "${namespace}" in ${calls.region}`,
    intervalMs,
    level: values.metricsLevel,
    maxSeries: values.metricsMaxSeries,
    secrets: [...secret, ...secretParams.secrets],
    now: () => mainClock.now(),
    note,
    warn,
  })
}

/** In the environment or a file they may be for other runs; on the command line they are for this one. */
function refuseWithoutMetrics(origins: ResolvedOptions['origins']): void {
  const names: readonly OptionName[] = ['metricsNamespace', 'metricsIntervalMs', 'metricsLevel', 'metricsMaxSeries']
  const given = names.map((name) => origins[name]).find((origin) => origin?.startsWith('--') === true)
  if (given === undefined) return
  throw new MillraceError('MILLRACE_USAGE', `${given} is given, but no metrics are published`, {
    hint: `add --${OPTIONS.metrics.key} cloudwatch`,
  })
}

/** Publishes the metrics of one job in this process. Main thread. Nothing here can fail the job. */
export class JobMetrics {
  private readonly options: JobMetricsOptions
  private readonly limit: SeriesLimit
  private readonly progress = new JobProgress()
  private readonly clean: (series: Series) => Series
  private registry: MetricsRegistry | undefined
  private timer: NodeJS.Timeout | undefined
  private slots = 0
  private told = 0
  private toldLeft = false
  private broken = false

  constructor(options: JobMetricsOptions) {
    this.options = options
    this.limit = new SeriesLimit(options.maxSeries)
    this.clean = withoutSecrets(options.secrets)
  }

  /** What the coordinator is to be given instead of `events`. */
  observe(plan: ExecutionPlan, events: JobEvents): JobEvents {
    const { application, level, now } = this.options
    const { progress } = this
    const watch = new ProcessWatch()
    const registry = new MetricsRegistry({
      application,
      places: placesOf(plan),
      level,
      progress,
      usage: () => watch.usage(),
      nowMs: now(),
    })
    this.registry = registry
    this.slots = plan.parallelism
    const guard = (run: () => void): void => this.guard(run)
    return {
      print: (line) => events.print(line),
      warn: (uid, message) => events.warn(uid, message),
      progress: (info) => events.progress(info),
      started: (info) => {
        guard(() => {
          this.slots = info.parallelism
          progress.started(info.attempt, now())
          registry.attemptStarted(info.parallelism)
        })
        events.started(info)
      },
      figures: (info) => {
        guard(() => {
          registry.slotReported(info.slot, info.figures, info.counterBase)
          for (const source of info.sources) registry.sourceReported(source)
          this.startWhenComplete()
        })
        events.figures?.(info)
      },
      checkpoint: (info) => {
        guard(() => {
          progress.checkpointCompleted(info)
          registry.checkpointCompleted(info.counters)
        })
        events.checkpoint(info)
      },
      checkpointFailed: (info) => {
        guard(() => progress.checkpointFailed())
        events.checkpointFailed(info)
      },
      failed: (failure, restartInMs) => {
        guard(() => progress.failed(now()))
        events.failed(failure, restartInMs)
      },
    }
  }

  /** The job has ended: publishes once more and waits, not for long, until all is taken. */
  async end(): Promise<void> {
    clearInterval(this.timer)
    this.progress.end()
    this.guard(() => this.publish())
    await this.options.reporter.close(LAST_WITHIN_MS)
  }

  /** Every slot has told which metrics there are. */
  private startWhenComplete(): void {
    if (this.timer !== undefined || this.registry?.complete(this.slots) !== true) return
    this.timer = setInterval(() => this.guard(() => this.publish()), this.options.intervalMs)
    this.timer.unref()
    this.publish()
  }

  private publish(): void {
    if (this.registry === undefined) return
    const now = this.options.now()
    const series = this.limit.admit(this.registry.collect(now).map(this.clean))
    this.tell()
    this.options.reporter.publish(series, now)
  }

  /** What CloudWatch bills is the number of series. */
  private tell(): void {
    const { limit, options } = this
    if (limit.published > this.told) {
      const more = this.told === 0 ? '' : ' by now'
      this.told = limit.published
      options.note(`metrics: ${this.told} series${more} to ${options.place}, every ${options.intervalMs / 1000} s`)
    }
    if (limit.left === 0 || this.toldLeft) return
    this.toldLeft = true
    const { name, dimensions } = limit.firstLeft!
    const first = `${name} of ${dimensions.map(([key, value]) => `${key}=${value}`).join(', ')}`
    options.warn(
      `metrics: ${limit.published + limit.left} series are more than --${OPTIONS.metricsMaxSeries.key} ${options.maxSeries}: ${limit.left} are not published, the first of them ${first}`,
    )
  }

  private guard(run: () => void): void {
    try {
      run()
    } catch (error) {
      if (!this.broken) this.options.warn(`metrics are not published, the job goes on: ${String(error)}`)
      this.broken = true
    }
  }
}
