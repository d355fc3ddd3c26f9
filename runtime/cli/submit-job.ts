import { OPTIONS, fileName } from '../../config/options.js'
import { resolveOptions, type GivenFlags } from '../../config/resolve-options.js'
import { MillraceError } from '../contract/errors.js'
import type { JobEvents } from '../coordinator/events.js'
import { silentEvents } from '../coordinator/silent-events.js'
import type { JobReport } from './job-report.js'
import { earlyOutcome, submit } from './submit.js'

/**
 * The options of `runtime submit`, named as in its config file and with the same texts: `'10s'`, `'512MB'`. The environment is not
 * read.
 */
export interface SubmitOptions {
  readonly jobId?: string
  readonly parallelism?: number
  readonly maxParallelism?: number
  readonly params?: Readonly<Record<string, string>>
  readonly config?: string
  readonly checkpointDir?: string
  readonly checkpointInterval?: string
  readonly restore?: string
  readonly claimMode?: 'no-claim' | 'claim'
  readonly allowNonRestoredState?: boolean
  readonly allowDuplicateOutput?: boolean
  readonly checkpointTimeout?: string
  readonly alignmentTimeout?: string
  readonly minPauseBetweenCheckpoints?: string
  readonly maxConcurrentCheckpoints?: number
  readonly toleratedCheckpointFailures?: number
  readonly retainCheckpoints?: number
  readonly cleanupCheckpoints?: 'never' | 'finished' | 'ended'
  readonly restartStrategy?: 'exponential' | 'fixed' | 'failure-rate' | 'none'
  readonly restartAttempts?: number
  readonly restartDelay?: string
  readonly restartMaxDelay?: string
  readonly restartBackoff?: number
  readonly restartJitter?: number
  readonly restartResetThreshold?: string
  readonly restartMaxFailures?: number
  readonly restartFailureInterval?: string
  readonly standby?: boolean
  readonly memory?: string
  readonly watchdogTimeout?: string
  readonly metrics?: 'none' | 'cloudwatch'
  readonly metricsNamespace?: string
  readonly metricsInterval?: string
  readonly metricsLevel?: 'application' | 'task' | 'operator' | 'parallelism'
  readonly metricsMaxSeries?: number
  /** Takes a last checkpoint and stops the job. */
  readonly signal?: AbortSignal
  /** What the job prints, warns and reaches; called on the main thread. */
  readonly events?: Partial<JobEvents>
}

/**
 * Runs a job file on threads of this process, as `runtime submit` does, and resolves with what `--json` would print. Never rejects: what
 * went wrong is in the report. Prints nothing: lines of the job go to `events.print`.
 */
export async function submitJob(jobFile: string, options: SubmitOptions = {}): Promise<JobReport> {
  const start = performance.now()
  const elapsedMs = (): number => Math.round(performance.now() - start)
  const { signal, events, ...given } = options
  try {
    const outcome = await submit(jobFile, resolveOptions(flagsOf(given), {}), {
      elapsedMs,
      loaded: () => {},
      watch: () => ({
        events: { ...silentEvents, ...events },
        warn: (message) => events?.warn?.('', message),
        note: () => {},
        standsBy: () => {},
        signal,
        running: (suspend) => {
          if (signal?.aborted === true) suspend()
          else signal?.addEventListener('abort', suspend, { once: true })
        },
      }),
    })
    return outcome.report
  } catch (error) {
    return earlyOutcome(error, options.jobId ?? null, elapsedMs()).report
  }
}

function flagsOf(given: Readonly<Record<string, unknown>>): GivenFlags {
  const flags: Record<string, readonly string[]> = {}
  for (const [name, value] of Object.entries(given)) {
    const spec = Object.values(OPTIONS).find((one) => fileName(one) === name)
    if (spec === undefined) {
      const hint = `there are ${Object.values(OPTIONS).map(fileName).join(', ')}`
      throw new MillraceError('MILLRACE_USAGE', `unknown option "${name}"`, { hint })
    }
    if (value === undefined) continue
    flags[spec.key] = spec.pairs
      ? Object.entries(value as object).map(([key, text]) => `${key}=${String(text)}`)
      : [`${value as string}`]
  }
  return flags
}
