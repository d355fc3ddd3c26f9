import type { KeptFailure } from '../coordinator/failure-history.js'
import type { CheckpointsView, CheckpointView, FailuresView, JobView } from '../http/job-control.js'
import { formatBytes, formatCount, formatMs, formatWatermark } from './format.js'

/** One line of `runtime list`. `unreachable`: it does not answer; `unreadable`: it is another user's. */
export interface ListedJob {
  readonly job: string
  readonly name: string | null
  readonly pid: number
  readonly state: JobView['state'] | 'unreachable' | 'unreadable'
  readonly parallelism: number | null
  readonly startedAtMs: number | null
}

/** `runtime list` for people. */
export function listText(jobs: readonly ListedJob[]): string {
  if (jobs.length === 0) return 'no job runs here'
  const rows = jobs.map(({ job, state, parallelism, pid, startedAtMs }) => [
    job,
    state,
    parallelism === null ? '-' : `${parallelism}`,
    `${pid}`,
    startedAtMs === null ? '-' : timeOf(startedAtMs),
  ])
  return tableOf([['job', 'state', 'parallelism', 'pid', 'since'], ...rows])
}

/** `runtime status` for people. */
export function statusText(view: JobView): string {
  const { recordsIn, recordsOut, lateRecordsDropped, invalidRecords, watermark, lastCheckpoint, firstFailure } = view
  const of = view.name === view.job ? '' : ` (${view.name})`
  return [
    `${view.job}${of} is ${view.state}, parallelism ${view.parallelism} of at most ${view.maxParallelism}, pid ${view.pid}`,
    `  since ${timeOf(view.startedAtMs)}, for ${formatMs(view.durationMs)}, attempt ${view.attempt}`,
    `  records in ${formatCount(recordsIn)}, out ${formatCount(recordsOut)}, late and dropped ${formatCount(lateRecordsDropped)}, invalid ${formatCount(invalidRecords)}`,
    `  watermark ${watermark === null ? 'none' : formatWatermark(watermark)}`,
    `  checkpoints ${view.checkpoints}, in ${view.checkpointDir}`,
    ...(lastCheckpoint === null ? [] : [`  last ${lastCheckpoint.path} at ${timeOf(lastCheckpoint.completedAtMs)}`]),
    ...(view.restoredFrom === null ? [] : [`  went on from ${view.restoredFrom}`]),
    ...(firstFailure === null ? [] : [`  failures ${view.failures}, the first: ${lineOf(firstFailure)}`]),
  ].join('\n')
}

/** `runtime checkpoints` for people. */
export function checkpointsText({ job, completed, failed, recent, recentFailed }: CheckpointsView): string {
  const row = (one: CheckpointView): string[] => [
    `${one.id}`,
    one.reason,
    timeOf(one.completedAtMs),
    formatMs(one.durationMs),
    formatBytes(one.writtenBytes),
    formatBytes(one.stateBytes),
    one.aligned ? '-' : formatBytes(one.inFlightBytes),
    one.path,
  ]
  return [
    `${job}: ${completed} completed, ${failed} failed`,
    ...(recent.length === 0
      ? []
      : [tableOf([['id', 'why', 'at', 'took', 'written', 'state', 'in flight', 'path'], ...recent.map(row)])]),
    ...recentFailed.map(({ id, failedAtMs, reason }) => `${id} failed at ${timeOf(failedAtMs)}: ${reason}`),
  ].join('\n')
}

/** `runtime exceptions` for people. */
export function exceptionsText({ job, total, first, recent }: FailuresView): string {
  if (first === null) return `${job}: no failure`
  const others = recent.filter((one) => one.atMs !== first.atMs || one.attempt !== first.attempt)
  return [
    `${job}: ${total} ${total === 1 ? 'failure' : 'failures'}; the first since the last checkpoint:`,
    failureText(first),
    ...(first.stack === null ? [] : [indented(first.stack)]),
    ...(others.length === 0 ? [] : ['others:', ...others.map(failureText)]),
  ].join('\n')
}

function failureText(one: KeptFailure): string {
  const then = one.restartInMs === null ? 'failed for good' : `restarted after ${formatMs(one.restartInMs)}`
  return `  ${timeOf(one.atMs)} pid ${one.pid} attempt ${one.attempt} [${one.kind}] ${lineOf(one)}; ${then}`
}

function lineOf({ code, message, at, uid }: KeptFailure): string {
  const operator = uid === null || message.includes(`"${uid}"`) ? '' : `operator "${uid}": `
  return `${code}: ${operator}${message.replace(/\s*\n\s*/g, ' ')}${at === null ? '' : ` (at ${at})`}`
}

function indented(text: string): string {
  return text.replace(/^/gm, '    ')
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}

function tableOf(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
