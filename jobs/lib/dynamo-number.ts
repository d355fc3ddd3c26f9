/** An exact decimal: `digits / 10 ** scale`. */
export interface Decimal {
  readonly digits: bigint
  /** 0 or more. */
  readonly scale: number
}

/** A number of DynamoDB keeps this many significant digits. */
const MAX_DIGITS = 38
/** Its magnitude, unless it is zero, is 1E-130 or more and below 1E+126. */
const MIN_EXPONENT = -130
const MAX_EXPONENT = 125
/** So the last digit of the smallest number stands at this place behind the point. */
export const MAX_SCALE: number = MAX_DIGITS - 1 - MIN_EXPONENT

/** Short ones are certainly in range. */
const PLAIN = /^-?\d{1,15}(?:\.\d{1,15})?$/
const NUMBER = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))(?:[eE]([+-]?\d+))?$/

/**
 * Whether a text is a number as an `N` attribute of DynamoDB holds it: decimal digits with an optional sign, point and exponent, at most
 * 38 significant digits, a magnitude from 1E-130 to 9.99...E+125. Zeros at either end are not significant. No white space.
 */
export function isDynamoNumber(text: string): boolean {
  return PLAIN.test(text) || parseDynamoNumber(text) !== undefined
}

/** The value of such a text; undefined if it is none. See {@link isDynamoNumber}. */
export function parseDynamoNumber(text: string): Decimal | undefined {
  const match = NUMBER.exec(text)
  if (match === null) return undefined
  const [, sign, whole = '', behindWhole = '', bareFraction = '', exponent = '0'] = match
  const fraction = behindWhole + bareFraction
  const written = whole + fraction
  const first = firstSignificant(written)
  if (first === written.length) return { digits: 0n, scale: 0 }
  const end = lastSignificant(written) + 1
  if (end - first > MAX_DIGITS) return undefined
  // The value is digits * 10 ** power.
  const power = Number(exponent) - fraction.length + (written.length - end)
  const leading = power + (end - first) - 1
  if (!(leading >= MIN_EXPONENT && leading <= MAX_EXPONENT)) return undefined
  const digits = BigInt(sign === '-' ? `-${written.slice(first, end)}` : written.slice(first, end))
  return power < 0 ? { digits, scale: -power } : { digits: digits * 10n ** BigInt(power), scale: 0 }
}

function firstSignificant(digits: string): number {
  let at = 0
  while (at < digits.length && digits[at] === '0') at++
  return at
}

function lastSignificant(digits: string): number {
  let at = digits.length - 1
  while (digits[at] === '0') at--
  return at
}
