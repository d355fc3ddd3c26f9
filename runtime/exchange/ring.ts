/*
 * The memory of a ring: one producer, one consumer, in one SharedArrayBuffer.
 *
 *   | WRITTEN | READ | CLOSED | HELD | ATTEMPT | WAITING | data: a power of two of bytes            |
 *     a cache line each: the two sides never write the same  |  frame | frame | pad ->|<- frame | free |
 *
 * Invariant: READ <= WRITTEN <= READ + capacity, as monotone byte counts modulo 2^32. Bytes between READ and WRITTEN
 * belong to the reader, all others to the writer; the atomic store of a position hands bytes over, nothing else does.
 * So no byte is ever touched by both sides at once, and by the memory model of JavaScript (programs without data races
 * are sequentially consistent) it is enough to check the interleavings of single steps: test/exchange does.
 */
import { MillraceError } from '../contract/errors.js'
import { FrameBytes } from './frame-bytes.js'

/** The control words, as indices of 32-bit integers. */
export const RING_WORD = {
  /** How many bytes the writer has published. */
  WRITTEN: 0,
  /** How many bytes the reader has released. */
  READ: 16,
  /** 1 once the writer writes nothing more. */
  CLOSED: 32,
  /** 1 while the reader wants no more records: advice, on which no byte depends. */
  HELD: 48,
  /** The attempt of the job that this ring belongs to. */
  ATTEMPT: 64,
  /** 1 while the writer sleeps, or is about to, until there is room. */
  WAITING: 80,
} as const

const CONTROL_BYTES = 96 * 4

/** Bytes before each payload: attempt, sequence, length, kind. Frames start at multiples of it, so a header never wraps. */
export const HEADER_BYTES = 16

/** Added to the kind of a frame that continues in the next one. */
export const MORE = 0x100

/** The kind of a frame that fills the end of the data area. */
export const PAD = 0xff

/** The smallest ring. */
export const MIN_RING_BYTES = 128

/** Where a frame's payload, padded, ends relative to its header. */
export function frameBytes(length: number): number {
  return (HEADER_BYTES + length + HEADER_BYTES - 1) & -HEADER_BYTES
}

/** The longest stretch written at once: a quarter of the ring, so that half a ring of room is always enough to go on. */
export function maxFrameBytes(capacity: number): number {
  return capacity >> 2
}

/**
 * A new, empty ring of `capacityBytes` (a power of two from 128 to 2^30) for one attempt. Post it to both threads.
 * Throws MILLRACE_INTERNAL for another size.
 */
export function createRing(capacityBytes: number, attempt: number): SharedArrayBuffer {
  if (capacityBytes < MIN_RING_BYTES || capacityBytes > 2 ** 30 || (capacityBytes & (capacityBytes - 1)) !== 0) {
    throw new MillraceError(
      'MILLRACE_INTERNAL',
      `a ring of ${capacityBytes} bytes is not a power of two from 128 to 2^30`,
    )
  }
  const ring = new SharedArrayBuffer(CONTROL_BYTES + capacityBytes)
  new Int32Array(ring)[RING_WORD.ATTEMPT] = attempt
  return ring
}

/**
 * What writer and reader do to shared memory, and nothing else: the model check of the ring runs the same two classes on
 * a memory that stops at each call. In production there is one implementation, so every call is inlined.
 */
export interface RingMemory {
  readonly capacity: number
  readonly data: FrameBytes
  /** Atomic. */
  load(word: number): number
  /** Atomic: everything written before it is seen by whoever loads the value. */
  store(word: number, value: number): void
  getInt(at: number): number
  setInt(at: number, value: number): void
  copyIn(at: number, source: Uint8Array, from: number, to: number): void
  copyOut(at: number, length: number, target: Uint8Array, targetAt: number): void
}

class SharedRingMemory implements RingMemory {
  readonly capacity: number
  readonly data: FrameBytes
  private readonly control: Int32Array

  constructor(ring: SharedArrayBuffer) {
    this.capacity = ring.byteLength - CONTROL_BYTES
    this.control = new Int32Array(ring, 0, CONTROL_BYTES >> 2)
    this.data = new FrameBytes(ring, CONTROL_BYTES, this.capacity)
  }

  load(word: number): number {
    return Atomics.load(this.control, word)
  }

  store(word: number, value: number): void {
    Atomics.store(this.control, word, value)
  }

  getInt(at: number): number {
    return this.data.i32[at >> 2]!
  }

  setInt(at: number, value: number): void {
    this.data.i32[at >> 2] = value
  }

  copyIn(at: number, source: Uint8Array, from: number, to: number): void {
    this.data.bytes.set(from === 0 && to === source.length ? source : source.subarray(from, to), at)
  }

  copyOut(at: number, length: number, target: Uint8Array, targetAt: number): void {
    target.set(this.data.bytes.subarray(at, at + length), targetAt)
  }
}

/** This thread's view of a ring made by {@link createRing}. */
export function openRing(ring: SharedArrayBuffer): RingMemory {
  return new SharedRingMemory(ring)
}

/** Throws MILLRACE_INTERNAL when a ring of another attempt was handed over. */
export function checkAttempt(memory: RingMemory, attempt: number): void {
  const found = memory.load(RING_WORD.ATTEMPT)
  if (found === attempt) return
  throw new MillraceError('MILLRACE_INTERNAL', `a ring of attempt ${found} was opened by attempt ${attempt}`)
}
