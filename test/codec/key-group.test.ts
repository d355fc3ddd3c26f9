import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeKey, keyLength } from '../../runtime/codec/key-codec.js'
import {
  hashKeyBytes,
  KeyGrouper,
  keyGroupOf,
  keyGroupRange,
  murmurHash,
  subtaskOf,
} from '../../runtime/codec/key-group.js'
import type { Key } from '../../runtime/contract/key.js'
import { anyKey, keyFrom, type WrittenKey } from './keys.js'
import { readJson } from './read-json.js'

interface HashVectors {
  readonly bytes: { hex: string; hashCode: number; murmur: number }[]
  readonly codes: { code: number; murmur: number }[]
  readonly ranges: { maxParallelism: number; parallelism: number; subtask: number; first: number; last: number }[]
}

const hashes = readJson<HashVectors>('hash-vectors.json')
const keys = readJson<{ keys: { key: WrittenKey; group128: number; group32768: number }[] }>('key-vectors.json').keys

describe('the hashes of Java and Flink', () => {
  it('hashKeyBytes is Arrays.hashCode, murmurHash is MathUtils.murmurHash', () => {
    for (const { hex, hashCode, murmur } of hashes.bytes) {
      const bytes = Buffer.from(`ab${hex}cd`, 'hex')
      expect(hashKeyBytes(bytes, 1, bytes.length - 1), hex).toBe(hashCode)
      expect(murmurHash(hashCode), hex).toBe(murmur)
    }
  })

  it('murmurHash is never negative, not even for the one code that mixes to the smallest integer', () => {
    for (const { code, murmur } of hashes.codes) expect(murmurHash(code), String(code)).toBe(murmur)
    expect(murmurHash(-2089875627)).toBe(0)
  })

  it('the pinned keys are in their key groups', () => {
    const [small, large] = [new KeyGrouper(128), new KeyGrouper(32768)]
    for (const { key, group128, group32768 } of keys) {
      expect(small.groupOf(keyFrom(key)), JSON.stringify(key)).toBe(group128)
      expect(large.groupOf(keyFrom(key)), JSON.stringify(key)).toBe(group32768)
    }
  })

  it('keyGroupRange gives the ranges of KeyGroupRangeAssignment', () => {
    for (const { maxParallelism, parallelism, subtask, first, last } of hashes.ranges) {
      expect(keyGroupRange(subtask, maxParallelism, parallelism)).toEqual({ first, last })
    }
  })
})

describe('KeyGrouper', () => {
  it('hashes every key as the bytes of its encoding', () => {
    const grouper = new KeyGrouper(32768)
    fc.assert(
      fc.property(anyKey, (key) => {
        const bytes = new Uint8Array(keyLength(key))
        encodeKey(key, bytes, 0)
        const expected = murmurHash(hashKeyBytes(bytes, 0, bytes.length)) % 32768
        expect(grouper.groupOf(key)).toBe(expected)
        expect(keyGroupOf(key, 32768)).toBe(expected)
      }),
      { numRuns: 2000 },
    )
  })

  it('hashes bigints longer than its scratch space', () => {
    const key = 1n << 5000n
    const bytes = new Uint8Array(keyLength(key))
    encodeKey(key, bytes, 0)
    expect(new KeyGrouper(128).groupOf(key)).toBe(murmurHash(hashKeyBytes(bytes, 0, bytes.length)) % 128)
  })

  it('refuses what is no key', () => {
    const grouper = new KeyGrouper(128)
    for (const value of [NaN, undefined, null, {}, 'a\ud800', ['x', '\udc00'], [NaN], Symbol('s')]) {
      expect(() => grouper.groupOf(value as Key)).toThrow(expect.objectContaining({ code: 'MILLRACE_KEY' }))
    }
  })

  it('refuses a max parallelism out of range', () => {
    for (const max of [0, -1, 1.5, NaN, 32769]) {
      expect(() => new KeyGrouper(max)).toThrow(expect.objectContaining({ code: 'MILLRACE_USAGE' }))
    }
  })
})

describe('ranges and subtasks', () => {
  it('each key group belongs to exactly the subtask whose range holds it', () => {
    const sizes = fc
      .integer({ min: 1, max: 300 })
      .chain((max) => fc.tuple(fc.constant(max), fc.integer({ min: 1, max })))
    fc.assert(
      fc.property(sizes, ([max, parallelism]) => {
        let next = 0
        for (let subtask = 0; subtask < parallelism; subtask++) {
          const { first, last } = keyGroupRange(subtask, max, parallelism)
          expect(first).toBe(next)
          for (let group = first; group <= last; group++) expect(subtaskOf(group, max, parallelism)).toBe(subtask)
          next = last + 1
        }
        expect(next).toBe(max)
      }),
    )
  })

  it('refuses a parallelism above the max parallelism, and a subtask outside the parallelism', () => {
    expect(() => keyGroupRange(0, 4, 5)).toThrow(expect.objectContaining({ code: 'MILLRACE_USAGE' }))
    expect(() => keyGroupRange(0, 4, 0)).toThrow(expect.objectContaining({ code: 'MILLRACE_USAGE' }))
    expect(() => keyGroupRange(4, 8, 4)).toThrow(expect.objectContaining({ code: 'MILLRACE_INTERNAL' }))
  })
})
