// One pass over the line, left to right, without going back: hostile lines cost no more than others.
//
//   host ident user [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 1234 "referrer" "user agent"

/** A request as a web server logs it. Texts are as they stand in the log: `\"` and `\xe4` stay escaped. */
export interface LoggedRequest {
  readonly ip: string
  /** Epoch milliseconds. */
  readonly time: number
  /** `GET /index.html HTTP/1.1`, or whatever the client sent. */
  readonly request: string
  readonly status: number
  readonly userAgent: string
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const TIME = /^(\d\d)\/([A-Z][a-z][a-z])\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const STATUS_AND_BYTES = /^ (\d{3}) (?:\d+|-) "$/

/** A line of the combined log format; undefined unless all of it is (a carriage return may end it). */
export function parseCombined(line: string): LoggedRequest | undefined {
  const ipEnd = wordEnd(line, 0)
  const identEnd = wordEnd(line, ipEnd + 1)
  const userEnd = wordEnd(line, identEnd + 1)
  if (ipEnd < 0 || identEnd < 0 || userEnd < 0 || line[userEnd + 1] !== '[') return undefined

  const timeEnd = line.indexOf(']', userEnd)
  if (timeEnd < 0 || !line.startsWith('] "', timeEnd)) return undefined
  const time = parseLogTime(line.slice(userEnd + 2, timeEnd))
  if (time === undefined) return undefined

  const requestEnd = quotedEnd(line, timeEnd + 3)
  const referrer = requestEnd < 0 ? -1 : line.indexOf('"', requestEnd + 1) + 1
  if (referrer <= 0) return undefined
  const status = STATUS_AND_BYTES.exec(line.slice(requestEnd + 1, referrer))?.[1]
  if (status === undefined) return undefined

  const referrerEnd = quotedEnd(line, referrer)
  if (referrerEnd < 0 || !line.startsWith('" "', referrerEnd)) return undefined
  const userAgentEnd = quotedEnd(line, referrerEnd + 3)
  if (userAgentEnd < 0 || !isEnd(line, userAgentEnd + 1)) return undefined
  return {
    ip: line.slice(0, ipEnd),
    time,
    request: line.slice(timeEnd + 3, requestEnd),
    status: Number(status),
    userAgent: line.slice(referrerEnd + 3, userAgentEnd),
  }
}

/** Epoch milliseconds of `17/May/2015:10:05:03 +0000`; undefined for anything else, the 30th of February too. */
export function parseLogTime(text: string): number | undefined {
  const match = TIME.exec(text)
  if (match === null) return undefined
  const [, day, month = '', year, hour, minute, second, sign, offsetHours, offsetMinutes] = match
  const monthIndex = MONTHS.indexOf(month)
  if (monthIndex < 0 || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return undefined
  const midnight = new Date(0)
  midnight.setUTCFullYear(Number(year), monthIndex, Number(day))
  if (midnight.getUTCMonth() !== monthIndex || midnight.getUTCDate() !== Number(day)) return undefined
  const clock = (Number(hour) * 60 + Number(minute)) * 60 + Number(second)
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60
  return midnight.getTime() + (sign === '-' ? clock + offset : clock - offset) * 1000
}

/** Index of the space behind a word, which has a character or more and no white space, or -1. */
function wordEnd(line: string, from: number): number {
  const end = line.indexOf(' ', from)
  return end > from && !/\s/.test(line.slice(from, end)) ? end : -1
}

/** Index of the quote that ends a quoted text; a backslash takes the next character with it. -1 if nothing does. */
function quotedEnd(line: string, from: number): number {
  for (let i = from; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if (code === QUOTE) return i
    if (code === BACKSLASH) i++
  }
  return -1
}

function isEnd(line: string, at: number): boolean {
  return at === line.length || (at === line.length - 1 && line[at] === '\r')
}
