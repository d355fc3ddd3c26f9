/*
 * One key, one byte string, for ever: key groups, shuffles and state on disk depend on these bytes.
 *
 *   10 bytes    escaped, 00                 escaped: 00 -> 01 01, 01 -> 01 02, so content never holds 00 and
 *   20 string   escaped UTF-8, 00           no encoding is the beginning of another one
 *   30 number   f64 big-endian              sign bit flipped; all bits flipped when negative; -0 is 0
 *   40 bigint   80 + n, n bytes big-endian  n < 7f; else ff and n in four bytes; all flipped when negative
 *   50 false, 51 true
 *   60 tuple    its elements' encodings, 00
 *
 * Bytewise order is the order of values within a type (strings by code point, tuples element by element).
 */
import { MillraceError } from '../contract/errors.js'
import type { Key } from '../contract/key.js'
import { encodeBigintKey, bigintKeyLength } from './key-bigint.js'
import { MAX_KEY_DEPTH, refuseDepth, refuseKey, refuseSurrogate } from './key-refusal.js'

/** The first byte of each key's encoding: its type. END closes strings, bytes and tuples. Pinned for ever. */
export const KEY_TAG = {
  END: 0x00,
  BYTES: 0x10,
  STRING: 0x20,
  NUMBER: 0x30,
  BIGINT: 0x40,
  FALSE: 0x50,
  TRUE: 0x51,
  TUPLE: 0x60,
} as const

/** Buffer's methods work on any Uint8Array: no scratch space, no view to allocate. */
const fromBuffer = Buffer.prototype as Buffer

/**
 * Writes the canonical encoding of `key` at `at` and returns its end. `keyLength` tells the room it needs.
 * Throws MILLRACE_KEY for what is no key, MILLRACE_INTERNAL when `into` is too small. Any thread; allocates nothing
 * but for bigints.
 */
export function encodeKey(key: Key, into: Uint8Array, at: number): number {
  const end = encode(key, into, at, 0)
  if (end > into.length) throw tooSmall(into)
  return end
}

/** The exact number of bytes {@link encodeKey} writes. Throws MILLRACE_KEY for what is no key. */
export function keyLength(key: Key): number {
  return lengthOf(key, 0)
}

function encode(key: Key, into: Uint8Array, at: number, depth: number): number {
  switch (typeof key) {
    case 'string':
      return encodeString(key, into, at)
    case 'number':
      return encodeNumber(key, into, at)
    case 'bigint':
      into[at] = KEY_TAG.BIGINT
      return encodeBigintKey(key, into, at + 1)
    case 'boolean':
      into[at] = key ? KEY_TAG.TRUE : KEY_TAG.FALSE
      return at + 1
    case 'object':
      if (Array.isArray(key)) return encodeTuple(key, into, at, depth)
      if (key instanceof Uint8Array) return encodeBytes(key, into, at)
      throw refuseKey(key)
    default:
      throw refuseKey(key)
  }
}

function encodeTuple(key: readonly Key[], into: Uint8Array, at: number, depth: number): number {
  if (depth === MAX_KEY_DEPTH) throw refuseDepth()
  into[at++] = KEY_TAG.TUPLE
  for (let i = 0; i < key.length; i++) at = encode(key[i]!, into, at, depth + 1)
  into[at] = KEY_TAG.END
  return at + 1
}

function encodeNumber(key: number, into: Uint8Array, at: number): number {
  if (Number.isNaN(key)) throw refuseKey(key)
  if (at + 9 > into.length) throw tooSmall(into)
  into[at] = KEY_TAG.NUMBER
  fromBuffer.writeDoubleBE.call(into, key + 0, at + 1) // -0 + 0 is 0
  if (key < 0) for (let i = at + 1; i < at + 9; i++) into[i] = ~into[i]!
  else into[at + 1]! |= 0x80
  return at + 9
}

function encodeBytes(key: Uint8Array, into: Uint8Array, at: number): number {
  into[at++] = KEY_TAG.BYTES
  for (let i = 0; i < key.length; i++) {
    const byte = key[i]!
    if (byte < 2) into[at++] = 1
    into[at++] = byte < 2 ? byte + 1 : byte
  }
  into[at] = KEY_TAG.END
  return at + 1
}

function encodeString(key: string, into: Uint8Array, at: number): number {
  into[at++] = KEY_TAG.STRING
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit < 0x80) {
      if (unit < 2) into[at++] = 1
      into[at++] = unit < 2 ? unit + 1 : unit
    } else if (unit < 0x800) {
      into[at++] = 0xc0 | (unit >> 6)
      into[at++] = 0x80 | (unit & 0x3f)
    } else if (unit < 0xd800 || unit > 0xdfff) {
      into[at++] = 0xe0 | (unit >> 12)
      into[at++] = 0x80 | ((unit >> 6) & 0x3f)
      into[at++] = 0x80 | (unit & 0x3f)
    } else {
      const point = pairAt(key, i++)
      into[at++] = 0xf0 | (point >> 18)
      into[at++] = 0x80 | ((point >> 12) & 0x3f)
      into[at++] = 0x80 | ((point >> 6) & 0x3f)
      into[at++] = 0x80 | (point & 0x3f)
    }
  }
  into[at] = KEY_TAG.END
  return at + 1
}

/** The code point of the surrogate pair at `index`; throws MILLRACE_KEY when there is none. */
export function pairAt(key: string, index: number): number {
  const point = key.codePointAt(index)!
  if (point < 0x10000) throw refuseSurrogate(key, index)
  return point
}

function lengthOf(key: Key, depth: number): number {
  switch (typeof key) {
    case 'string':
      return stringLength(key)
    case 'number':
      if (Number.isNaN(key)) throw refuseKey(key)
      return 9
    case 'bigint':
      return 1 + bigintKeyLength(key)
    case 'boolean':
      return 1
    case 'object':
      if (Array.isArray(key)) return tupleLength(key, depth)
      if (key instanceof Uint8Array) return bytesLength(key)
      throw refuseKey(key)
    default:
      throw refuseKey(key)
  }
}

function tupleLength(key: readonly Key[], depth: number): number {
  if (depth === MAX_KEY_DEPTH) throw refuseDepth()
  let length = 2
  for (let i = 0; i < key.length; i++) length += lengthOf(key[i]!, depth + 1)
  return length
}

function bytesLength(key: Uint8Array): number {
  let length = 2 + key.length
  for (let i = 0; i < key.length; i++) if (key[i]! < 2) length++
  return length
}

function stringLength(key: string): number {
  let length = 2
  for (let i = 0; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit < 0x80) length += unit < 2 ? 2 : 1
    else if (unit < 0x800) length += 2
    else if (unit < 0xd800 || unit > 0xdfff) length += 3
    else {
      pairAt(key, i++)
      length += 4
    }
  }
  return length
}

function tooSmall(into: Uint8Array): MillraceError {
  return new MillraceError('MILLRACE_INTERNAL', `a key does not fit into its buffer of ${into.length} bytes`)
}
