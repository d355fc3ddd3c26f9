import { MillraceError, type ErrorCode } from '../contract/errors.js'

const FRAME = /\(?((?:file:\/\/)?[^\s()]+?\.[cm]?[jt]sx?:\d+:\d+)\)?$/
const ENGINE =
  /node:|[\\/]node_modules[\\/]|[\\/]millrace[\\/]dist[\\/]|[\\/]dist[\\/](?:runtime|operators)[\\/]|[\\/](?:runtime|operators)[\\/][^:]*\.ts:/

/** The first place of a stack that lies in the user's own files, as `file:line:column`; source maps must be on. */
export function userFrame(stack: string | undefined): string | undefined {
  for (const line of stack?.split('\n') ?? []) {
    if (!line.trimStart().startsWith('at ')) continue
    const place = FRAME.exec(line.trim())?.[1]
    if (place !== undefined && !ENGINE.test(line)) return place.replace(/^file:\/\//, '')
  }
  return undefined
}

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
    super(code, message, { cause, ...(at !== undefined ? { at } : {}), ...(hint !== undefined ? { hint } : {}) })
    this.name = 'OperatorFailure'
    this.uid = uid
    if (cause instanceof Error && cause.stack !== undefined) this.stack = cause.stack
  }
}

/** Wraps what an operator threw with its uid and the user's line. */
export function operatorFailure(error: unknown, uid: string): OperatorFailure {
  if (error instanceof OperatorFailure) return error
  if (error instanceof MillraceError) {
    const at = error.at ?? userFrame(error.stack)
    return new OperatorFailure(error.code, uid, `operator "${uid}": ${error.message}`, at, error.hint, error)
  }
  const stack = error instanceof Error ? error.stack : undefined
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return new OperatorFailure('MILLRACE_USER', uid, `operator "${uid}": ${text}`, userFrame(stack), undefined, error)
}
