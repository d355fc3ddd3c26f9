import type { ResolvedOptions } from '../../config/resolve-options.js'
import { serializeError } from '../contract/errors.js'
import { earlyReport, reportFailure, totalsOf, type SubmitOutcome } from './job-report.js'
import { loadJob, prepareJob, type PreparedJob } from './prepare-job.js'
import { Redactor } from './redactor.js'
import type { RunHooks } from './run-hooks.js'
import { runJob } from './run-job.js'

/** Who watches a submit. */
export interface SubmitHost {
  /** The file is bundled and imported; `warnings` are the bundler's. */
  readonly loaded: (warnings: readonly string[]) => Promise<void> | void
  /** The job is prepared: whoever watches it from now on. */
  readonly watch: (prepared: PreparedJob) => RunHooks
  /** Milliseconds since the submit began. */
  readonly elapsedMs: () => number
}

/** Runs a job file from its bundling to its end in this process. Never rejects: what went wrong is in the report. */
export async function submit(jobFile: string, resolved: ResolvedOptions, host: SubmitHost): Promise<SubmitOutcome> {
  let jobId = resolved.values.jobId ?? null
  const redactor = new Redactor()
  try {
    const loaded = await loadJob(jobFile)
    await host.loaded(loaded.bundle.warnings)
    const prepared = await prepareJob(loaded, resolved, redactor)
    jobId = prepared.jobId
    const result = await runJob(prepared, resolved, discreet(host.watch(prepared), redactor), redactor)
    const { invalidRecords, ...totals } = totalsOf(result.counters, prepared.graph)
    const error = result.failure?.error
    return withoutSecrets(redactor, {
      report: {
        job: jobId,
        status: result.status,
        ...totals,
        checkpoints: result.checkpoints,
        restoredFrom: result.restoredFrom ?? null,
        durationMs: host.elapsedMs(),
        failure: error === undefined ? null : reportFailure(error),
      },
      error,
      uid: result.failure?.uid,
      invalidRecords,
    })
  } catch (error) {
    return withoutSecrets(redactor, earlyOutcome(error, jobId, host.elapsedMs()))
  }
}

function withoutSecrets(redactor: Redactor, outcome: SubmitOutcome): SubmitOutcome {
  const { report, error } = outcome
  if (error === undefined || report.failure === null) return outcome
  const failure = { ...report.failure, message: redactor.text(report.failure.message) }
  return { ...outcome, report: { ...report, failure }, error: redactor.error(error) }
}

/** Nothing of what the job tells shows a secret. */
function discreet(hooks: RunHooks, redactor: Redactor): RunHooks {
  return {
    events: redactor.events(hooks.events),
    running: hooks.running,
    standsBy: hooks.standsBy,
    signal: hooks.signal,
    warn: (message) => hooks.warn(redactor.text(message)),
    note: (message) => hooks.note(redactor.text(message)),
  }
}

/** The outcome of what ended before the job ran. */
export function earlyOutcome(error: unknown, jobId: string | null, elapsedMs: number): SubmitOutcome {
  const serialized = serializeError(error, 'MILLRACE_INTERNAL')
  return { report: earlyReport(error, jobId, elapsedMs), error: serialized, uid: undefined, invalidRecords: 0 }
}
