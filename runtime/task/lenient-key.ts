import { KeyGrouper } from '../codec/key-group.js'
import type { Key } from '../contract/key.js'

/** The key of records that have none: no user's key is like it. */
const UNKEYABLE: Key = ['\u0000millrace unkeyable']

type KeyOf = (value: unknown) => Key

/** A key function that never fails: a record it fails on gets a key by which the receiver knows it. */
export function lenientKey(keyOf: KeyOf): KeyOf {
  const grouper = new KeyGrouper(1)
  return (value) => {
    try {
      const key = keyOf(value)
      grouper.groupOf(key)
      return key
    } catch {
      return UNKEYABLE
    }
  }
}

/** Why a record has no key: throws what its key function throws. */
export function refuseUnkeyable(key: Key, value: unknown, keyOf: KeyOf): void {
  if (Array.isArray(key) && key.length === 1 && key[0] === UNKEYABLE[0 as never])
    new KeyGrouper(1).groupOf(keyOf(value))
}
