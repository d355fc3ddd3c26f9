import { OPTIONS, type OptionName } from '../../config/options.js'
import type { ResolvedOptions } from '../../config/resolve-options.js'
import { MillraceError } from '../contract/errors.js'
import type { RestartSettings } from '../coordinator/restart-strategy.js'

type Kind = RestartSettings['kind']

/** Which strategies an option is for. */
const USED_BY: Readonly<Partial<Record<OptionName, readonly Kind[]>>> = {
  restartAttempts: ['exponential', 'fixed'],
  restartDelayMs: ['exponential', 'fixed', 'failure-rate'],
  restartMaxDelayMs: ['exponential'],
  restartBackoff: ['exponential'],
  restartJitter: ['exponential'],
  restartResetThresholdMs: ['exponential'],
  restartMaxFailures: ['failure-rate'],
  restartFailureIntervalMs: ['failure-rate'],
}

/** As in Flink. */
const STEADY_DELAY_MS = 1_000
const FIRST_DELAY_MS = 50

/** The restart strategy that the options ask for. MILLRACE_USAGE for options that another strategy has. */
export function restartSettings({ values, origins }: ResolvedOptions): RestartSettings {
  const kind = values.restartStrategy
  for (const [name, kinds] of Object.entries(USED_BY) as [OptionName, readonly Kind[]][]) {
    const origin = origins[name]
    if (origin !== undefined && !kinds.includes(kind)) throw unused(origin, kind, kinds)
  }
  switch (kind) {
    case 'none':
      return { kind }
    case 'fixed':
      return { kind, attempts: values.restartAttempts, delayMs: values.restartDelayMs ?? STEADY_DELAY_MS }
    case 'failure-rate':
      return {
        kind,
        maxFailures: values.restartMaxFailures,
        intervalMs: values.restartFailureIntervalMs,
        delayMs: values.restartDelayMs ?? STEADY_DELAY_MS,
      }
    case 'exponential':
      return exponential(values)
  }
}

function exponential(values: ResolvedOptions['values']): RestartSettings {
  const { restartDelayMs: delayMs = FIRST_DELAY_MS, restartMaxDelayMs: maxDelayMs } = values
  if (delayMs > maxDelayMs) {
    throw new MillraceError(
      'MILLRACE_USAGE',
      `--${OPTIONS.restartDelayMs.key} is ${delayMs} ms, more than --${OPTIONS.restartMaxDelayMs.key}, ${maxDelayMs} ms`,
      { hint: 'the first delay is the shortest' },
    )
  }
  return {
    kind: 'exponential',
    attempts: values.restartAttempts,
    delayMs,
    maxDelayMs,
    backoff: values.restartBackoff,
    jitter: values.restartJitter,
    resetThresholdMs: values.restartResetThresholdMs,
  }
}

function unused(origin: string, kind: Kind, kinds: readonly Kind[]): MillraceError {
  const { key } = OPTIONS.restartStrategy
  return new MillraceError('MILLRACE_USAGE', `${origin} is given, but --${key} ${kind} has no use for it`, {
    hint: `it belongs to --${key} ${kinds.join(' or ')}`,
  })
}
