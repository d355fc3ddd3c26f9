import { threeDigits } from './decimal.js'
import { BASE_TIME, below, jitter, KEY_SALT, rnd, VALUE_SALT } from './random.js'

/** A wind turbine's speed; 1,000 turbines, one reading a millisecond. */
export interface Reading {
  turbineId: string
  speed: number
  ts: number
}

/** How far readings may be out of order, milliseconds. */
export const READING_DISORDER_MS = 1000

/** The reading of `index`. */
export function reading(index: number): Reading {
  return {
    turbineId: 'turbine-' + below(rnd(index, KEY_SALT), 1000),
    speed: 10 + below(rnd(index, VALUE_SALT), 51),
    ts: BASE_TIME + index - jitter(index, READING_DISORDER_MS),
  }
}

/** The reading of `index` as a change record's text, without spaces. */
export function readingJson(index: number): string {
  const turbine = below(rnd(index, KEY_SALT), 1000)
  const speed = 10 + below(rnd(index, VALUE_SALT), 51)
  const ts = BASE_TIME + index - jitter(index, READING_DISORDER_MS)
  const seconds = Math.floor(ts / 1000)
  const ms = threeDigits[ts - seconds * 1000]!
  return `{"eventName":"INSERT","dynamodb":{"NewImage":{"deviceID":{"S":"turbine-${turbine}"},"value":{"N":"${speed}"}}},"ts":${seconds}${ms}}`
}
