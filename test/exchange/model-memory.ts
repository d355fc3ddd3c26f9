/*
 * Shared memory for the model check: every atomic access is one step, after which another thread may go on. A step is made
 * by running the production code from the start of the current operation, giving it the recorded results of the accesses
 * already made, letting it make one more, and stopping it at the next.
 *
 * Accesses to the data area are no steps of their own, they are watched for races: `touched[t]` holds the words that thread
 * t accessed and that the other thread may not touch yet, because it has not loaded an atomic value that t stored later.
 * The watch goes by that order, not by time, so it finds a race in whatever interleaving; and without races nobody can
 * tell when between two atomic accesses the others were made. Only the two positions of the ring count for that order:
 * parking orders accesses too, but the ring must not need it.
 */
import { allocateFrameBytes, type FrameBytes } from '../../runtime/exchange/frame-bytes.js'
import type { ParkingMemory } from '../../runtime/exchange/atomics-parking.js'
import { RING_WORD, type RingMemory } from '../../runtime/exchange/ring.js'

export const CAPACITY = 128
const RING_WORDS = 6
const WORD_STRIDE = 16

/** All that two threads share. Atomic words: the ring's six, then the slots' parking words. */
export interface Shared {
  atomics: number[]
  data: number[]
  asleep: boolean[]
  touched: number[]
  wrote: number[]
  /** Words of the thread that stores a position which the last stored value hands over: WRITTEN, READ. */
  published: number[]
}

export function newShared(start: number, attempt: number): Shared {
  const atomics = new Array<number>(RING_WORDS + 2).fill(0)
  atomics[RING_WORD.WRITTEN / WORD_STRIDE] = start
  atomics[RING_WORD.READ / WORD_STRIDE] = start
  atomics[RING_WORD.ATTEMPT / WORD_STRIDE] = attempt
  return {
    atomics,
    data: new Array<number>(CAPACITY / 4).fill(-1),
    asleep: [false, false],
    touched: [0, 0],
    wrote: [0, 0],
    published: [0, 0],
  }
}

export function cloneShared(shared: Shared): Shared {
  return {
    atomics: [...shared.atomics],
    data: [...shared.data],
    asleep: [...shared.asleep],
    touched: [...shared.touched],
    wrote: [...shared.wrote],
    published: [...shared.published],
  }
}

/** Thrown where a run stops. */
export const SUSPENDED: Error = new Error('suspended')

/** One thread's access to the shared state of the step being made. */
export class ModelMemory implements RingMemory {
  readonly capacity = CAPACITY
  readonly data: FrameBytes = allocateFrameBytes(0)
  readonly parking: ParkingMemory
  readonly thread: number
  /** Whether the last `waitAsync` went to sleep. */
  slept = false
  suspended = false
  /** The access at which the run stopped. */
  nextAccess = ''
  /** Set to check the checker: data is copied only after the store that should publish it. */
  publishesEarly = false
  private shared: Shared = newShared(0, 0)
  private log: number[] = []
  private index = 0
  private stepped = false
  private late: (() => void)[] = []

  constructor(thread: number) {
    this.thread = thread
    this.parking = {
      load: (index) => this.atomicLoad(RING_WORDS + index / WORD_STRIDE),
      store: (index, value) => this.atomicStore(RING_WORDS + index / WORD_STRIDE, value),
      compareExchange: (index, expected, value) => this.exchange(RING_WORDS + index / WORD_STRIDE, expected, value),
      notify: (index) => void this.step(`notify ${index}`, () => this.wakeSleepers(index / WORD_STRIDE)),
      waitAsync: (index, expected) => this.wait(index / WORD_STRIDE, expected),
    }
  }

  /** The next run gets the results in `log` and may make one more access, to `shared`. */
  begin(shared: Shared, log: number[]): void {
    this.shared = shared
    this.log = log
    this.index = 0
    this.stepped = false
    this.suspended = false
    this.slept = false
    this.late = []
  }

  load(word: number): number {
    return this.atomicLoad(word / WORD_STRIDE)
  }

  store(word: number, value: number): void {
    this.atomicStore(word / WORD_STRIDE, value)
    for (const write of this.late) write()
    this.late = []
  }

  getInt(at: number): number {
    return this.plain(() => {
      this.touch(at >> 2, false)
      return this.shared.data[at >> 2]!
    })
  }

  setInt(at: number, value: number): void {
    if (this.publishesEarly) this.late.push(() => this.write(at, value))
    else this.write(at, value)
  }

  copyIn(at: number, source: Uint8Array, from: number, to: number): void {
    const view = new DataView(source.buffer, source.byteOffset, source.byteLength)
    for (let i = from; i < to; i += 4) this.setInt(at + i - from, view.getInt32(i, true))
  }

  copyOut(at: number, length: number, target: Uint8Array, targetAt: number): void {
    const view = new DataView(target.buffer, target.byteOffset, target.byteLength)
    for (let i = 0; i < length; i += 4) view.setInt32(targetAt + i, this.getInt(at + i), true)
  }

  private write(at: number, value: number): void {
    this.plain(() => {
      this.touch(at >> 2, true)
      this.shared.data[at >> 2] = value
      return 0
    })
  }

  private step(name: string, effect: () => number): number {
    if (this.index < this.log.length) return this.log[this.index++]!
    if (this.stepped) {
      this.suspended = true
      this.nextAccess = name
      throw SUSPENDED
    }
    this.stepped = true
    return this.plain(effect)
  }

  private plain(effect: () => number): number {
    if (this.index < this.log.length) return this.log[this.index++]!
    const result = effect()
    this.log.push(result)
    this.index++
    return result
  }

  private atomicLoad(word: number): number {
    return this.step(`load ${word}`, () => {
      this.acquire(word)
      return this.shared.atomics[word]!
    })
  }

  private atomicStore(word: number, value: number): void {
    this.step(`store ${word}`, () => this.release(word, value))
  }

  private exchange(word: number, expected: number, value: number): number {
    return this.step(`exchange ${word}`, () => {
      this.acquire(word)
      const before = this.shared.atomics[word]!
      if (before === expected) this.release(word, value)
      return before
    })
  }

  private wakeSleepers(slot: number): number {
    this.shared.asleep[slot] = false
    return 0
  }

  private wait(slot: number, expected: number): ReturnType<ParkingMemory['waitAsync']> {
    const slept = this.step('wait', () => {
      this.acquire(RING_WORDS + slot)
      const sleeps = this.shared.atomics[RING_WORDS + slot] === expected
      if (sleeps) this.shared.asleep[slot] = true
      return sleeps ? 1 : 0
    })
    this.slept = slept === 1
    return this.slept ? { async: true, value: new Promise(() => {}) } : { async: false }
  }

  /** The writer, thread 0, stores position 0 and loads position 1; the reader the other way round. */
  private acquire(word: number): void {
    const other = 1 - this.thread
    if (word !== other) return
    this.shared.touched[other]! &= ~this.shared.published[other]!
    this.shared.wrote[other]! &= ~this.shared.published[other]!
  }

  private release(word: number, value: number): number {
    this.shared.atomics[word] = value
    if (word === this.thread) this.shared.published[word] = this.shared.touched[word]!
    return 0
  }

  private touch(word: number, write: boolean): void {
    const bit = 1 << word
    const { touched, wrote, published } = this.shared
    const other = 1 - this.thread
    if (((write ? touched[other]! : wrote[other]!) & bit) !== 0) throw new Error(`a data race at word ${word}`)
    touched[this.thread]! |= bit
    if (write) wrote[this.thread]! |= bit
    published[this.thread]! &= ~bit
  }
}
