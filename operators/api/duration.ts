import { MillraceError } from '../../runtime/contract/errors.js'

/** A length of time: milliseconds, or a number with its unit: `'500ms'`, `'5s'`, `'10m'`, `'1h'`, `'1d'`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** What a duration may look like, for messages. */
export const DURATION_FORM = '500ms, 5s, 10m, 1h or 1d'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of a duration text, whole and not negative; undefined for anything else. A number needs its unit. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim())
  if (match === null) return undefined
  const ms = Number(match[1]) * UNITS[match[2]!]!
  return Number.isSafeInteger(ms) ? ms : undefined
}

/** Milliseconds of a {@link Duration}; `what` names it in the error (MILLRACE_GRAPH). */
export function durationMs(value: Duration, what: string): number {
  const ms = typeof value === 'number' ? value : typeof value === 'string' ? parseDuration(value) : undefined
  if (ms !== undefined && Number.isSafeInteger(ms) && ms >= 0) return ms
  throw new MillraceError('MILLRACE_GRAPH', `${what} is not a duration: ${String(value)}`, {
    hint: `give whole milliseconds, or a text such as ${DURATION_FORM}`,
  })
}

/** As {@link durationMs}, but 0 is refused too. */
export function positiveDurationMs(value: Duration, what: string): number {
  const ms = durationMs(value, what)
  if (ms > 0) return ms
  throw new MillraceError('MILLRACE_GRAPH', `${what} must be longer than 0`)
}
