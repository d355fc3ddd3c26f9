/*
 * Which key group a key is in, and which subtask a key group: Flink's MathUtils.murmurHash over Java's
 * Arrays.hashCode of the key's bytes, and Flink's KeyGroupRangeAssignment. State on disk depends on them for ever.
 *
 * groupOf hashes while it encodes: the bytes of `encodeKey` are never stored, and nothing but bigints allocates.
 *   hash = 1; for each byte: hash = 31 * hash + (the byte as a signed one)
 */
import { MillraceError } from '../contract/errors.js'
import type { Key } from '../contract/key.js'
import { bigintKeyLength, encodeBigintKey } from './key-bigint.js'
import { KEY_TAG, pairAt } from './key-codec.js'
import { MAX_KEY_DEPTH, refuseDepth, refuseKey } from './key-refusal.js'

/** Flink's upper bound: above it the arithmetic of ranges would leave 32 bits. */
export const MAX_MAX_PARALLELISM = 32768

/** `Arrays.hashCode(byte[])` of Java over `bytes[from..to)`: a signed 32-bit integer. */
export function hashKeyBytes(bytes: Uint8Array, from: number, to: number): number {
  return hashOn(1, bytes, from, to)
}

/** Flink's `MathUtils.murmurHash(int)`: never negative (the smallest integer becomes 0). */
export function murmurHash(code: number): number {
  code = Math.imul(code, 0xcc9e2d51)
  code = (code << 15) | (code >>> 17)
  code = Math.imul(code, 0x1b873593)
  code = (code << 13) | (code >>> 19)
  code = (Math.imul(code, 5) + 0xe6546b64) ^ 4
  code = Math.imul(code ^ (code >>> 16), 0x85ebca6b)
  code = Math.imul(code ^ (code >>> 13), 0xc2b2ae35)
  code ^= code >>> 16
  if (code >= 0) return code
  return code === -0x80000000 ? 0 : -code
}

/** The key group of one key; where there are many keys, keep a {@link KeyGrouper}. Throws MILLRACE_KEY. */
export function keyGroupOf(key: Key, maxParallelism: number): number {
  return new KeyGrouper(maxParallelism).groupOf(key)
}

/** The subtask that owns `keyGroup`. `0 < parallelism <= maxParallelism` is the caller's to hold. */
export function subtaskOf(keyGroup: number, maxParallelism: number, parallelism: number): number {
  return Math.floor((keyGroup * parallelism) / maxParallelism)
}

/** Key groups of a subtask, both ends included; `last < first` never happens while parallelism <= maxParallelism. */
export interface KeyGroupRange {
  readonly first: number
  readonly last: number
}

/** The key groups that `subtask` owns: Flink's `computeKeyGroupRangeForOperatorIndex`. Throws MILLRACE_USAGE. */
export function keyGroupRange(subtask: number, maxParallelism: number, parallelism: number): KeyGroupRange {
  checkMaxParallelism(maxParallelism)
  if (!Number.isInteger(parallelism) || parallelism < 1 || parallelism > maxParallelism) {
    throw new MillraceError(
      'MILLRACE_USAGE',
      `parallelism ${parallelism} is not in 1..${maxParallelism} (maxParallelism)`,
      {
        hint: 'lower the parallelism; maxParallelism is pinned by the first checkpoint of a job',
      },
    )
  }
  if (!Number.isInteger(subtask) || subtask < 0 || subtask >= parallelism) {
    throw new MillraceError('MILLRACE_INTERNAL', `subtask ${subtask} is not in 0..${parallelism - 1}`)
  }
  return {
    first: Math.floor((subtask * maxParallelism + parallelism - 1) / parallelism),
    last: Math.floor(((subtask + 1) * maxParallelism - 1) / parallelism),
  }
}

/** Finds key groups, with scratch space of its own. One thread at a time. */
export class KeyGrouper {
  readonly maxParallelism: number
  readonly #double = new DataView(new ArrayBuffer(8))
  #bytes = new Uint8Array(32)

  /** Throws MILLRACE_USAGE unless `maxParallelism` is an integer in 1..32768. */
  constructor(maxParallelism: number) {
    checkMaxParallelism(maxParallelism)
    this.maxParallelism = maxParallelism
  }

  /** The key group of `key`, in 0..maxParallelism - 1. Throws MILLRACE_KEY for what is no key. */
  groupOf(key: Key): number {
    return murmurHash(typeof key === 'string' ? hashString(1, key) : this.#hash(1, key, 0)) % this.maxParallelism
  }

  #hash(hash: number, key: Key, depth: number): number {
    switch (typeof key) {
      case 'string':
        return hashString(hash, key)
      case 'number':
        return this.#number(step(hash, KEY_TAG.NUMBER), key)
      case 'bigint':
        return this.#bigint(step(hash, KEY_TAG.BIGINT), key)
      case 'boolean':
        return step(hash, key ? KEY_TAG.TRUE : KEY_TAG.FALSE)
      case 'object':
        if (Array.isArray(key)) return this.#tuple(hash, key, depth)
        if (key instanceof Uint8Array) return hashContent(hash, key)
        throw refuseKey(key)
      default:
        throw refuseKey(key)
    }
  }

  #tuple(hash: number, key: readonly Key[], depth: number): number {
    if (depth === MAX_KEY_DEPTH) throw refuseDepth()
    hash = step(hash, KEY_TAG.TUPLE)
    for (let i = 0; i < key.length; i++) hash = this.#hash(hash, key[i]!, depth + 1)
    return step(hash, KEY_TAG.END)
  }

  #number(hash: number, key: number): number {
    if (Number.isNaN(key)) throw refuseKey(key)
    const double = this.#double
    double.setFloat64(0, key + 0) // -0 + 0 is 0
    let high = double.getInt32(0)
    let low = double.getInt32(4)
    if (key < 0) {
      high = ~high
      low = ~low
    } else high ^= 0x80000000
    return hashWord(hashWord(hash, high), low)
  }

  #bigint(hash: number, key: bigint): number {
    const length = bigintKeyLength(key)
    if (length > this.#bytes.length) this.#bytes = new Uint8Array(2 * length)
    return hashOn(hash, this.#bytes, 0, encodeBigintKey(key, this.#bytes, 0))
  }
}

/** One byte below 0x80 more. */
function step(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0
}

function hashOn(hash: number, bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) hash = (Math.imul(hash, 31) + ((bytes[i]! << 24) >> 24)) | 0
  return hash
}

function hashWord(hash: number, word: number): number {
  hash = (Math.imul(hash, 31) + (word >> 24)) | 0
  hash = (Math.imul(hash, 31) + ((word << 8) >> 24)) | 0
  hash = (Math.imul(hash, 31) + ((word << 16) >> 24)) | 0
  return (Math.imul(hash, 31) + ((word << 24) >> 24)) | 0
}

function hashContent(hash: number, key: Uint8Array): number {
  hash = step(hash, KEY_TAG.BYTES)
  for (let i = 0; i < key.length; i++) {
    const byte = key[i]!
    if (byte < 2) hash = step(hash, 1)
    hash = (Math.imul(hash, 31) + (byte < 2 ? byte + 1 : (byte << 24) >> 24)) | 0
  }
  return step(hash, KEY_TAG.END)
}

/** Four units a step, as the multiplications then need not wait for each other: 31^2 = 961, 31^3, 31^4. */
function hashString(hash: number, key: string): number {
  hash = step(hash, KEY_TAG.STRING)
  let i = 0
  for (const end = key.length - 3; i < end; i += 4) {
    const a = key.charCodeAt(i)
    const b = key.charCodeAt(i + 1)
    const c = key.charCodeAt(i + 2)
    const d = key.charCodeAt(i + 3)
    if ((a | b | c | d) > 0x7f || a < 2 || b < 2 || c < 2 || d < 2) return hashRest(hash, key, i)
    hash = (Math.imul(hash, 923521) + Math.imul(a, 29791) + Math.imul(b, 961) + Math.imul(c, 31) + d) | 0
  }
  return hashRest(hash, key, i)
}

/** A string from `from` on, any unit. Bytes from 0x80 on are signed: less 256. */
function hashRest(hash: number, key: string, from: number): number {
  for (let i = from; i < key.length; i++) {
    const unit = key.charCodeAt(i)
    if (unit < 2) hash = step(step(hash, 1), unit + 1)
    else if (unit < 0x80) hash = step(hash, unit)
    else if (unit < 0x800) hash = trailing(step(hash, (0xc0 | (unit >> 6)) - 256), unit)
    else if (unit < 0xd800 || unit > 0xdfff) {
      hash = trailing(trailing(step(hash, (0xe0 | (unit >> 12)) - 256), unit >> 6), unit)
    } else {
      const point = pairAt(key, i++)
      hash = trailing(step(hash, (0xf0 | (point >> 18)) - 256), point >> 12)
      hash = trailing(trailing(hash, point >> 6), point)
    }
  }
  return step(hash, KEY_TAG.END)
}

function trailing(hash: number, bits: number): number {
  return step(hash, (0x80 | (bits & 0x3f)) - 256)
}

function checkMaxParallelism(maxParallelism: number): void {
  if (Number.isInteger(maxParallelism) && maxParallelism >= 1 && maxParallelism <= MAX_MAX_PARALLELISM) return
  const message = `max parallelism ${maxParallelism} is not an integer in 1..${MAX_MAX_PARALLELISM}`
  throw new MillraceError('MILLRACE_USAGE', message, { hint: 'the default, 128, suits most jobs' })
}
