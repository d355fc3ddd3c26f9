import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addNumber, emptySum, mergeSums, wholeMean, type DecimalSum } from '../../jobs/lib/decimal-sum.js'

function sumOf(numbers: readonly string[]): DecimalSum {
  const sum = emptySum()
  for (const number of numbers) addNumber(sum, number)
  return sum
}

const meanOf = (...numbers: string[]): bigint => wholeMean(sumOf(numbers))

describe('the whole mean of decimals', () => {
  it('cuts the fraction off, toward zero', () => {
    expect(meanOf('61', '62')).toBe(61n)
    expect(meanOf('61.99')).toBe(61n)
    expect(meanOf('-61.99')).toBe(-61n)
    expect(meanOf('-1', '0')).toBe(0n)
    expect(meanOf('-0')).toBe(0n)
  })

  it('is not off where doubles are', () => {
    expect(meanOf('0.1', '0.2', '0.7')).toBe(0n)
    expect(meanOf('0.1', '0.2', '2.7')).toBe(1n)
    expect(meanOf(...Array.from({ length: 10 }, () => '0.1'), '54')).toBe(5n)
    expect(meanOf('9007199254740993')).toBe(9007199254740993n)
    expect(meanOf('9007199254740991', '9007199254740991', '9007199254740991')).toBe(9007199254740991n)
    expect(meanOf('60.999999999999999999999999999999999999')).toBe(60n)
    expect(meanOf('12345678901234567890', '12345678901234567891')).toBe(12345678901234567890n)
  })

  it('keeps what is small beside what is great', () => {
    expect(meanOf('1E+125', '-1E+125', '3')).toBe(1n)
    expect(meanOf('1E+125', '1E-130', '-1E+125', '3', '-1E-130')).toBe(0n)
    expect(meanOf('1E+125', '-1E+125', '2', '-1E-130')).toBe(0n)
    expect(meanOf('1E+125', '-1E+125', '4.000000000000000000000000000000000001')).toBe(1n)
  })

  it('goes over from short numbers to long ones without losing a digit', () => {
    const numbers = Array.from({ length: 40 }, () => '999999999999999')
    expect(meanOf(...numbers)).toBe(999999999999999n)
    expect(meanOf('999999999999999', '0.0000000000001', '.99999999999999')).toBe(333333333333333n)
    expect(meanOf('-99999999999999', '0.1234567890123')).toBe(-49999999999999n)
  })

  it('is the same in every order and however the sums are merged', () => {
    const number = fc.oneof(
      fc.integer({ min: -100, max: 100 }).map(String),
      fc.tuple(fc.integer({ min: -9999, max: 9999 }), fc.integer({ min: 0, max: 9999 })).map(([a, b]) => `${a}.${b}`),
      fc
        .tuple(fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }), fc.integer({ min: -130, max: 88 }))
        .map(([a, e]) => `${a}E${e}`),
      fc.maxSafeInteger().map(String),
      fc.constantFrom('0.000000000001', '-99999999999999', '999999999999999', '+5', '.25', '7.'),
    )
    fc.assert(
      fc.property(fc.array(fc.array(number, { maxLength: 8 }), { minLength: 1, maxLength: 6 }), (groups) => {
        const numbers = groups.flat()
        fc.pre(numbers.length > 0)
        const merged = emptySum()
        for (const group of [...groups].reverse()) {
          const part = sumOf(group)
          const before = { ...part }
          mergeSums(merged, part)
          expect(part).toEqual(before)
        }
        expect(wholeMean(merged)).toBe(plainMean(numbers))
        expect(wholeMean(sumOf([...numbers].reverse()))).toBe(plainMean(numbers))
      }),
      { numRuns: 300 },
    )
  })
})

/** All numbers as whole multiples of 10 ** -200. */
function plainMean(numbers: readonly string[]): bigint {
  let sum = 0n
  for (const text of numbers) {
    const [mantissa = '', exponent = '0'] = text.split('E')
    const [whole = '', fraction = ''] = mantissa.split('.')
    const sign = whole.startsWith('-') ? -1n : 1n
    sum += sign * BigInt(whole.replace(/[+-]/, '') + fraction) * 10n ** BigInt(200 - fraction.length + Number(exponent))
  }
  return sum / (BigInt(numbers.length) * 10n ** 200n)
}
