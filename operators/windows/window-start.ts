import { MillraceError } from '../../runtime/contract/errors.js'
import { atOf, type Place } from '../process/user-function.js'

/**
 * Start of the last window that starts at or before `timestamp`, where windows start every `stepMs` from `offsetMs` on; right for times
 * before the epoch too. Flink: `TimeWindow.getWindowStartWithOffset`.
 */
export function windowStart(timestamp: number, offsetMs: number, stepMs: number): number {
  const remainder = (timestamp - offsetMs) % stepMs
  return remainder < 0 ? timestamp - remainder - stepMs : timestamp - remainder
}

/** Throws for a record that has no event time, or one that is no whole number: it is in no window. */
export function requireTimestamp(timestamp: number, uid: string, place: Place): void {
  if (Number.isSafeInteger(timestamp)) return
  const none = timestamp === -Infinity
  const what = none ? 'a record without event time' : `a record with the event time ${timestamp}`
  throw new MillraceError('MILLRACE_VALUE', `${what} reached the window operator "${uid}"`, {
    hint: none
      ? 'give fromSource() a `timestamp` function and `watermarks`'
      : 'event times are whole milliseconds since the epoch',
    ...atOf(place),
  })
}
