/*
 * Parking on shared memory: one word a slot, each on its own cache line.
 *
 *   sleeper: store PARKED -> look at inputs -> waitAsync while PARKED        waker: publish -> load the word
 *                                                                                   PARKED? -> RUNNING, notify
 *
 * No wake-up is lost. All these accesses are atomic, hence in one order that all threads agree on. If the waker's load
 * comes after the sleeper's store it sees PARKED and wakes; if it comes before, its publication does too, and the
 * sleeper's look finds it. A wake between the look and waitAsync has set RUNNING, so waitAsync does not sleep.
 */
import type { Parker, Waker } from './parking.js'

const RUNNING = 0
const PARKED = 1
const WORDS_PER_SLOT = 16
const MAX_TIMER_MS = 0x7fffffff

/** What parking does to shared memory; the model check supplies another one. `index` counts 32-bit words. */
export interface ParkingMemory {
  load(index: number): number
  store(index: number, value: number): void
  compareExchange(index: number, expected: number, value: number): number
  notify(index: number): void
  waitAsync(index: number, expected: number): { async: false } | { async: true; value: Promise<unknown> }
}

/** The words of `slots` slots. Post it to all threads, the main thread's included. */
export function createParking(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(slots * WORDS_PER_SLOT * 4)
}

/** This thread's view of the words. */
export function openParking(words: SharedArrayBuffer): ParkingMemory {
  const ints = new Int32Array(words)
  return {
    load: (index) => Atomics.load(ints, index),
    store: (index, value) => void Atomics.store(ints, index, value),
    compareExchange: (index, expected, value) => Atomics.compareExchange(ints, index, expected, value),
    notify: (index) => void Atomics.notify(ints, index),
    waitAsync: (index, expected) => (Atomics as unknown as WithWaitAsync).waitAsync(ints, index, expected),
  }
}

/** In the runtime since Node 16; in TypeScript's library from ES2024. */
interface WithWaitAsync {
  waitAsync(ints: Int32Array, index: number, value: number): { async: false } | { async: true; value: Promise<unknown> }
}

/** Wakes slots of the same job. Who queues work in another way, a message or finished I/O, calls it after queueing. */
export class AtomicsWaker implements Waker {
  private readonly memory: ParkingMemory

  constructor(memory: ParkingMemory) {
    this.memory = memory
  }

  wake(slot: number): void {
    const index = slot * WORDS_PER_SLOT
    if (this.memory.load(index) !== PARKED) return
    if (this.memory.compareExchange(index, PARKED, RUNNING) === PARKED) this.memory.notify(index)
  }
}

/**
 * The sleep of one slot, without blocking its thread: ports and I/O go on. A sleep without timeout does not keep the
 * thread alive, its port must. The timeout is a timer of the thread: one given to waitAsync outlives the wake-up.
 */
export class AtomicsParker implements Parker {
  private readonly memory: ParkingMemory
  private readonly slot: number
  private readonly self: AtomicsWaker

  constructor(memory: ParkingMemory, slot: number) {
    this.memory = memory
    this.slot = slot
    this.self = new AtomicsWaker(memory)
  }

  prepare(): void {
    this.memory.store(this.slot * WORDS_PER_SLOT, PARKED)
  }

  cancel(): void {
    this.memory.store(this.slot * WORDS_PER_SLOT, RUNNING)
  }

  async park(timeoutMs: number): Promise<void> {
    const wait = this.memory.waitAsync(this.slot * WORDS_PER_SLOT, PARKED)
    if (!wait.async) return
    const timer =
      timeoutMs === Infinity
        ? undefined
        : setTimeout(() => this.self.wake(this.slot), Math.min(timeoutMs, MAX_TIMER_MS))
    await wait.value
    clearTimeout(timer)
    this.cancel()
  }
}
