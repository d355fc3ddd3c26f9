import type { SerializedError } from '../contract/errors.js'
import type { JobEvents } from '../coordinator/events.js'
import type { SubmitOutcome } from './job-report.js'

/** A secret so short would be found everywhere. */
const SHORTEST = 4
const SHOWN = '***'

/** Takes the values of secrets out of what is said: errors, warnings, notes. What a job prints is its own. Main thread. */
export class Redactor {
  /** The longest first: one secret may hold another. */
  private values: string[] = []

  /** It is not shown from now on, nor as it looks in JSON or in a URL. Old values stay hidden. */
  hide(value: string): void {
    if (value.length < SHORTEST) return
    const looks = new Set([value, JSON.stringify(value).slice(1, -1), encoded(value), ...this.values])
    this.values = [...looks].sort((a, b) => b.length - a.length)
  }

  text(text: string): string {
    return this.values.reduce((rest, value) => rest.replaceAll(value, SHOWN), text)
  }

  error(error: SerializedError): SerializedError {
    if (this.values.length === 0) return error
    return {
      ...error,
      message: this.text(error.message),
      ...(error.hint === undefined ? {} : { hint: this.text(error.hint) }),
      ...(error.stack === undefined ? {} : { stack: this.text(error.stack) }),
      ...(error.cause === undefined ? {} : { cause: this.error(error.cause) }),
    }
  }

  outcome(outcome: SubmitOutcome): SubmitOutcome {
    const { report, error } = outcome
    if (error === undefined || report.failure === null) return outcome
    const failure = { ...report.failure, message: this.text(report.failure.message) }
    return { ...outcome, report: { ...report, failure }, error: this.error(error) }
  }

  /** What a running job tells, without its secrets. */
  events(events: JobEvents): JobEvents {
    return {
      print: (line) => events.print(line),
      warn: (uid, message) => events.warn(uid, this.text(message)),
      started: (info) => events.started(info),
      progress: (info) => events.progress(info),
      ...(events.figures === undefined ? {} : { figures: (info) => events.figures?.(info) }),
      checkpoint: (info) => events.checkpoint(info),
      checkpointFailed: (info) => events.checkpointFailed({ ...info, reason: this.text(info.reason) }),
      failed: (failure, restartInMs) => events.failed({ ...failure, error: this.error(failure.error) }, restartInMs),
    }
  }
}

function encoded(value: string): string {
  try {
    return encodeURIComponent(value)
  } catch {
    // A lone surrogate has no such form.
    return value
  }
}
