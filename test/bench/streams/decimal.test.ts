import { expect, it } from 'vitest'
import { numbered, numberedHeads } from '../../../bench/streams/decimal.js'

it('writes a prefix and any integer below a million as concatenation does', () => {
  const heads = numberedHeads('key-')
  for (const n of [0, 9, 10, 999, 1000, 1001, 1099, 9999, 10_000, 100_000, 123_456, 999_000, 999_999]) {
    expect(numbered(heads, n)).toBe('key-' + n)
  }
})
