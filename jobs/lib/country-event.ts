import type { LineDecoder } from './decode-lines.js'
import { field } from './json-field.js'
import { isWellFormed } from './well-formed.js'

/** Something that happened in a country: `{"id":17,"country":"Spain","time":1705298400000}`. */
export interface CountryEvent {
  readonly country: string
  /** Epoch milliseconds, where the event says it; a stream's records have the time they came at. */
  readonly time: number | undefined
  /** The line as it came. */
  readonly line: string
}

/** The furthest a JavaScript date goes, in milliseconds. */
const MAX_TIME_MS = 8.64e15

/** What a stream takes as partition key. */
const MAX_NAME = 256

/** Decodes one JSON object a line; blank lines are skipped, fields beyond country and time are left alone. */
export const countryEvent: LineDecoder<CountryEvent> = (line, out) => {
  if (line.trim() === '') return
  let event: unknown
  try {
    event = JSON.parse(line)
  } catch {
    out.invalid('not JSON')
    return
  }
  const country = field(event, 'country')
  const time = field(event, 'time')
  if (typeof country !== 'string' || country === '' || country.length > MAX_NAME || !isWellFormed(country))
    out.invalid('country is no name')
  else if (time !== undefined && !isTime(time)) out.invalid('time is not a whole number of milliseconds')
  else out.emit({ country, time, line })
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= MAX_TIME_MS
}
