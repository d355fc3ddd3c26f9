/**
 * The shared memory of an attempt, as the coordinator creates it before any slot runs. The main thread may import this file of the
 * exchange and no other: it never touches a record.
 */
export { createParking } from './atomics-parking.js'
export { createRing } from './ring.js'

/** A drift word before the first watermark: -infinity. */
export const DRIFT_LOWEST: bigint = -(2n ** 62n)

/** One 64-bit word per (source, subtask): how far each reader's event time is, see the task's drift table. */
export function createDriftTable(sources: number, parallelism: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(Math.max(1, sources * parallelism) * 8)
  new BigInt64Array(buffer).fill(DRIFT_LOWEST)
  return buffer
}
