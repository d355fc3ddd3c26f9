import { types } from 'node:util'
import { MillraceError } from '../contract/errors.js'
import { MAX_VALUE_DEPTH } from './value-codec.js'

/** What the writer throws at a value that it cannot write, before the path is known. Never leaves the codec. */
export const REFUSED: Error = new Error('not a value')

const HINT =
  'values that cross a thread or enter state are undefined, null, booleans, numbers, bigints, strings, Uint8Array, Date, ' +
  'arrays without holes, plain objects, Map and Set of these; turn anything else into one of them first'

/**
 * The error (MILLRACE_VALUE) for a value that was refused: walks it again and names the path and what stands there.
 * Another `error`, of a getter that threw, is returned as it is.
 */
export function explainRefusal(root: unknown, error: unknown): unknown {
  const found = search(root, '$', [])
  if (found === undefined && error !== REFUSED) return error
  return new MillraceError('MILLRACE_VALUE', `not a value: ${found ?? '$ changed while it was written'}`, {
    hint: HINT,
  })
}

type Ancestors = readonly { readonly value: object; readonly path: string }[]

function search(value: unknown, path: string, ancestors: Ancestors): string | undefined {
  if (typeof value === 'function') return `${path} is a function${value.name === '' ? '' : ` (${value.name})`}`
  if (typeof value === 'symbol') return `${path} is a symbol (${String(value)})`
  if (typeof value !== 'object' || value === null) return undefined
  const same = ancestors.find((ancestor) => ancestor.value === value)
  if (same !== undefined) return `${path} refers back to ${same.path}`
  if (ancestors.length === MAX_VALUE_DEPTH) return `${shorten(path)} is nested deeper than ${MAX_VALUE_DEPTH} levels`
  const inside: Ancestors = [...ancestors, { value, path }]
  switch (Object.getPrototypeOf(value)) {
    case Object.prototype:
    case null:
      return searchFields(value, path, inside)
    case Array.prototype:
      return Array.isArray(value) ? searchArray(value, path, inside) : `${path} is ${typeName(value)}`
    case Map.prototype:
      return types.isMap(value) ? searchMap(value, path, inside) : `${path} is ${typeName(value)}`
    case Set.prototype:
      return types.isSet(value) ? searchSet(value, path, inside) : `${path} is ${typeName(value)}`
    case Date.prototype:
      return types.isDate(value) ? undefined : `${path} is ${typeName(value)}`
    case Uint8Array.prototype:
    case Buffer.prototype:
      return types.isUint8Array(value) ? undefined : `${path} is ${typeName(value)}`
    default:
      return `${path} is ${typeName(value)}`
  }
}

function searchFields(value: object, path: string, inside: Ancestors): string | undefined {
  for (const key of Object.keys(value)) {
    const found = search((value as Record<string, unknown>)[key], path + field(key), inside)
    if (found !== undefined) return found
  }
  return undefined
}

function searchArray(value: readonly unknown[], path: string, inside: Ancestors): string | undefined {
  if ((value as Partial<RegExpMatchArray>).index !== undefined) {
    return `${path} is the result of a regular expression's match (copy what you need of it)`
  }
  for (let i = 0; i < value.length; i++) {
    if (!Object.hasOwn(value, i)) return `${path}[${i}] is a hole in an array`
    const found = search(value[i], `${path}[${i}]`, inside)
    if (found !== undefined) return found
  }
  return undefined
}

function searchMap(value: ReadonlyMap<unknown, unknown>, path: string, inside: Ancestors): string | undefined {
  let index = 0
  for (const [key, entry] of value) {
    const found =
      search(key, `${path}.keys[${index}]`, inside) ?? search(entry, `${path}.get(${literal(key, index)})`, inside)
    if (found !== undefined) return found
    index++
  }
  return undefined
}

function searchSet(value: ReadonlySet<unknown>, path: string, inside: Ancestors): string | undefined {
  let index = 0
  for (const element of value) {
    const found = search(element, `${path}.values[${index++}]`, inside)
    if (found !== undefined) return found
  }
  return undefined
}

function field(key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}

function literal(key: unknown, index: number): string {
  if (typeof key === 'string') return JSON.stringify(key)
  return typeof key === 'object' && key !== null ? `key ${index}` : String(key)
}

function typeName(value: object): string {
  const name: unknown = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null)?.constructor?.name
  return typeof name === 'string' && name !== '' ? `an object of class ${name}` : 'an object of an unknown class'
}

function shorten(path: string): string {
  return path.length > 80 ? `${path.slice(0, 77)}...` : path
}
