import { hex8 } from './hex.js'
import { mix32 } from './random.js'

/** The 32-bit FNV-1a hash of an ASCII string, signed. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5 | 0
  for (let k = 0; k < text.length; k++) hash = Math.imul(hash ^ text.charCodeAt(k), 0x01000193)
  return hash
}

/** Takes one more 32-bit integer into a hash. */
export function fold(hash: number, x: number): number {
  return mix32(((hash ^ x) + 0x9e3779b9) | 0)
}

/** Takes one more integer of up to 53 bits into a hash: its low 32 bits, then the rest. */
export function fold64(hash: number, x: number): number {
  return fold(fold(hash, x | 0), Math.floor(x / 0x1_0000_0000) | 0)
}

/**
 * What a result amounts to whatever its order: how many records, the sum of their hashes modulo 2^32 and their xor (both
 * signed). Plain data, so that a sink may keep it in its checkpointed state.
 */
export interface Checksum {
  count: number
  sum: number
  xor: number
}

/** The checksum of no records. */
export function emptyChecksum(): Checksum {
  return { count: 0, sum: 0, xor: 0 }
}

/** Takes the hash of one more record into `checksum`, in place. */
export function addHash(checksum: Checksum, hash: number): void {
  checksum.count++
  checksum.sum = (checksum.sum + hash) | 0
  checksum.xor ^= hash
}

/** Takes the records of `other` into `checksum`, in place; `other` stays as it is. */
export function mergeChecksum(checksum: Checksum, other: Checksum): void {
  checksum.count += other.count
  checksum.sum = (checksum.sum + other.sum) | 0
  checksum.xor ^= other.xor
}

/** Sum and xor as sixteen hexadecimal digits: `result_checksum` of a benchmark's line. */
export function checksumText(checksum: Checksum): string {
  return hex8(checksum.sum) + hex8(checksum.xor)
}
