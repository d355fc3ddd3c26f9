import { MillraceError } from '../../../runtime/contract/errors.js'

/** Turns values into lines, without the line end. */
export interface LineFormat<T> {
  readonly extension: string
  /** Bytes are written as they are. A value that cannot be one line is MILLRACE_VALUE. */
  toLine(value: T): string | Uint8Array
}

/**
 * One JSON text a line, by `JSON.stringify`: NaN and infinities become null, dates strings. A bigint, a circular object, undefined and
 * functions are MILLRACE_VALUE.
 */
export function jsonLines(): LineFormat<unknown> {
  return { extension: '.jsonl', toLine: toJsonLine }
}

/**
 * Strings, or bytes, as they are. One that holds a line feed would be read back as two lines, and a lone surrogate cannot be written
 * in UTF-8: MILLRACE_VALUE.
 */
export function textLines(): LineFormat<string | Uint8Array> {
  return { extension: '.txt', toLine: toTextLine }
}

/** Strings and bytes as `textLines`, anything else as `jsonLines`: what a sink from a parameter writes. */
export function plainLines(): LineFormat<unknown> {
  return {
    extension: '.jsonl',
    toLine: (value) =>
      typeof value === 'string' || value instanceof Uint8Array ? toTextLine(value) : toJsonLine(value),
  }
}

function toTextLine(value: string | Uint8Array): string | Uint8Array {
  if (typeof value === 'string') {
    if (value.includes('\n'))
      refuse('a text with a line feed cannot be one line', 'write it with jsonLines(), or replace the line feed')
    if (!(value as WellFormed).isWellFormed())
      refuse('a text with a lone surrogate cannot be written in UTF-8', 'write it with jsonLines()')
    return value
  }
  if (!(value instanceof Uint8Array))
    refuse(`textLines() got a value of type ${typeof value}`, 'map it to a string, or write it with jsonLines()')
  if (value.includes(0x0a)) refuse('bytes with a line feed cannot be one line', 'write them as text with jsonLines()')
  return value
}

/** In Node 20, not yet in the compiler's library. */
type WellFormed = string & { isWellFormed(): boolean }

function toJsonLine(value: unknown): string {
  let line: string | undefined
  try {
    line = JSON.stringify(value)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n', 1)[0]! : String(cause)
    throw new MillraceError('MILLRACE_VALUE', `a value cannot be written as JSON: ${why}`, {
      hint: 'map it before the sink: a bigint to a string, a circular object to a tree',
      cause,
    })
  }
  if (line === undefined)
    refuse(
      `a value of type ${typeof value} cannot be written as JSON`,
      'map it to a value or filter it out before the sink',
    )
  return line
}

function refuse(message: string, hint: string): never {
  throw new MillraceError('MILLRACE_VALUE', message, { hint })
}
