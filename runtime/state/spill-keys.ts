/*
 * Keys in the spill store:
 *
 *   1 | key group (u16) | row key                         an entry: see spill-blob.ts
 *   2 + kind | time (as a key) | key group | row key      an entry that has a timer of that time, and none before it
 */
import { encodeKey } from '../codec/key-codec.js'
import type { KeyDecoder } from '../codec/key-decoder.js'
import type { Key } from '../contract/key.js'
import type { TimerKind } from './entry-timers.js'
import { HASH_BYTES } from './row-buffer.js'

const ENTRY = 1
const TIMER = 2
const TIME_BYTES = 9

/** An entry's address outside memory. */
export interface SpilledAddress {
  readonly keyGroup: number
  readonly rowKey: Uint8Array
}

/** The key of an entry. */
export function entryKey(keyGroup: number, rowKey: Uint8Array): Uint8Array {
  const key = new Uint8Array(3 + rowKey.length)
  key[0] = ENTRY
  key[1] = keyGroup >>> 8
  key[2] = keyGroup
  key.set(rowKey, 3)
  return key
}

/** The key of a timer of an entry. */
export function timerKey(kind: TimerKind, time: number, keyGroup: number, rowKey: Uint8Array): Uint8Array {
  const key = new Uint8Array(1 + TIME_BYTES + 2 + rowKey.length)
  key[0] = TIMER + kind
  encodeKey(time, key, 1)
  key[1 + TIME_BYTES] = keyGroup >>> 8
  key[2 + TIME_BYTES] = keyGroup
  key.set(rowKey, 3 + TIME_BYTES)
  return key
}

/** The range of all timers of a kind. */
export function timerRange(kind: TimerKind): readonly [Uint8Array, Uint8Array] {
  return [Uint8Array.of(TIMER + kind), Uint8Array.of(TIMER + kind + 1)]
}

/** The range of all entries. */
export function entryRange(): readonly [Uint8Array, Uint8Array] {
  return [Uint8Array.of(ENTRY), Uint8Array.of(ENTRY + 1)]
}

/** The time of a timer's key. */
export function timeOf(decoder: KeyDecoder, timer: Uint8Array): number {
  return decoder.decode(timer, 1) as number
}

/** The entry of a timer's key. */
export function addressOf(timer: Uint8Array): SpilledAddress {
  const at = 1 + TIME_BYTES
  return { keyGroup: (timer[at]! << 8) | timer[at + 1]!, rowKey: timer.slice(at + 2) }
}

/** The key that a row key holds. */
export function keyOf(decoder: KeyDecoder, rowKey: Uint8Array): Key {
  return decoder.decode(rowKey, HASH_BYTES)
}
