/**
 * `check` of a source, sink or operator runs on the main thread before anything of the job does, at each submit: what it reads or writes
 * is there and may be used. Rejects with one clear MillraceError that names the resource (MILLRACE_INPUT, MILLRACE_OUTPUT).
 */
export interface CheckContext {
  readonly uid: string
  readonly jobId: string
  warn(message: string): void
}
