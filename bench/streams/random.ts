// Invariant: every value is a pure function of (index, salt), in 32-bit integer arithmetic, so a stream is the same
// however its indices are dealt to subtasks, and any record can be made again after a restore.

/** Event time of index 0, epoch milliseconds; a multiple of 60,000, so minute windows start on it. */
export const BASE_TIME = 1_700_000_040_000

/** Salts: one independent random sequence for each use. Signed, as all 32-bit values here are. */
export const KEY_SALT: number = 0x1b873593 | 0
export const JITTER_SALT: number = 0xcc9e2d51 | 0
export const VALUE_SALT: number = 0x38b34ae5 | 0
export const EXTRA_SALT: number = 0xa1e38b93 | 0

/** Scrambles a 32-bit integer, one to one: xor-shifts and two odd multipliers. Result signed. */
export function mix32(x: number): number {
  x ^= x >>> 16
  x = Math.imul(x, 0x21f0aaad)
  x ^= x >>> 15
  x = Math.imul(x, 0x735a2d97)
  return x ^ (x >>> 15)
}

/** The random 32-bit integer of `index` (its low 32 bits count) in the sequence of `salt`. Signed. */
export function rnd(index: number, salt: number): number {
  return mix32(Math.imul(index, 0x9e3779b1) ^ salt)
}

/** A 32-bit integer, read as unsigned, brought into 0 .. limit - 1. */
export function below(random: number, limit: number): number {
  return (random >>> 0) % limit
}

/** How far the record of `index` lags behind its place in time: 0 .. disorderMs - 1 milliseconds. */
export function jitter(index: number, disorderMs: number): number {
  return below(rnd(index, JITTER_SALT), disorderMs)
}
