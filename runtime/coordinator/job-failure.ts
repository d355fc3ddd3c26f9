import type { ErrorCode, SerializedError } from '../contract/errors.js'

/** One failure of an attempt, as it is kept and shown. */
export interface JobFailure {
  readonly error: SerializedError
  readonly uid?: string
  readonly atMs: number
}

/** What failed, for whoever has to mend it. */
export type FailureKind =
  /** The job file, its parameters, its graph, or how it was submitted. */
  | 'job'
  /** A function of the job. */
  | 'user code'
  | 'source'
  | 'sink'
  /** Checkpoint storage: unreachable, slow or full. */
  | 'storage'
  /** What checkpoint storage holds: damaged, or not this job's. */
  | 'checkpoint data'
  /** Checkpoints that could not be completed. */
  | 'checkpoint'
  /** A thread ended: out of memory, `process.exit`. */
  | 'worker'
  /** Another process has the job. */
  | 'fenced'
  /** A fault of Millrace. */
  | 'engine'

interface CodeFacts {
  readonly kind: FailureKind
  /** Whether another attempt may do better: false where the job or its surroundings are wrong, not unlucky. */
  readonly restart: boolean
}

const CODES: Readonly<Record<ErrorCode, CodeFacts>> = {
  MILLRACE_USAGE: { kind: 'job', restart: false },
  MILLRACE_PARAM: { kind: 'job', restart: false },
  MILLRACE_JOB_FILE: { kind: 'job', restart: false },
  MILLRACE_GRAPH: { kind: 'job', restart: false },
  MILLRACE_KEY: { kind: 'user code', restart: true },
  MILLRACE_VALUE: { kind: 'user code', restart: true },
  MILLRACE_USER: { kind: 'user code', restart: true },
  MILLRACE_PROMISE: { kind: 'user code', restart: true },
  MILLRACE_TIMER: { kind: 'user code', restart: true },
  MILLRACE_WORKER: { kind: 'worker', restart: true },
  MILLRACE_MEMORY: { kind: 'worker', restart: true },
  MILLRACE_WATCHDOG: { kind: 'user code', restart: true },
  MILLRACE_INPUT: { kind: 'source', restart: false },
  MILLRACE_OUTPUT: { kind: 'sink', restart: true },
  MILLRACE_STORAGE: { kind: 'storage', restart: true },
  MILLRACE_CORRUPT: { kind: 'checkpoint data', restart: false },
  MILLRACE_FENCED: { kind: 'fenced', restart: false },
  MILLRACE_HELD: { kind: 'fenced', restart: false },
  MILLRACE_RESTORE: { kind: 'checkpoint data', restart: false },
  MILLRACE_CHECKPOINT: { kind: 'checkpoint', restart: true },
  MILLRACE_CONTROL: { kind: 'engine', restart: true },
  MILLRACE_INTERNAL: { kind: 'engine', restart: true },
}

/** What failed. Of a code that only a newer version knows: the engine. */
export function kindOf(error: Pick<SerializedError, 'code'>): FailureKind {
  return CODES[error.code]?.kind ?? 'engine'
}

/** Whether another attempt may do better. An error can say itself that it will not, whatever its code. */
export function mayRestart(error: Pick<SerializedError, 'code' | 'final'>): boolean {
  return error.final !== true && (CODES[error.code]?.restart ?? true)
}
