// The sum is exact at every moment: units / 10 ** scale + large / 10 ** MAX_SCALE. Short numbers stay in `units`, a whole number that a
// double holds exactly; what does not fit there goes to `large`.
//
//   "61.25" -> units 6125, scale 2        "1E+100" or an overflow of units -> large
import { MAX_SCALE, parseDynamoNumber } from './dynamo-number.js'

/** The exact sum of decimals, and how many they are. A plain value: it may enter state and be merged. */
export interface DecimalSum {
  units: number
  scale: number
  large: bigint
  count: number
}

const SHORT = 15
const POWERS = Array.from({ length: MAX_SCALE + 1 }, (_, power) => 10n ** BigInt(power))

/** The sum of nothing. */
export function emptySum(): DecimalSum {
  return { units: 0, scale: 0, large: 0n, count: 0 }
}

/** Adds a number, given as {@link parseDynamoNumber} takes it. */
export function addNumber(sum: DecimalSum, text: string): void {
  sum.count++
  const point = text.indexOf('.')
  if (text.length <= SHORT && isPlain(text)) {
    if (point < 0) addUnits(sum, Number(text), 0)
    else addUnits(sum, Number(text.slice(0, point) + text.slice(point + 1)), text.length - point - 1)
    return
  }
  const number = parseDynamoNumber(text)
  if (number === undefined) throw new RangeError(`not a number of DynamoDB: ${text}`)
  sum.large += number.digits * POWERS[MAX_SCALE - number.scale]!
}

/** Adds what `from` has to `into`. */
export function mergeSums(into: DecimalSum, from: DecimalSum): void {
  into.count += from.count
  into.large += from.large
  addUnits(into, from.units, from.scale)
}

/** The mean of one number or more, its fraction cut off: 61.99 is 61, -0.5 is 0. */
export function wholeMean({ units, scale, large, count }: DecimalSum): bigint {
  if (large === 0n) return BigInt(units) / (POWERS[scale]! * BigInt(count))
  return (BigInt(units) * POWERS[MAX_SCALE - scale]! + large) / (POWERS[MAX_SCALE]! * BigInt(count))
}

function addUnits(sum: DecimalSum, units: number, scale: number): void {
  const shared = Math.max(sum.scale, scale)
  const before = sum.units * 10 ** (shared - sum.scale)
  const added = units * 10 ** (shared - scale)
  // A product or sum that is no longer exact is never in the safe range.
  const total = before + added
  if (Number.isSafeInteger(before) && Number.isSafeInteger(added) && Number.isSafeInteger(total)) {
    sum.units = total
    sum.scale = shared
  } else {
    sum.large += BigInt(units) * POWERS[MAX_SCALE - scale]!
  }
}

/** A sign, digits, a point between digits: nothing else. */
function isPlain(text: string): boolean {
  let points = 0
  for (let i = text.charCodeAt(0) === 0x2d ? 1 : 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x2e) points++
    else if (code < 0x30 || code > 0x39) return false
  }
  return points <= 1
}
