import { MillraceError, type ErrorCode } from './errors.js'
import { thrownText } from './thrown-text.js'
import { userFrame } from './user-frame.js'

/** An error that names the operator it came from. Already named ones pass through: the innermost operator is the one that failed. */
export class OperatorFailure extends MillraceError {
  readonly uid: string

  constructor(
    code: ErrorCode,
    uid: string,
    message: string,
    at: string | undefined,
    hint: string | undefined,
    cause: unknown,
  ) {
    const final = cause instanceof MillraceError && cause.final === true
    super(code, message, { cause, final, ...(at !== undefined ? { at } : {}), ...(hint !== undefined ? { hint } : {}) })
    this.name = 'OperatorFailure'
    this.uid = uid
    if (cause instanceof Error && cause.stack !== undefined) this.stack = cause.stack
  }
}

/** Wraps what an operator threw with its uid and the user's line; `code` is for what has none. */
export function operatorFailure(error: unknown, uid: string, code: ErrorCode = 'MILLRACE_USER'): OperatorFailure {
  if (error instanceof OperatorFailure) return error
  if (error instanceof MillraceError) {
    const at = error.at ?? userFrame(error.stack)
    return new OperatorFailure(error.code, uid, `operator "${uid}": ${error.message}`, at, error.hint, error)
  }
  const stack = error instanceof Error ? error.stack : undefined
  const text = error instanceof Error ? `${error.name}: ${error.message}` : thrownText(error)
  return new OperatorFailure(code, uid, `operator "${uid}": ${text}`, userFrame(stack), undefined, error)
}
