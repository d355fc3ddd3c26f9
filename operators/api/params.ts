import { BYTES_FORM, parseBytes } from './byte-size.js'
import { DURATION_FORM, parseDuration, type Duration } from './duration.js'
import { LOCATOR_FORM, parseLocator, parseLocators, type Locator } from './locator.js'
import { Param, type ParamOptions, type Unparsable } from './param.js'

/** Bounds of a number, both allowed. */
export interface NumberBounds {
  readonly min?: number
  readonly max?: number
}

/**
 * The parameters a job may declare: a text comes in, a typed value goes to `build`. Without a default a parameter is required, unless it
 * is `.optional()`. Any synchronous Standard Schema (zod, valibot, arktype) may stand in a parameter's place; it is fed the text.
 */
export interface Params {
  /** Any text, the empty one too. */
  string(fallback?: string): Param<string>
  /** A finite decimal number. */
  number(fallback?: number, bounds?: NumberBounds): Param<number>
  /** A whole number up to 2^53 - 1. */
  integer(fallback?: number, bounds?: NumberBounds): Param<number>
  /** `true` or `false`. */
  boolean(fallback?: boolean): Param<boolean>
  /** Milliseconds, given as `500ms`, `5s`, `10m`, `1h` or `1d`. */
  duration(fallback?: Duration): Param<number>
  /** Bytes, given as `1048576`, `64KB` or `512MB`. */
  bytes(fallback?: string): Param<number>
  /** One of the texts listed. */
  oneOf<const T extends string>(choices: readonly T[], fallback?: NoInfer<T>): Param<T>
  /** Where to read: one place or a list, `file:A,file:B`. Hand it to `streamFrom`. */
  source(fallback?: string): Param<readonly Locator[]>
  /** Where to write: one place. Hand it to `sinkFor`. */
  sink(fallback?: string): Param<Locator>
}

/** See {@link Params}. */
export const p: Params = {
  string: (fallback) => new Param(options('string', fallback), (text) => ({ value: text })),
  number: (fallback, bounds) => numberParam('number', 'a number', Number.isFinite, fallback, bounds),
  integer: (fallback, bounds) => numberParam('integer', 'a whole number', Number.isSafeInteger, fallback, bounds),
  boolean: (fallback) =>
    new Param(options('boolean', fallback), (text) => {
      if (text === 'true' || text === 'false') return { value: text === 'true' }
      return { form: 'true or false' }
    }),
  duration: (fallback) =>
    new Param(options('duration', typeof fallback === 'number' ? `${fallback}ms` : fallback), (text) =>
      valueOr(parseDuration(text), `a duration such as ${DURATION_FORM}`),
    ),
  bytes: (fallback) =>
    new Param(options('bytes', fallback), (text) =>
      valueOr(parseBytes(text), `a number of bytes such as ${BYTES_FORM}`),
    ),
  oneOf: <const T extends string>(choices: readonly T[], fallback?: T) =>
    new Param<T>(options(choices.join('|'), fallback), (text) =>
      valueOr(
        choices.find((choice) => choice === text),
        `one of ${choices.join(', ')}`,
      ),
    ),
  source: (fallback) =>
    new Param(options('source', fallback), (text) =>
      valueOr(parseLocators(text), `${LOCATOR_FORM}, or a list file:A,file:B`),
    ),
  sink: (fallback) => new Param(options('sink', fallback), (text) => valueOr(parseLocator(text), LOCATOR_FORM)),
}

function options(type: string, fallback: string | number | boolean | undefined): ParamOptions {
  return fallback === undefined ? { type } : { type, default: String(fallback) }
}

function valueOr<T>(value: T | undefined, form: string): { readonly value: T } | Unparsable {
  return value === undefined ? { form } : { value }
}

function numberParam(
  type: string,
  what: string,
  isGood: (value: number) => boolean,
  fallback: number | undefined,
  { min = -Infinity, max = Infinity }: NumberBounds = {},
): Param<number> {
  const bounds = [...(min === -Infinity ? [] : [`at least ${min}`]), ...(max === Infinity ? [] : [`at most ${max}`])]
  const form = [what, ...bounds].join(', ')
  return new Param(options(type, fallback), (text) => {
    const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : NaN
    return isGood(value) && value >= min && value <= max ? { value } : { form }
  })
}
