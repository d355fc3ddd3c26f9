import type { JobGraph } from '../contract/graph.js'
import type { CheckpointInfo, JobEvents } from '../coordinator/events.js'
import type { CounterTotals } from '../coordinator/draft.js'
import type { JobFailure } from '../coordinator/job-failure.js'
import { formatBytes, formatCount, formatMs, formatWatermark } from './format.js'
import { NO_TOTALS, totalsOf, type JobTotals } from './job-report.js'
import type { Log } from './log.js'
import type { Screen } from './screen.js'
import { WarningLimit } from './warnings.js'

const LINE_EVERY_MS = 1000
const REDRAW_EVERY_MS = 250

/** What progress is shown of, and where. */
export interface ProgressOptions {
  readonly jobId: string
  readonly graph: JobGraph
  readonly screen: Screen
  readonly log: Log
  /** Redraw a status instead of adding lines. */
  readonly live: boolean
  /** Milliseconds; for durations only. */
  readonly now: () => number
}

/** Shows a running job: what it prints, warns and reaches. Main thread. */
export class Progress implements JobEvents {
  private readonly options: ProgressOptions
  private readonly warnings: WarningLimit
  private readonly startMs: number
  /** The checkpoint that the job went on from at first. */
  restoredFrom: string | undefined
  /** Completed ones, and what was counted with the last of them. */
  checkpoints = 0
  counters: CounterTotals = {}
  private parallelism = 0
  private totals: JobTotals = NO_TOTALS
  private watermark = -Infinity
  private last: CheckpointInfo | undefined
  private before = { totals: NO_TOTALS, atMs: 0 }
  private rates = { in: 0, out: 0 }
  private shown = ''
  private timers: NodeJS.Timeout[] = []

  constructor(options: ProgressOptions) {
    this.options = options
    this.startMs = options.now()
    this.before = { totals: NO_TOTALS, atMs: this.startMs }
    this.warnings = new WarningLimit(options.now, (uid, message) => {
      const named = message.startsWith(`${uid}: `) ? message : `${uid}: ${message}`
      options.log.warn(named, { uid })
    })
  }

  /** Begins to show. */
  start(): void {
    this.timers = [setInterval(() => this.second(), LINE_EVERY_MS)]
    if (this.options.live) this.timers.push(setInterval(() => this.draw(), REDRAW_EVERY_MS))
    for (const timer of this.timers) timer.unref()
  }

  /** Stops showing; warnings that were held back are counted. */
  end(): void {
    for (const timer of this.timers) clearInterval(timer)
    this.warnings.tell(true)
    this.options.screen.status([])
  }

  print(line: string): void {
    this.options.screen.print(line)
  }

  warn(uid: string, message: string): void {
    this.warnings.add(uid, message)
  }

  started({ attempt, from, parallelism }: Parameters<JobEvents['started']>[0]): void {
    const { log, jobId } = this.options
    this.parallelism = parallelism
    if (attempt > 1) log.info(`restarts from ${from ?? 'the beginning'}`, { attempt })
    else if (from !== undefined) {
      this.restoredFrom = from
      log.info(`${jobId} goes on from its checkpoint ${from}`, { from })
    } else log.debug(`${jobId} starts afresh`)
  }

  progress({ counters, watermark }: Parameters<JobEvents['progress']>[0]): void {
    const totals = totalsOf(counters, this.options.graph)
    // What a restored job did before is not this second's.
    if (this.totals === NO_TOTALS) this.before = { totals, atMs: this.options.now() }
    this.totals = totals
    this.watermark = watermark
  }

  checkpoint(info: CheckpointInfo): void {
    this.last = info
    this.checkpoints++
    this.counters = info.counters
    const { counters: _, ...facts } = info
    this.options.log.debug(`checkpoint ${checkpointText(info)}`, facts)
  }

  checkpointFailed({ checkpointId, reason }: Parameters<JobEvents['checkpointFailed']>[0]): void {
    this.options.log.warn(`checkpoint ${checkpointId} failed: ${reason}`, { checkpointId })
  }

  failed({ error, uid }: JobFailure, restartInMs: number | undefined): void {
    // The one that ends the job is told with the result.
    if (restartInMs === undefined) return
    const at = error.at === undefined ? '' : ` (at ${error.at})`
    this.options.log.warn(`${error.code}: ${error.message}${at}; tries again in ${formatMs(restartInMs)}`, {
      code: error.code,
      uid,
    })
  }

  private second(): void {
    this.warnings.tell(false)
    const { before, totals } = this
    const now = this.options.now()
    const seconds = Math.max(0.001, (now - before.atMs) / 1000)
    const rate = (name: 'recordsIn' | 'recordsOut'): number => Math.max(0, totals[name] - before.totals[name]) / seconds
    this.rates = { in: rate('recordsIn'), out: rate('recordsOut') }
    this.before = { totals, atMs: now }
    if (this.options.live) return
    const facts = this.facts()
    const line = facts.join('  ')
    if (line === this.shown) return
    this.shown = line
    const { last } = this
    this.options.log.info(`${this.elapsed()}  ${line}`, {
      ...totals,
      watermark: this.watermark,
      checkpointId: last?.checkpointId,
    })
  }

  private draw(): void {
    if (this.parallelism === 0) return
    const [records, more] = this.facts()
    const { jobId, screen } = this.options
    screen.status([`${jobId}  ${this.elapsed()}  ${records}`, `  ${more}`])
  }

  private facts(): [string, string] {
    const { totals, rates } = this
    const late = totals.lateRecordsDropped > 0 ? `  late ${formatCount(totals.lateRecordsDropped)}` : ''
    const invalid = totals.invalidRecords > 0 ? `  invalid ${formatCount(totals.invalidRecords)}` : ''
    const records =
      `in ${formatCount(totals.recordsIn)} (${formatCount(rates.in)}/s)  ` +
      `out ${formatCount(totals.recordsOut)} (${formatCount(rates.out)}/s)${late}${invalid}`
    const checkpoint = this.last === undefined ? 'no checkpoint yet' : `checkpoint ${checkpointText(this.last)}`
    return [records, `watermark ${formatWatermark(this.watermark)}  ${checkpoint}`]
  }

  private elapsed(): string {
    return `${Math.round((this.options.now() - this.startMs) / 1000)} s`
  }
}

function checkpointText(info: CheckpointInfo): string {
  return `${info.checkpointId} (${formatMs(info.durationMs)}, ${formatBytes(info.writtenBytes)})`
}
