import { numbered, numberedHeads } from './decimal.js'
import { BASE_TIME, below, jitter, KEY_SALT, rnd, VALUE_SALT } from './random.js'

/** A page seen by one of a million users, one every two milliseconds. */
export interface Impression {
  user: string
  page: number
  ts: number
}

/** How far impressions may be out of order, milliseconds. */
export const IMPRESSION_DISORDER_MS = 5000

const users = numberedHeads('user-')

/** The impression of `index`. */
export function impression(index: number): Impression {
  return {
    user: numbered(users, below(rnd(index, KEY_SALT), 1_000_000)),
    page: below(rnd(index, VALUE_SALT), 500),
    ts: BASE_TIME + 2 * index - jitter(index, IMPRESSION_DISORDER_MS),
  }
}
