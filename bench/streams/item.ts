import { numbered, numberedHeads } from './decimal.js'
import { BASE_TIME, below, KEY_SALT, rnd, VALUE_SALT } from './random.js'

/** A record of 100,000 keys, one a millisecond, in order. */
export interface Item {
  key: string
  value: number
  ts: number
}

const keys = numberedHeads('key-')

/** The item of `index`. */
export function item(index: number): Item {
  return {
    key: numbered(keys, below(rnd(index, KEY_SALT), 100_000)),
    value: below(rnd(index, VALUE_SALT), 1_000_000),
    ts: BASE_TIME + index,
  }
}
