import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isDynamoNumber, parseDynamoNumber } from '../../jobs/lib/dynamo-number.js'

const NINES = '9'.repeat(38)

describe('a number of DynamoDB', () => {
  it.each([
    ['0', 0n, 0],
    ['-0', 0n, 0],
    ['0E+999', 0n, 0],
    ['0.000', 0n, 0],
    ['61', 61n, 0],
    ['+61', 61n, 0],
    ['007', 7n, 0],
    ['-12.50', -125n, 1],
    ['12.', 12n, 0],
    ['.5', 5n, 1],
    ['1e2', 100n, 0],
    ['1.5E-3', 15n, 4],
    [NINES, BigInt(NINES), 0],
    [`0.${NINES}`, BigInt(NINES), 38],
    [`${'0'.repeat(50)}1${'0'.repeat(50)}`, 10n ** 50n, 0],
    ['1E-130', 1n, 130],
    [`1.${'0'.repeat(36)}1E-130`, 10n ** 37n + 1n, 167],
    [`9.${'9'.repeat(37)}E+125`, BigInt(NINES) * 10n ** 88n, 0],
  ])('%s', (text, digits, scale) => {
    expect(parseDynamoNumber(text)).toEqual({ digits, scale })
    expect(isDynamoNumber(text)).toBe(true)
  })

  it.each([
    '',
    ' ',
    '.',
    '-',
    'e5',
    '1e',
    '1e+',
    '1.2.3',
    ' 1',
    '1 ',
    '1\n',
    '1_000',
    '1,5',
    '0x10',
    'NaN',
    'Infinity',
    '--1',
    '١',
    `${NINES}9`,
    `1${'0'.repeat(37)}1`,
    '1E+126',
    '10E+125',
    '1E-131',
    '0.9E-130',
    '1E999999999999999999999',
    '1E-999999999999999999999',
  ])('not %j', (text) => {
    expect(parseDynamoNumber(text)).toBeUndefined()
    expect(isDynamoNumber(text)).toBe(false)
  })

  it('has the value of its digits at its scale, however it is written', () => {
    const written = fc.record({
      negative: fc.boolean(),
      digits: fc.bigInt({ min: 1n, max: 10n ** 38n - 1n }),
      point: fc.nat(38),
      exponent: fc.integer({ min: -80, max: 80 }),
      zeros: fc.nat(5),
    })
    fc.assert(
      fc.property(written, ({ negative, digits, point, exponent, zeros }) => {
        const text = String(digits).padStart(point + 1, '0') + '0'.repeat(zeros)
        const at = text.length - zeros - point
        const line = `${negative ? '-' : ''}${text.slice(0, at)}.${text.slice(at)}e${exponent}`
        const number = parseDynamoNumber(line)
        expect(number).toBeDefined()
        const signed = negative ? -digits : digits
        // digits * 10 ** (exponent - point), both sides at scale 200
        expect(number!.digits * 10n ** BigInt(200 - number!.scale)).toBe(signed * 10n ** BigInt(200 + exponent - point))
      }),
    )
  })
})
