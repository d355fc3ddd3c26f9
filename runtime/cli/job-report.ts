import { serializeError, type ErrorCode, type SerializedError } from '../contract/errors.js'
import type { JobGraph } from '../contract/graph.js'
import type { CounterTotals } from '../coordinator/draft.js'

/** How a submit ended. REFUSED: before anything of the job ran. */
export type ReportStatus = 'FINISHED' | 'SUSPENDED' | 'CANCELED' | 'FAILED' | 'REFUSED'

/** What `--json` prints: names and meaning are a contract. */
export interface JobReport {
  /** The job id; null when it was refused before it was known. */
  readonly job: string | null
  readonly status: ReportStatus
  /** Decoded and invalid ones, since the job's first start; consistent with the last checkpoint. */
  readonly recordsIn: number
  /** To all sinks, likewise. */
  readonly recordsOut: number
  readonly lateRecordsDropped: number
  /** Completed by this process. */
  readonly checkpoints: number
  /** Path or URL of the checkpoint that this process went on from. */
  readonly restoredFrom: string | null
  /** Of this process. */
  readonly durationMs: number
  readonly failure: JobReportFailure | null
}

/** The first failure. */
export interface JobReportFailure {
  readonly code: ErrorCode
  readonly message: string
  /** In the user's code, `file:line:column`. */
  readonly at: string | null
}

/** What is known of a submit when it is over. */
export interface SubmitOutcome {
  readonly report: JobReport
  /** Of the failure in the report: with its hint. */
  readonly error: SerializedError | undefined
  readonly uid: string | undefined
  readonly invalidRecords: number
}

/** What a job has done so far, over all its operators. */
export interface JobTotals {
  readonly recordsIn: number
  readonly recordsOut: number
  readonly lateRecordsDropped: number
  readonly invalidRecords: number
}

/** Nothing yet. */
export const NO_TOTALS: JobTotals = { recordsIn: 0, recordsOut: 0, lateRecordsDropped: 0, invalidRecords: 0 }

/** Adds up the counters that the report is made of: of sources what came in, of sinks what went out. */
export function totalsOf(counters: CounterTotals, graph: JobGraph): JobTotals {
  const totals = { ...NO_TOTALS }
  for (const { uid, kind } of graph.nodes) {
    const own = counters[uid]
    if (own === undefined) continue
    if (kind === 'source') totals.recordsIn += own['numRecordsIn'] ?? 0
    if (kind === 'source') totals.invalidRecords += own['numInvalidRecords'] ?? 0
    if (kind === 'sink') totals.recordsOut += own['numRecordsOut'] ?? 0
    totals.lateRecordsDropped += own['numLateRecordsDropped'] ?? 0
  }
  return totals
}

/** The failure as it is reported. */
export function reportFailure(error: SerializedError): JobReportFailure {
  return { code: error.code, message: error.message, at: error.at ?? null }
}

/** The report of a submit that ended before the job ran. */
export function earlyReport(error: unknown, job: string | null, durationMs: number): JobReport {
  const failure = reportFailure(serializeError(error, 'MILLRACE_INTERNAL'))
  const { recordsIn, recordsOut, lateRecordsDropped } = NO_TOTALS
  const status = FAILURES.has(failure.code) ? 'FAILED' : 'REFUSED'
  return {
    job,
    status,
    recordsIn,
    recordsOut,
    lateRecordsDropped,
    checkpoints: 0,
    restoredFrom: null,
    durationMs,
    failure,
  }
}

/** Nothing that the user could have written otherwise. */
const FAILURES: ReadonlySet<ErrorCode> = new Set(['MILLRACE_HELD', 'MILLRACE_FENCED', 'MILLRACE_INTERNAL'] as const)

/** The exit code that says the status. */
export function exitCodeOf(status: ReportStatus): 0 | 1 | 2 | 3 {
  return status === 'REFUSED' ? 2 : status === 'FAILED' ? 1 : status === 'CANCELED' ? 3 : 0
}
