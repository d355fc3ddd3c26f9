import { MillraceError } from '../contract/errors.js'

/** How deep tuples may nest in a key: deeper ones are taken for a cycle. */
export const MAX_KEY_DEPTH = 32

const HINT =
  'a key is a string, a number other than NaN, a bigint, a boolean, a Uint8Array, or an array of these; fix what keyBy returns'

/** The error (MILLRACE_KEY) for a value that is no {@link Key}; it names the value. The caller throws it. */
export function refuseKey(value: unknown): MillraceError {
  return new MillraceError('MILLRACE_KEY', `not a key: ${describe(value)}`, { hint: HINT })
}

/** The error for a string with a surrogate that has no partner: UTF-8 cannot tell it from another one. */
export function refuseSurrogate(text: string, index: number): MillraceError {
  const unit = text.charCodeAt(index).toString(16)
  return new MillraceError(
    'MILLRACE_KEY',
    `not a key: ${describe(text)} has a lone surrogate (\\u${unit}) at index ${index}`,
    {
      hint: 'repair the text before keyBy, for example with toWellFormed(), so that equal keys stay equal',
    },
  )
}

/** The error for a tuple deeper than {@link MAX_KEY_DEPTH}. */
export function refuseDepth(): MillraceError {
  const message = `not a key: a tuple nested deeper than ${MAX_KEY_DEPTH} levels, or one that contains itself`
  return new MillraceError('MILLRACE_KEY', message, { hint: HINT })
}

function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}...` : value)
    case 'function':
      return `a function (${value.name || 'anonymous'})`
    case 'object':
      return value === null ? 'null' : describeObject(value)
    default:
      return String(value)
  }
}

function describeObject(value: object): string {
  const type: unknown = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null)?.constructor?.name
  return `an object of type ${typeof type === 'string' && type !== '' ? type : 'unknown'}`
}
