import type { LineDecoder } from './decode-lines.js'
import { isWellFormed } from './well-formed.js'

/** What a sensor says: `firstName,temp,OK|FAIL|WARN`. */
export interface SensorReading {
  readonly id: string
  /** Whole degrees. */
  readonly currentTemp: number
  readonly status: string
  /** Epoch milliseconds, where the line says it; a stream's records have the time they came at. */
  readonly time: number | undefined
  /** The line as it came. */
  readonly line: string
}

const STATUSES = ['OK', 'FAIL', 'WARN']
/** The furthest a JavaScript date goes, in milliseconds. */
const MAX_TIME_MS = 8.64e15

/** Decodes a line of CSV without quotes; blank lines are skipped. A fourth column is the reading's time: files know none of their own. */
export const sensorReading: LineDecoder<SensorReading> = (line, out) => {
  if (line.trim() === '') return
  const [id = '', temp = '', status = '', time, ...more] = line.split(',')
  if (id === '' || !isWellFormed(id)) out.invalid('the first column is no name')
  else if (!/^[+-]?\d{1,15}$/.test(temp)) out.invalid('the second column is no whole number of degrees')
  else if (!STATUSES.includes(status)) out.invalid('the third column is not OK, FAIL or WARN')
  else if (more.length > 0) out.invalid('more than four columns')
  else if (time !== undefined && !isTime(time)) out.invalid('the fourth column is no time in milliseconds')
  else out.emit({ id, currentTemp: Number(temp), status, time: time === undefined ? undefined : Number(time), line })
}

function isTime(text: string): boolean {
  return /^-?\d{1,16}$/.test(text) && Math.abs(Number(text)) <= MAX_TIME_MS
}
