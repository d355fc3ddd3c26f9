import type { LineDecoder } from './decode-lines.js'
import { field } from './json-field.js'

/** Decodes an alert of `windTurbine` to what a person reads of it. */
export const alertMessage: LineDecoder<string> = (line, out) => {
  if (line.trim() === '') return
  let alert: unknown
  try {
    alert = JSON.parse(line)
  } catch {
    out.invalid('not JSON')
    return
  }
  const turbineID = field(alert, 'turbineID')
  const start = field(alert, 'windowStart')
  const end = field(alert, 'windowEnd')
  // As it stands in the text: it may have more digits than a number keeps.
  const speed = /"avgSpeed":\s*(-?\d+)\s*[,}]/.exec(line)?.[1]
  if (typeof turbineID !== 'string') out.invalid('turbineID is not a string')
  else if (speed === undefined) out.invalid('avgSpeed is not a whole number')
  else if (!isTime(start) || !isTime(end)) out.invalid('windowStart and windowEnd are not times in milliseconds')
  else out.emit(`Wind turbine ${turbineID} is running at ${speed} mph on average, ${iso(start)} to ${iso(end)}`)
}

/** The furthest a JavaScript date goes, in milliseconds. */
const MAX_TIME_MS = 8.64e15

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= MAX_TIME_MS
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
