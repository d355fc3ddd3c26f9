/**
 * Shared words by which the main thread sees whether the slots' threads are alive: each counts its event loop's turns, a few a second.
 * Two words a slot: beats, and the thread's id.
 */

/** How often a thread beats. */
export const BEAT_MS = 250

const WORDS = 2

/** Shared memory for so many slots. Main thread. */
export function createPulse(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(slots * WORDS * Int32Array.BYTES_PER_ELEMENT)
}

/** Notes one turn of the thread that hosts the slot. Slot thread. */
export function beat(pulse: SharedArrayBuffer, slot: number, threadId: number): void {
  const words = new Int32Array(pulse)
  Atomics.store(words, slot * WORDS + 1, threadId)
  Atomics.add(words, slot * WORDS, 1)
}

/** Turns so far; 0: the thread has not begun. Main thread. */
export function beatsOf(pulse: SharedArrayBuffer, slot: number): number {
  return Atomics.load(new Int32Array(pulse), slot * WORDS)
}

/** The thread that hosts the slot. Main thread. */
export function threadOf(pulse: SharedArrayBuffer, slot: number): number {
  return Atomics.load(new Int32Array(pulse), slot * WORDS + 1)
}
