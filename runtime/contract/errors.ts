import { thrownText } from './thrown-text.js'

/** Stable identifiers of everything Millrace can refuse or fail with; messages may be reworded, codes may not. */
export type ErrorCode =
  | 'MILLRACE_USAGE' // an option or command that does not exist or does not parse
  | 'MILLRACE_PARAM' // a job parameter that is unknown, missing or does not parse
  | 'MILLRACE_JOB_FILE' // job file missing, without package, without default export, syntax error
  | 'MILLRACE_GRAPH' // a graph that cannot run: missing uid, duplicate uid, window on an unkeyed stream...
  | 'MILLRACE_KEY' // a key outside the listed key types
  | 'MILLRACE_VALUE' // a value outside the listed value types, on its way to a thread or to state
  | 'MILLRACE_USER' // user code threw
  | 'MILLRACE_PROMISE' // a synchronous function returned a promise
  | 'MILLRACE_TIMER' // an event timer registered after the end of time
  | 'MILLRACE_WORKER' // a slot's thread ended by itself: process.exit
  | 'MILLRACE_MEMORY' // a slot's heap is full
  | 'MILLRACE_WATCHDOG' // user code kept a slot's thread to itself for too long
  | 'MILLRACE_INPUT' // an input that vanished, shrank, changed or cannot be read
  | 'MILLRACE_OUTPUT' // an output that cannot be written or a committable that cannot be found
  | 'MILLRACE_STORAGE' // checkpoint storage cannot be read or written
  | 'MILLRACE_CORRUPT' // a checkpoint file fails its checksum or is truncated
  | 'MILLRACE_FENCED' // another process took the job over
  | 'MILLRACE_HELD' // the job is held by a live process
  | 'MILLRACE_RESTORE' // a checkpoint that this job cannot be restored from
  | 'MILLRACE_CHECKPOINT' // a checkpoint that could not be completed
  | 'MILLRACE_CONTROL' // a running job that cannot be reached, or does not do what it was told
  | 'MILLRACE_INTERNAL' // a broken invariant of the engine: a bug

/** An error as plain data: what crosses a thread or is printed. `at` is a place in user code, `file:line:column`. */
export interface SerializedError {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
  readonly at?: string
  readonly stack?: string
  readonly final?: true
  readonly cause?: SerializedError
}

/** What an error may say beside its message. */
export interface MillraceErrorOptions {
  readonly hint?: string
  readonly at?: string
  readonly cause?: unknown
  /** No restart can mend it, whatever the code: the same comes of the same records. */
  readonly final?: boolean
}

/** The one error class. `code` is stable, `hint` says what to do. Recognise it by `code`: classes do not survive threads. */
export class MillraceError extends Error {
  readonly code: ErrorCode
  readonly hint?: string
  readonly at?: string
  readonly final?: true

  constructor(code: ErrorCode, message: string, options: MillraceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MillraceError'
    this.code = code
    if (options.hint !== undefined) this.hint = options.hint
    if (options.at !== undefined) this.at = options.at
    if (options.final === true) this.final = true
  }
}

/** The error as data; anything that is not a {@link MillraceError} gets `code` (default `MILLRACE_USER`). */
export function serializeError(error: unknown, code: ErrorCode = 'MILLRACE_USER'): SerializedError {
  if (!(error instanceof Error)) return { code, message: thrownText(error) }
  const own = error as Partial<MillraceError> & Error
  const known = typeof own.code === 'string' && own.code.startsWith('MILLRACE_')
  return {
    code: known ? own.code : code,
    message: own.message,
    ...(known && own.hint !== undefined ? { hint: own.hint } : {}),
    ...(known && own.at !== undefined ? { at: own.at } : {}),
    ...(known && own.final === true ? { final: true } : {}),
    ...(own.stack !== undefined ? { stack: own.stack } : {}),
    ...(own.cause !== undefined ? { cause: serializeError(own.cause, code) } : {}),
  }
}

/** The inverse of {@link serializeError}, on the other side of a thread. */
export function deserializeError(data: SerializedError): MillraceError {
  const error = new MillraceError(data.code, data.message, {
    ...(data.hint !== undefined ? { hint: data.hint } : {}),
    ...(data.at !== undefined ? { at: data.at } : {}),
    ...(data.final === true ? { final: true } : {}),
    ...(data.cause !== undefined ? { cause: deserializeError(data.cause) } : {}),
  })
  if (data.stack !== undefined) error.stack = data.stack
  return error
}
