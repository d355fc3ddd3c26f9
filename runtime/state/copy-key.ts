import type { Key } from '../contract/key.js'

/** The key as state keeps it: tuples and bytes copied, -0 as 0, so that later changes of the original do no harm. */
export function copyKey(key: Key): Key {
  if (typeof key === 'number') return key + 0
  if (typeof key !== 'object') return key
  return key instanceof Uint8Array ? new Uint8Array(key) : key.map(copyKey)
}
