// One run of the job in this process: filled, one full checkpoint, a small share of new keys, one checkpoint of those, then a reader fails.
// Prints its figures as the last line.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { submitJob, type JobEvents } from 'millrace/runtime'
import { environmentOf, monotonicMs, openChannel, type RecoveryOrders } from './orders.js'
import { gapsIn, recordsIn, type Span } from './slot-log.js'
import { stagesOf } from './stages.js'

/** How long the job is watched without a checkpoint, right before or after one. */
const REST_MS = 1500
/** What happens between rest and checkpoint belongs to neither. */
const MARGIN_MS = 100

/** What a run is asked for. */
export interface RunRequest {
  readonly jobFile: string
  readonly keys: number
  readonly changed: number
  readonly parallelism: number
  readonly memory: string
  readonly intervalMs: number
  /** A fresh one, for checkpoints and notes. */
  readonly folder: string
}

/** A checkpoint, and the job's work meanwhile beside that of a time without one. */
export interface CheckpointFigures {
  readonly ms: number
  readonly bytes: number
  /** Records a second with it over records a second without. */
  readonly throughput: number
  /** Of each slot: the longest gap between two records. */
  readonly pausesMs: readonly number[]
  /** The same, in as long a time without a checkpoint. */
  readonly restPausesMs: readonly number[]
  /** Every gap of half a millisecond and more, of all slots. */
  readonly gapsMs: readonly number[]
}

/** The figures of a run. */
export interface LiveFigures {
  readonly full: CheckpointFigures
  readonly partial: CheckpointFigures
  readonly failureToOutputMs: number
}

/** Runs it; throws where it did not go as it should. */
export async function liveRun(request: RunRequest): Promise<LiveFigures> {
  const { keys, changed, folder } = request
  const expected = stagesOf(keys, changed).keys
  const end = new AbortController()
  const orders: RecoveryOrders = {
    channel: `millrace-recovery-${process.pid}`,
    recovering: false,
    output: join(folder, 'output'),
  }
  const watch = new Watch(request.parallelism)
  const channel = openChannel(orders.channel!, (message) => {
    if (message.kind === 'log') watch.logs.push(message.words)
    else if (message.kind === 'filled') watch.filledMs.push(message.atMs)
    else if (message.kind === 'changed') watch.changedMs.push(message.atMs)
    else if (message.kind === 'failing') {
      watch.failedMs = message.atMs
      Object.assign(process.env, environmentOf({ ...orders, recovering: true }))
    }
  })
  Object.assign(process.env, environmentOf(orders))
  const events: Partial<JobEvents> = {
    print: console.error,
    warn: (uid, message) => console.error(`${uid}: ${message}`),
    checkpointFailed: ({ reason }) => console.error(`a checkpoint failed: ${reason}`),
    progress: ({ counters }) => {
      if (counters['checksum']?.['numRecordsIn'] === expected) end.abort()
    },
    checkpoint: ({ durationMs, writtenBytes }) => {
      const next = watch.checkpointed(durationMs, writtenBytes)
      if (next === 'change') setTimeout(() => channel.postMessage({ kind: 'change' }), REST_MS + 2 * MARGIN_MS)
      if (watch.problem !== undefined) end.abort()
      if (next === 'fail') channel.postMessage({ kind: 'fail' })
    },
  }
  const report = await submitJob(request.jobFile, {
    parallelism: request.parallelism,
    memory: request.memory,
    checkpointDir: join(folder, 'checkpoints'),
    checkpointInterval: `${request.intervalMs}ms`,
    restore: 'none',
    params: { keys: String(keys), changed: String(changed) },
    events,
    signal: end.signal,
  })
  channel.close()
  if (watch.problem !== undefined) throw new Error(watch.problem)
  if (report.status !== 'SUSPENDED') throw new Error(`the job ended as ${report.status}: ${report.failure?.message}`)
  if (report.recordsOut !== expected) throw new Error(`${report.recordsOut} keys came out, not ${expected}`)
  const outputs = readFileSync(orders.output, 'utf8').trim().split('\n').map(Number)
  return { ...watch.figures(), failureToOutputMs: Math.min(...outputs) - watch.failedMs! }
}

/** What is seen of a run. */
class Watch {
  readonly logs: SharedArrayBuffer[] = []
  /** When splits had read those stages. */
  readonly filledMs: number[] = []
  readonly changedMs: number[] = []
  failedMs: number | undefined
  problem: string | undefined
  private readonly parallelism: number
  private readonly checkpoints: { readonly span: Span; readonly bytes: number }[] = []

  constructor(parallelism: number) {
    this.parallelism = parallelism
  }

  /** What comes next. */
  checkpointed(durationMs: number, bytes: number): 'change' | 'fail' | undefined {
    if (this.failedMs !== undefined) return undefined
    const toMs = monotonicMs()
    const span = { fromMs: toMs - durationMs, toMs }
    const isFirst = this.checkpoints.length === 0
    const since = isFirst ? this.filledMs : this.changedMs
    if (since.length < this.parallelism || Math.max(...since) > span.fromMs) {
      if (isFirst) this.problem = 'a checkpoint began before all keys were there: give a longer --interval'
      return undefined
    }
    this.checkpoints.push({ span, bytes })
    return isFirst ? 'change' : 'fail'
  }

  figures(): { readonly full: CheckpointFigures; readonly partial: CheckpointFigures } {
    const [full, partial] = this.checkpoints
    const rest = { fromMs: full!.span.toMs + MARGIN_MS, toMs: full!.span.toMs + MARGIN_MS + REST_MS }
    return {
      full: this.figuresOf(full!.span, full!.bytes, rest),
      partial: this.figuresOf(partial!.span, partial!.bytes, rest),
    }
  }

  private figuresOf(span: Span, bytes: number, rest: Span): CheckpointFigures {
    const logs = this.logs.slice(0, this.parallelism)
    const perMs = (of: Span): number => logs.reduce((sum, log) => sum + recordsIn(log, of), 0) / (of.toMs - of.fromMs)
    const ms = span.toMs - span.fromMs
    const asLong = { fromMs: rest.fromMs, toMs: Math.min(rest.toMs, rest.fromMs + ms) }
    return {
      ms,
      bytes,
      throughput: perMs(span) / perMs(rest),
      pausesMs: logs.map((log) => Math.max(0, ...gapsIn(log, span))),
      restPausesMs: logs.map((log) => Math.max(0, ...gapsIn(log, asLong))),
      gapsMs: logs.flatMap((log) => gapsIn(log, span)),
    }
  }
}
