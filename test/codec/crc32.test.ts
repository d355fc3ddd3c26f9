import { describe, expect, it } from 'vitest'
import { crc32 } from '../../runtime/codec/crc32.js'

describe('crc32', () => {
  const digits = Buffer.from('..123456789..')

  it('gives the check value of CRC-32 for a range, unsigned', () => {
    expect(crc32(digits, 2, 11)).toBe(0xcbf43926)
    expect(crc32(new Uint8Array(digits.subarray(2, 11)))).toBe(0xcbf43926)
    expect(crc32(digits, 3, 3)).toBe(0)
  })

  it('continues from the checksum of what came before', () => {
    expect(crc32(digits, 6, 11, crc32(digits, 2, 6))).toBe(0xcbf43926)
  })

  it('differs for any flipped bit', () => {
    const bytes = new Uint8Array(64).fill(7)
    const before = crc32(bytes)
    for (let bit = 0; bit < 512; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      expect(crc32(bytes)).not.toBe(before)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
    }
  })
})
