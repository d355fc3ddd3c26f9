import fc from 'fast-check'
import type { Key } from '../../runtime/contract/key.js'

/** A key as the vector files write it. */
export type WrittenKey =
  | { readonly string: string }
  | { readonly number: string }
  | { readonly bigint: string }
  | { readonly boolean: boolean }
  | { readonly bytes: string }
  | { readonly tuple: readonly WrittenKey[] }

export function keyFrom(written: WrittenKey): Key {
  if ('string' in written) return written.string
  if ('number' in written) return Number(written.number)
  if ('bigint' in written) return BigInt(written.bigint)
  if ('boolean' in written) return written.boolean
  if ('bytes' in written) return new Uint8Array(Buffer.from(written.bytes, 'hex'))
  return written.tuple.map(keyFrom)
}

/** Keys of every kind, small ones often, so that equal and nearly equal ones meet. */
export const anyKey: fc.Arbitrary<Key> = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string({ unit: fc.constantFrom('\0', '\x01', '\x02', 'a', 'b', 'é', '日', '😀') }),
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true }),
    fc.integer({ min: -3, max: 3 }),
    fc.bigInt(),
    fc.bigInt({ min: -300n, max: 300n }),
    fc.boolean(),
    fc.uint8Array({ maxLength: 5 }),
    fc.array(tie('key'), { maxLength: 3 }),
  ),
})).key

/** Equality of keys, written without the codecs. */
export function sameKey(left: Key, right: Key): boolean {
  if (typeof left !== 'object' || typeof right !== 'object') return left === right
  if (left instanceof Uint8Array || right instanceof Uint8Array) {
    return left instanceof Uint8Array && right instanceof Uint8Array && Buffer.compare(left, right) === 0
  }
  return left.length === right.length && left.every((element, i) => sameKey(element, right[i]!))
}

/** What decoding gives back: 0 for -0. */
export function normalKey(key: Key): Key {
  if (typeof key === 'number') return key + 0
  return Array.isArray(key) ? (key as readonly Key[]).map(normalKey) : key
}
