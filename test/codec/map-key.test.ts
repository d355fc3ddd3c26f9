import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mapKeyOf } from '../../runtime/codec/map-key.js'
import type { Key } from '../../runtime/contract/key.js'
import { anyKey, sameKey } from './keys.js'

describe('mapKeyOf', () => {
  it('lets a Map tell keys apart exactly as their values do', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (left, right) => {
        expect(new Map([[mapKeyOf(left), 1]]).has(mapKeyOf(right))).toBe(sameKey(left, right))
      }),
      { numRuns: 3000 },
    )
  })

  it('keeps primitives as they are, 0 for -0', () => {
    for (const key of ['', 'turbine-12', '__proto__', 0, 1.5, 7n, true]) expect(mapKeyOf(key)).toBe(key)
    expect(Object.is(mapKeyOf(-0), 0)).toBe(true)
    expect(mapKeyOf([-0])).toBe(mapKeyOf([0]))
  })

  it('gives equal tuples and bytes the same primitive', () => {
    expect(mapKeyOf(['a', 1])).toBe(mapKeyOf(['a', 1]))
    expect(mapKeyOf(new Uint8Array([1, 255]))).toBe(mapKeyOf(Buffer.from([1, 255])))
  })

  it('does not mix up tuples whose texts look alike', () => {
    const keys: Key[] = [
      ['asb'],
      ['as1:b'],
      ['a', 'b'],
      ['ab'],
      ['a', ['b']],
      [['a'], 'b'],
      ['s1:a'],
      [1],
      ['1'],
      [1n],
      [true],
      [false],
      [],
      [[]],
    ]
    expect(new Set(keys.map(mapKeyOf)).size).toBe(keys.length)
  })

  it('refuses what could be mistaken for a tuple, and what is no key', () => {
    for (const value of [mapKeyOf(['a']), NaN, [NaN], undefined, null, {}, [undefined], ['a', {}], Symbol('s')]) {
      expect(() => mapKeyOf(value as Key)).toThrow(expect.objectContaining({ code: 'MILLRACE_KEY' }))
    }
  })
})
