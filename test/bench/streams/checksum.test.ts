import { describe, expect, it } from 'vitest'
import { addHash, checksumText, emptyChecksum, fnv1a, fold64, mergeChecksum } from '../../../bench/streams/checksum.js'

const checksumOf = (hashes: number[]): ReturnType<typeof emptyChecksum> => {
  const checksum = emptyChecksum()
  for (const hash of hashes) addHash(checksum, hash)
  return checksum
}

describe('checksum', () => {
  it('is the sum and the xor of the hashes, modulo 2^32', () => {
    expect(checksumText(checksumOf([]))).toBe('0000000000000000')
    expect(checksumText(checksumOf([0x7fffffff, 1]))).toBe('800000007ffffffe')
    expect(checksumText(checksumOf([-1, 2]))).toBe('00000001fffffffd')
  })

  it('does not depend on the order, nor on how records were dealt out', () => {
    const whole = checksumOf([3, -5, 70_000, 0x7fffffff])
    const parts = checksumOf([0x7fffffff, -5])
    mergeChecksum(parts, checksumOf([70_000, 3]))
    expect(parts).toEqual(whole)
  })

  it('sees a record that is there twice or not at all', () => {
    expect(checksumOf([3, 3, 5]).sum).not.toBe(checksumOf([3, 5]).sum)
    expect(checksumOf([0]).count).toBe(1)
  })
})

describe('hashes', () => {
  it('has the published values of FNV-1a', () => {
    expect(fnv1a('') >>> 0).toBe(0x811c9dc5)
    expect(fnv1a('a') >>> 0).toBe(0xe40c292c)
    expect(fnv1a('foobar') >>> 0).toBe(0xbf9cf968)
  })

  it('folds all of an integer beyond 32 bits', () => {
    expect(fold64(0, 5)).not.toBe(fold64(0, 5 + 2 ** 32))
    expect(fold64(0, -1)).not.toBe(fold64(0, 2 ** 32 - 1))
  })
})
