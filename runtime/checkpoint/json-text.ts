import { MillraceError } from '../contract/errors.js'

/**
 * Readable JSON that alters nothing: -0 stays -0, and what JSON cannot hold (NaN, infinities, undefined, class instances) is MILLRACE_VALUE
 * naming its place, where `JSON.stringify` would write null or leave it out.
 */
export function toJsonText(value: unknown, place: string): string {
  const parts: string[] = []
  write(value, place, '\n', parts)
  return parts.join('')
}

function write(value: unknown, place: string, newline: string, parts: string[]): void {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') {
    parts.push(JSON.stringify(value))
  } else if (typeof value === 'number' && Number.isFinite(value)) {
    parts.push(Object.is(value, -0) ? '-0' : String(value))
  } else if (Array.isArray(value)) {
    writeAll('[', ']', value.length, newline, parts, (i, inner) => write(value[i], `${place}[${i}]`, inner, parts))
  } else if (isRecord(value)) {
    const names = Object.keys(value)
    writeAll('{', '}', names.length, newline, parts, (i, inner) => {
      const name = names[i] as string
      parts.push(JSON.stringify(name), ': ')
      write(value[name], `${place}.${name}`, inner, parts)
    })
  } else {
    const shown = typeof value === 'number' ? String(value) : kindOf(value)
    throw new MillraceError('MILLRACE_VALUE', `${place} is ${shown}, which a manifest cannot hold`, {
      hint: 'positions, committables and enumerator states are strings, finite numbers, booleans, null, arrays and plain objects',
    })
  }
}

function writeAll(
  open: string,
  close: string,
  count: number,
  newline: string,
  parts: string[],
  one: (index: number, newline: string) => void,
): void {
  const inner = `${newline}  `
  parts.push(open)
  for (let i = 0; i < count; i++) {
    parts.push(i === 0 ? inner : `,${inner}`)
    one(i, inner)
  }
  parts.push(count === 0 ? close : newline + close)
}

function kindOf(value: unknown): string {
  return typeof value === 'object'
    ? 'an instance of a class'
    : typeof value === 'undefined'
      ? 'undefined'
      : `a ${typeof value}`
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
