import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeKey, keyLength } from '../../runtime/codec/key-codec.js'
import { KeyDecoder } from '../../runtime/codec/key-decoder.js'
import type { Key } from '../../runtime/contract/key.js'
import { anyKey, keyFrom, normalKey, sameKey, type WrittenKey } from './keys.js'
import { readJson } from './read-json.js'

const vectors = readJson<{ keys: { key: WrittenKey; hex: string }[] }>('key-vectors.json').keys

function encoded(key: Key): Buffer {
  const bytes = Buffer.alloc(keyLength(key))
  expect(encodeKey(key, bytes, 0)).toBe(bytes.length)
  return bytes
}

describe('the pinned key vectors', () => {
  it('encode to their bytes', () => {
    for (const { key, hex } of vectors) expect(encoded(keyFrom(key)).toString('hex'), JSON.stringify(key)).toBe(hex)
  })

  it('decode to their keys', () => {
    const decoder = new KeyDecoder()
    for (const { key, hex } of vectors) {
      const bytes = Buffer.from(`eeee${hex}eeee`, 'hex')
      expect(decoder.decode(bytes, 2), JSON.stringify(key)).toStrictEqual(normalKey(keyFrom(key)))
      expect(decoder.end).toBe(bytes.length - 2)
    }
  })
})

describe('encodeKey', () => {
  it('gives equal bytes to equal keys only, and no encoding begins another one', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (left, right) => {
        const [a, b] = [encoded(left), encoded(right)]
        expect(a.equals(b)).toBe(sameKey(left, right))
        if (!a.equals(b)) expect(a.subarray(0, b.length).equals(b) || b.subarray(0, a.length).equals(a)).toBe(false)
      }),
      { numRuns: 2000 },
    )
  })

  it('orders numbers, bigints, strings and bytes of one type as their values', () => {
    const order = (left: Key, right: Key): number => Buffer.compare(encoded(left), encoded(right))
    const check = <T extends Key>(arbitrary: fc.Arbitrary<T>, compare: (left: T, right: T) => number): void =>
      fc.assert(
        fc.property(arbitrary, arbitrary, (left, right) => {
          expect(order(left, right)).toBe(Math.sign(compare(left, right)))
        }),
        { numRuns: 500 },
      )
    check(fc.double({ noNaN: true }), (left, right) => (left < right ? -1 : left > right ? 1 : 0))
    const bigints = fc.oneof(fc.bigInt(), fc.bigInt({ min: -(1n << 1100n), max: 1n << 1100n }))
    check(bigints, (left, right) => (left < right ? -1 : left > right ? 1 : 0))
    check(fc.string({ unit: 'binary' }), (left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
    check(fc.uint8Array({ max: 3 }), (left, right) => Buffer.compare(left, right))
  })

  it('tells 1, 1n, "1", true and [1] apart, and not -0 from 0', () => {
    const keys: Key[] = [1, 1n, '1', true, [1], new Uint8Array([0x31])]
    expect(new Set(keys.map((key) => encoded(key).toString('hex'))).size).toBe(keys.length)
    expect(encoded(-0)).toEqual(encoded(0))
    expect(encoded([-0])).toEqual(encoded([0]))
  })

  it('writes into a plain Uint8Array at any offset and leaves the rest alone', () => {
    const into = new Uint8Array(32).fill(0xee)
    for (const key of ['ab', 1.5, 7n, ['x', 2]] as Key[]) {
      into.fill(0xee)
      const end = encodeKey(key, into, 5)
      expect(Buffer.from(into.subarray(5, end))).toEqual(encoded(key))
      expect([...into.subarray(0, 5), ...into.subarray(end)].every((byte) => byte === 0xee)).toBe(true)
    }
  })

  it('refuses a buffer that is too small instead of losing bytes', () => {
    for (const key of ['turbine-12', 42, 1n << 90n, [1, 2], new Uint8Array(9), true] as Key[]) {
      const small = new Uint8Array(keyLength(key) - 1)
      expect(() => encodeKey(key, small, 0)).toThrow(expect.objectContaining({ code: 'MILLRACE_INTERNAL' }))
    }
  })
})

describe('what is no key', () => {
  const circular: unknown[] = []
  circular.push(circular)
  const refused: [string, unknown, RegExp][] = [
    ['NaN', NaN, /NaN/],
    ['undefined', undefined, /undefined/],
    ['null', null, /null/],
    ['an object', { id: 1 }, /an object of type Object/],
    ['a date', new Date(0), /Date/],
    ['a map', new Map(), /Map/],
    ['a symbol', Symbol('s'), /Symbol\(s\)/],
    ['a function', () => 1, /function/],
    ['undefined in a tuple', ['a', undefined], /undefined/],
    ['a hole in a tuple', new Array<unknown>(2), /undefined/],
    ['NaN in a tuple in a tuple', ['a', [NaN]], /NaN/],
    ['a high surrogate at the end', 'a\ud800', /lone surrogate \(\\ud800\) at index 1/],
    ['surrogates in the wrong order', '\udc00\ud800', /lone surrogate \(\\udc00\) at index 0/],
    ['a lone surrogate in a tuple', ['x', '\ud83d'], /lone surrogate/],
    ['a tuple that contains itself', circular, /contains itself/],
  ]

  it.each(refused)('is refused by name: %s', (_, value, message) => {
    const refusal = expect.objectContaining({ code: 'MILLRACE_KEY', message: expect.stringMatching(message) as string })
    expect(() => encodeKey(value as Key, new Uint8Array(4096), 0)).toThrow(refusal)
    expect(() => keyLength(value as Key)).toThrow(refusal)
  })
})

describe('KeyDecoder', () => {
  it('reads back every key and stops at its end', () => {
    const decoder = new KeyDecoder()
    fc.assert(
      fc.property(anyKey, fc.uint8Array({ maxLength: 4 }), (key, rest) => {
        const bytes = Buffer.concat([encoded(key), rest])
        expect(decoder.decode(bytes, 0)).toStrictEqual(normalKey(key))
        expect(decoder.end).toBe(bytes.length - rest.length)
      }),
      { numRuns: 1000 },
    )
  })

  it('refuses every truncation, and reads nothing past its limit', () => {
    const decoder = new KeyDecoder()
    for (const { hex } of vectors) {
      const bytes = Buffer.from(hex, 'hex')
      for (let to = 0; to < bytes.length; to++) {
        expect(() => decoder.decode(bytes, 0, to)).toThrow(expect.objectContaining({ code: 'MILLRACE_CORRUPT' }))
      }
    }
  })

  it.each([
    ['no type', '0000'],
    ['-0', '307fffffffffffffff'],
    ['NaN', '30fff8000000000000'],
    ['text that is not UTF-8', '20c32800'],
    ['a lone surrogate as UTF-8', '20eda08000'],
    ['an overlong character', '20c18100'],
    ['an escape of nothing', '20010300'],
    ['an escape at the end', '200100'],
    ['a bigint with a leading zero', '4082007f'],
    ['a short bigint in the long form', '40ff000000017f'],
    ['a tuple without an end', '605051'],
    ['tuples without end', '60'.repeat(5000)],
  ])('refuses %s', (_, hex) => {
    const bytes = Buffer.from(hex, 'hex')
    expect(() => new KeyDecoder().decode(bytes, 0)).toThrow(expect.objectContaining({ code: 'MILLRACE_CORRUPT' }))
  })

  it('accepts only bytes that encode again to themselves', () => {
    const decoder = new KeyDecoder()
    const check = (bytes: Uint8Array): void => {
      let key: Key
      try {
        key = decoder.decode(bytes, 0)
      } catch (error) {
        expect(error).toMatchObject({ code: 'MILLRACE_CORRUPT' })
        return
      }
      expect(encoded(key)).toEqual(Buffer.from(bytes.subarray(0, decoder.end)))
    }
    const tag = fc.constantFrom(0x10, 0x20, 0x30, 0x40, 0x50, 0x60)
    fc.assert(
      fc.property(tag, fc.uint8Array({ maxLength: 12 }), (first, rest) => {
        check(new Uint8Array([first, ...rest]))
      }),
      { numRuns: 2000 },
    )
    fc.assert(
      fc.property(anyKey, fc.nat(), fc.integer({ min: 1, max: 255 }), (key, at, flip) => {
        const bytes = encoded(key)
        bytes[at % bytes.length]! ^= flip
        check(bytes)
      }),
      { numRuns: 2000 },
    )
  })
})
