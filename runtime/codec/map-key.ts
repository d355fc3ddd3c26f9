import type { Key } from '../contract/key.js'
import { MAX_KEY_DEPTH, refuseDepth, refuseKey, refuseSurrogate } from './key-refusal.js'

/** What {@link mapKeyOf} returns. */
export type MapKey = string | number | bigint | boolean

/** A low surrogate in front: no string that is a key begins with one. */
const COMPOSITE = '\udc00'

/**
 * A primitive that a `Map` can hold in place of the key: equal keys give equal ones, different keys different ones
 * (`Map` tells 1, 1n and '1' apart). Strings, numbers, bigints and booleans are themselves; bytes and tuples become a
 * string that no string key can equal. In memory only, never stored. Throws MILLRACE_KEY for what is no key, but looks
 * for lone surrogates only at the front: `KeyGrouper` has refused the others.
 */
export function mapKeyOf(key: Key): MapKey {
  switch (typeof key) {
    case 'string':
      if (key.length > 0 && (key.charCodeAt(0) & 0xfc00) === 0xdc00) throw refuseSurrogate(key, 0)
      return key
    case 'number':
      if (Number.isNaN(key)) throw refuseKey(key)
      return key + 0 // -0 + 0 is 0
    case 'bigint':
    case 'boolean':
      return key
    default:
      return COMPOSITE + part(key, 0)
  }
}

/** Self-delimiting: a length, or a closing mark that the text before it cannot hold. */
function part(key: Key, depth: number): string {
  switch (typeof key) {
    case 'string':
      return `s${key.length}:${key}`
    case 'number':
      if (Number.isNaN(key)) throw refuseKey(key)
      return `d${key + 0};`
    case 'bigint':
      return `n${key};`
    case 'boolean':
      return key ? 't' : 'f'
    case 'object':
      if (Array.isArray(key)) return tuplePart(key, depth)
      if (key instanceof Uint8Array) return `b${key.length}:${latin1(key)}`
      throw refuseKey(key)
    default:
      throw refuseKey(key)
  }
}

function tuplePart(key: readonly Key[], depth: number): string {
  if (depth === MAX_KEY_DEPTH) throw refuseDepth()
  let text = '('
  for (let i = 0; i < key.length; i++) text += part(key[i]!, depth + 1)
  return `${text})`
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
