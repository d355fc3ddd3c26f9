import type { SerializedError } from '../contract/errors.js'
import { formatCount, formatMs } from './format.js'
import type { Log } from './log.js'
import type { Screen } from './screen.js'
import type { SubmitOutcome } from './job-report.js'

/** The failure in one line: what, where in the user's code. */
export function failureLine(error: SerializedError, uid?: string): string {
  const message = error.message.replace(/\s*\n\s*/g, ' ')
  const operator = uid === undefined || message.includes(`"${uid}"`) ? '' : `operator "${uid}": `
  const position = error.at === undefined ? undefined : /:\d+:\d+$/.exec(error.at)?.[0]
  const at = position === undefined || message.includes(`${position}:`) ? '' : ` (at ${error.at})`
  return `${error.code}: ${operator}${message}${at}`
}

/** One line that says what is wrong, one that says what to do. */
export function tellFailure(screen: Screen, log: Log | undefined, error: SerializedError, uid?: string): void {
  const line = failureLine(error, uid)
  if (log !== undefined) return log.error(line, { code: error.code, at: error.at, hint: error.hint, uid })
  screen.note(`runtime: ${line}`)
  if (error.hint !== undefined) screen.note(`  hint: ${error.hint}`)
  // A bug of the engine: whoever looks for it needs more.
  if (error.code === 'MILLRACE_INTERNAL' && error.stack !== undefined) screen.note(error.stack)
}

/** What the run did, for people. */
export function tellSummary(log: Log, { report, invalidRecords }: SubmitOutcome, checkpointUrl: string): void {
  const { job, status, durationMs, recordsIn, recordsOut, lateRecordsDropped, checkpoints, restoredFrom } = report
  const lines = [
    `${job} ${status} after ${formatMs(durationMs)}`,
    `  records in ${formatCount(recordsIn)}, out ${formatCount(recordsOut)}, late and dropped ${formatCount(lateRecordsDropped)}, invalid ${formatCount(invalidRecords)}`,
    `  checkpoints ${checkpoints}, in ${checkpointUrl}`,
    ...(restoredFrom === null ? [] : [`  went on from ${restoredFrom}`]),
  ]
  log.info(lines.join('\n'), { ...report, invalidRecords, checkpointUrl })
}
