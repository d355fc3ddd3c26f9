import { field } from './json-field.js'
import { isWellFormed } from './well-formed.js'

/** What every beacon says; its form is written down in `docs/beacons.md`. */
export interface Beacon {
  readonly type: BeaconType
  readonly session: string
  readonly pageImpression: string
  /** Epoch milliseconds. */
  readonly time: number
  readonly url: string
  readonly userAgent: string
}

/** Sent when the navigation starts, when the page has loaded, and when something happens on it. */
export type BeaconType = 'navigation' | 'load' | 'event'

/** Why a line is no beacon; the words are the reason in the invalid output. */
export interface BeaconRefusal {
  readonly reason: string
}

/** The furthest a JavaScript date goes, in milliseconds. */
const MAX_TIME_MS = 8.64e15

/** A line of white space only. */
export function isBlank(line: string): boolean {
  return line.trim() === ''
}

/** The beacon in a line, or what is wrong with it. Fields beyond those of its type are left to others. */
export function parseBeacon(line: string): Beacon | BeaconRefusal {
  const value = parseJson(line)
  return value === undefined ? NOT_JSON : beaconOf(value)
}

/** What a line of JSON says; undefined if it is none. */
export function parseJson(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Of a line that is no JSON. */
export const NOT_JSON: BeaconRefusal = { reason: 'not JSON' }

/** As {@link parseBeacon}, of a line that has been parsed. */
export function beaconOf(beacon: unknown): Beacon | BeaconRefusal {
  const type = field(beacon, 'type')
  if (!isBeaconType(type)) return { reason: 'type is not navigation, load or event' }
  const session = field(beacon, 'session')
  if (!isId(session)) return { reason: 'session is not an id' }
  const pageImpression = field(beacon, 'pageImpression')
  if (!isId(pageImpression)) return { reason: 'pageImpression is not an id' }
  const time = field(beacon, 'time')
  if (!isTime(time)) return { reason: 'time is not a whole number of milliseconds' }
  const url = field(beacon, 'url')
  if (typeof url !== 'string') return { reason: 'url is not a string' }
  const userAgent = field(beacon, 'userAgent')
  if (typeof userAgent !== 'string') return { reason: 'userAgent is not a string' }
  if (type === 'load' && !isTimers(field(beacon, 'timers')))
    return { reason: 'timers is not an object of milliseconds' }
  if (type === 'event' && typeof field(beacon, 'event') !== 'string') return { reason: 'event is not a string' }
  return { type, session, pageImpression, time, url, userAgent }
}

function isBeaconType(value: unknown): value is BeaconType {
  return value === 'navigation' || value === 'load' || value === 'event'
}

/** Text, not empty, of whole characters. */
function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && isWellFormed(value)
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= MAX_TIME_MS
}

function isTimers(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.values(value).every((ms) => typeof ms === 'number' && ms >= 0)
}
