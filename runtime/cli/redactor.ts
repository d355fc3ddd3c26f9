import type { SerializedError } from '../contract/errors.js'
import type { JobEvents } from '../coordinator/events.js'

/** A secret that is shorter would be found everywhere: it is hidden only where it is quoted, as messages quote what they are about. */
const SHORTEST = 4
const SHOWN = '***'

/** Takes the values of secrets out of what is said: errors, warnings, notes. What a job prints is its own. Main thread. */
export class Redactor {
  /** The longest first: one secret may hold another. */
  private values: string[] = []

  /** It is not shown from now on, nor as it looks in JSON or in a URL. Old values stay hidden. */
  hide(value: string): void {
    if (value === '') return
    if (value.length < SHORTEST) return this.add([JSON.stringify(value)])
    this.add([value, JSON.stringify(value).slice(1, -1), encoded(value)])
  }

  private add(values: readonly string[]): void {
    const looks = new Set([...values, ...this.values])
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
