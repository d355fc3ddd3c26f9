/** How the text of an option becomes its value. `form` says what was expected when `parse` gives undefined. */
export interface ValueType<T> {
  readonly form: string
  readonly parse: (text: string) => T | undefined
}

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const BYTE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** Any text but an empty one. */
export const text: ValueType<string> = { form: 'a text', parse: (given) => (given === '' ? undefined : given) }

/** `true` or `false`, also as `1` and `0`. */
export const flag: ValueType<boolean> = {
  form: 'true or false',
  parse: (given) => ({ true: true, '1': true, false: false, '0': false })[given.toLowerCase()],
}

/** A whole number within bounds, both allowed. */
export function integer(min: number, max: number): ValueType<number> {
  return {
    form: `a whole number from ${min} to ${max}`,
    parse: (given) => {
      const value = /^\d{1,15}$/.test(given) ? Number(given) : NaN
      return value >= min && value <= max ? value : undefined
    },
  }
}

/** A decimal number within bounds, both allowed. */
export function decimal(min: number, max: number): ValueType<number> {
  return {
    form: `a number from ${min} to ${max}, such as 1.5`,
    parse: (given) => {
      const value = /^\d+(?:\.\d+)?$/.test(given) ? Number(given) : NaN
      return value >= min && value <= max ? value : undefined
    },
  }
}

/** Milliseconds of `500ms`, `10s`, `5m`, `1h`, `1d`. */
export const duration: ValueType<number> = {
  form: 'a duration such as 500ms, 10s, 5m or 1h',
  parse: (given) => {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(given.trim())
    const ms = match === null ? NaN : Number(match[1]) * DURATION_UNITS[match[2]!]!
    // Node's timers hold no more.
    return Number.isInteger(ms) && ms < 2 ** 31 ? ms : undefined
  },
}

/** Milliseconds, or Infinity for `none`. */
export const durationOrNone: ValueType<number> = {
  form: `${duration.form}, or none`,
  parse: (given) => (given.trim() === 'none' ? Infinity : duration.parse(given)),
}

/** A duration of at least so many milliseconds, `shown` in words. */
export function durationFrom(min: number, shown: string): ValueType<number> {
  return {
    form: `${duration.form}, at least ${shown}`,
    parse: (given) => {
      const ms = duration.parse(given)
      return ms !== undefined && ms >= min ? ms : undefined
    },
  }
}

/** A namespace of CloudWatch's that is not one of its own. */
export const metricNamespace: ValueType<string> = {
  form: 'at most 255 letters, digits and ".-_/#:", not beginning with "AWS/" or ":"',
  parse: (given) => (/^(?!AWS\/|:)[\w.\-/#:]{1,255}$/.test(given) ? given : undefined),
}

/** Bytes of `512MB`, `1GB` or a plain number, at least `min`; units are powers of 1,024. */
export function bytes(min: number): ValueType<number> {
  return {
    form: `a size such as 512MB or 2GB, at least ${min / 2 ** 20}MB`,
    parse: (given) => {
      const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|b)?$/i.exec(given.trim())
      const value = match === null ? NaN : Number(match[1]) * BYTE_UNITS[(match[2] ?? '').toLowerCase()]!
      return Number.isSafeInteger(value) && value >= min ? value : undefined
    },
  }
}

/** One of the words. */
export function oneOf<const T extends string>(words: readonly T[]): ValueType<T> {
  return { form: `one of ${words.join(', ')}`, parse: (given) => words.find((word) => word === given) }
}

/** A name that is a folder's on every file system: letters, digits, `.`, `_` and `-`, beginning with a letter or digit. */
export const folderName: ValueType<string> = {
  form: 'at most 100 letters, digits, ".", "_" and "-", the first a letter or digit',
  parse: (given) => (/^[A-Za-z0-9](?:[\w.-]{0,98}[\w-])?$/.test(given) ? given : undefined),
}
