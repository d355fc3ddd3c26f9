import type { JobFailure } from './job-failure.js'
import type { RestartDecision, RestartRule } from './restart-rule.js'

/** Delays in milliseconds. */
export interface ExponentialSettings {
  /** Failures without a checkpoint between them before the job fails for good. */
  readonly attempts: number
  readonly delayMs: number
  readonly maxDelayMs: number
  /** Each delay is so many times the one before. */
  readonly backoff: number
  /** A delay is longer or shorter by up to this share of it, at random. */
  readonly jitter: number
  /** After so long without a failure, counting begins anew, as it does after a checkpoint. */
  readonly resetThresholdMs: number
}

/** What a job has unless it is told otherwise. */
export const DEFAULT_EXPONENTIAL: ExponentialSettings = {
  attempts: 10,
  delayMs: 50,
  maxDelayMs: 30_000,
  backoff: 2,
  jitter: 0,
  resetThresholdMs: 3_600_000,
}

const SAME_FAILURE_LIMIT = 3

/**
 * Waits longer each time. Gives up after three failures of the same operator and error with no checkpoint between, or after `attempts`
 * failures without one.
 */
export class ExponentialRestarts implements RestartRule {
  private readonly settings: ExponentialSettings
  private readonly random: () => number
  private readonly sameFailures = new Map<string, number>()
  private sinceCheckpoint = 0
  /** When the last failure's delay was over. */
  private quietSinceMs = Infinity

  constructor(settings: ExponentialSettings, random: () => number) {
    this.settings = settings
    this.random = random
  }

  checkpointCompleted(): void {
    this.sameFailures.clear()
    this.sinceCheckpoint = 0
  }

  failed({ error, uid, atMs }: JobFailure): RestartDecision {
    const { attempts, resetThresholdMs } = this.settings
    if (atMs - this.quietSinceMs >= resetThresholdMs) this.checkpointCompleted()
    this.sinceCheckpoint++
    const key = `${uid ?? ''} ${error.code} ${withoutNames(error.message)}`
    const same = (this.sameFailures.get(key) ?? 0) + 1
    this.sameFailures.set(key, same)
    if (same >= SAME_FAILURE_LIMIT || this.sinceCheckpoint > attempts) return { kind: 'fail' }
    const delayMs = this.delay()
    this.quietSinceMs = atMs + delayMs
    return { kind: 'restart', delayMs }
  }

  private delay(): number {
    const { delayMs, maxDelayMs, backoff, jitter } = this.settings
    const plain = Math.min(maxDelayMs, delayMs * backoff ** (this.sinceCheckpoint - 1))
    return Math.round(Math.min(maxDelayMs, plain * (1 + jitter * (2 * this.random() - 1))))
  }
}

/** Attempts name their files differently: what differs in paths only is the same error. */
function withoutNames(message: string): string {
  return message.replace(/[^\s:'"]*\/[^\s:'"]*/g, '#')
}
