import type { SerializedError } from '../contract/errors.js'

/** One failure of an attempt, as it is kept and shown. */
export interface JobFailure {
  readonly error: SerializedError
  readonly uid?: string
  readonly atMs: number
}

/** What to do after a failure. */
export type RestartDecision = { readonly kind: 'restart'; readonly delayMs: number } | { readonly kind: 'fail' }

const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 30_000
const SAME_FAILURE_LIMIT = 3

/** Failures that no restart can mend: the job or its surroundings are wrong, not unlucky. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'MILLRACE_USAGE',
  'MILLRACE_PARAM',
  'MILLRACE_JOB_FILE',
  'MILLRACE_GRAPH',
  'MILLRACE_INPUT',
  'MILLRACE_FENCED',
  'MILLRACE_HELD',
  'MILLRACE_RESTORE',
  'MILLRACE_CORRUPT',
])

/**
 * When to try again: exponential delay from 50 ms. Gives up after three failures of the same operator and error with no checkpoint
 * between, or after `attempts` failures without one. Pure but for what it counts.
 */
export class RestartStrategy {
  private readonly attempts: number
  private readonly sameFailures = new Map<string, number>()
  private sinceCheckpoint = 0

  constructor(attempts: number) {
    this.attempts = attempts
  }

  checkpointCompleted(): void {
    this.sameFailures.clear()
    this.sinceCheckpoint = 0
  }

  failed(failure: JobFailure): RestartDecision {
    this.sinceCheckpoint++
    const key = `${failure.uid ?? ''} ${failure.error.code} ${withoutNames(failure.error.message)}`
    const same = (this.sameFailures.get(key) ?? 0) + 1
    this.sameFailures.set(key, same)
    if (FINAL_CODES.has(failure.error.code) || failure.error.final === true) return { kind: 'fail' }
    if (same >= SAME_FAILURE_LIMIT || this.sinceCheckpoint > this.attempts) return { kind: 'fail' }
    return { kind: 'restart', delayMs: Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.sinceCheckpoint - 1)) }
  }
}

/** Attempts name their files differently: what differs in paths only is the same error. */
function withoutNames(message: string): string {
  return message.replace(/[^\s:'"]*\/[^\s:'"]*/g, '#')
}
