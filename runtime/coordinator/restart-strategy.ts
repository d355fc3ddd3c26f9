import { ExponentialRestarts, type ExponentialSettings } from './exponential-restarts.js'
import { mayRestart, type JobFailure } from './job-failure.js'
import type { RestartDecision, RestartRule } from './restart-rule.js'

/**
 * When a job tries again. Flink's strategies: `fixed`: so many times in all; `failure-rate`: unless there were more failures than that in
 * the interval before.
 */
export type RestartSettings =
  | { readonly kind: 'none' }
  | { readonly kind: 'fixed'; readonly attempts: number; readonly delayMs: number }
  | {
      readonly kind: 'failure-rate'
      readonly maxFailures: number
      readonly intervalMs: number
      readonly delayMs: number
    }
  | ({ readonly kind: 'exponential' } & ExponentialSettings)

/** The rule of one job in this process; failures that no restart can mend are none of its business. */
export class RestartStrategy {
  private readonly rule: RestartRule

  /** `random`: from 0 to 1. */
  constructor(settings: RestartSettings, random: () => number) {
    this.rule = ruleOf(settings, random)
  }

  checkpointCompleted(): void {
    this.rule.checkpointCompleted?.()
  }

  failed(failure: JobFailure): RestartDecision {
    return mayRestart(failure.error) ? this.rule.failed(failure) : { kind: 'fail' }
  }
}

function ruleOf(settings: RestartSettings, random: () => number): RestartRule {
  switch (settings.kind) {
    case 'none':
      return { failed: () => ({ kind: 'fail' }) }
    case 'fixed':
      return fixed(settings.attempts, settings.delayMs)
    case 'failure-rate':
      return failureRate(settings.maxFailures, settings.intervalMs, settings.delayMs)
    case 'exponential':
      return new ExponentialRestarts(settings, random)
  }
}

function fixed(attempts: number, delayMs: number): RestartRule {
  let failures = 0
  return { failed: () => (++failures > attempts ? { kind: 'fail' } : { kind: 'restart', delayMs }) }
}

function failureRate(maxFailures: number, intervalMs: number, delayMs: number): RestartRule {
  let recent: number[] = []
  return {
    failed: ({ atMs }) => {
      recent = [...recent.filter((before) => atMs - before < intervalMs), atMs]
      return recent.length > maxFailures ? { kind: 'fail' } : { kind: 'restart', delayMs }
    },
  }
}
