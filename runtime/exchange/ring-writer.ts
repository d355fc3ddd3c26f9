/*
 * The producing side of a ring.
 *
 *   reserve room -> copy header and payload -> store WRITTEN (the frame becomes readable here) -> wake the reader
 *
 * Invariant: `position` is WRITTEN plus the pad not yet published. A payload longer than a quarter of the ring goes in
 * several frames, each published by itself; `done` remembers how far it came, so a full ring never blocks the thread.
 */
import { MillraceError } from '../contract/errors.js'
import type { Waker } from './parking.js'
import { checkAttempt, frameBytes, HEADER_BYTES, maxFrameBytes, MORE, PAD, RING_WORD } from './ring.js'
import type { RingMemory } from './ring.js'

/** Writes frames to one ring; one thread, for ever the same. Fields are `private`, not `#`, for the model check to copy. */
export class RingWriter {
  private readonly memory: RingMemory
  private readonly attempt: number
  private readonly waker: Waker
  private readonly readerSlot: number
  private position: number
  /** READ as last seen: an older value only understates the room. */
  private seenRead: number
  private sequence = 0
  private done = 0
  private total = 0
  /** Room that the last write lacked; 0 after a success. */
  private lacking = 0

  /** Throws MILLRACE_INTERNAL when the ring belongs to another attempt. `waker` wakes `readerSlot` after each frame. */
  constructor(memory: RingMemory, attempt: number, waker: Waker, readerSlot: number) {
    checkAttempt(memory, attempt)
    this.memory = memory
    this.attempt = attempt
    this.waker = waker
    this.readerSlot = readerSlot
    this.position = memory.load(RING_WORD.WRITTEN)
    this.seenRead = memory.load(RING_WORD.READ)
  }

  /** Room in bytes, headers included. */
  get freeBytes(): number {
    this.seenRead = this.memory.load(RING_WORD.READ)
    return this.memory.capacity - ((this.position - this.seenRead) | 0)
  }

  /**
   * Whether the reader has released all that is published now. Positions wrap: the result is to be asked before another 2 GiB have passed,
   * until it says so.
   */
  taken(): () => boolean {
    const written = this.memory.load(RING_WORD.WRITTEN)
    let taken = false
    return () => (taken ||= ((this.memory.load(RING_WORD.READ) - written) | 0) >= 0)
  }

  /**
   * Writes `bytes[from, to)` as one frame of `kind` (0 to 254), in parts if it is large. False when the ring is full: call
   * again with the same arguments, the parts already written are not repeated. Throws MILLRACE_INTERNAL when the arguments
   * changed in between.
   */
  tryWrite(kind: number, bytes: Uint8Array, from: number, to: number): boolean {
    const total = to - from
    if (this.done > 0 && this.total !== total) {
      throw new MillraceError('MILLRACE_INTERNAL', `a frame of ${this.total} bytes was resumed with ${total} bytes`)
    }
    this.total = total
    const most = maxFrameBytes(this.memory.capacity) - HEADER_BYTES
    for (;;) {
      const rest = total - this.done
      const length = rest < most ? rest : most
      if (!this.reserve(frameBytes(length))) return false
      const start = from + this.done
      this.publish(length < rest ? kind | MORE : kind, bytes, start, length)
      if (length === rest) break
      this.done += length
    }
    this.done = 0
    this.lacking = 0
    return true
  }

  /**
   * Whether a write that just failed could go on. Call it between `Parker.prepare` and `Parker.park`: it asks the reader to
   * wake this slot when half the ring is free, again on every call, for the reader forgets the request when it answers it.
   */
  hasRoom(): boolean {
    this.memory.store(RING_WORD.WAITING, 1)
    return this.freeBytes >= this.lacking
  }

  /** Whether the reader wants no more for now. */
  isHeld(): boolean {
    return this.memory.load(RING_WORD.HELD) === 1
  }

  /** Nothing is written after this. */
  close(): void {
    this.memory.store(RING_WORD.CLOSED, 1)
    this.waker.wake(this.readerSlot)
  }

  /** Makes `position` the start of `size` free contiguous bytes, behind a pad if the end of the data area is too near. */
  private reserve(size: number): boolean {
    const at = this.position & (this.memory.capacity - 1)
    const tail = this.memory.capacity - at
    const needed = tail < size ? tail + size : size
    const used = (this.position - this.seenRead) | 0
    if (this.memory.capacity - used < needed && this.freeBytes < needed) {
      this.lacking = needed
      return false
    }
    if (tail < size) {
      this.header(at, tail - HEADER_BYTES, PAD)
      this.position = (this.position + tail) | 0
    }
    return true
  }

  private publish(kind: number, bytes: Uint8Array, start: number, length: number): void {
    const at = this.position & (this.memory.capacity - 1)
    this.header(at, length, kind)
    if (length > 0) this.memory.copyIn(at + HEADER_BYTES, bytes, start, start + length)
    this.position = (this.position + frameBytes(length)) | 0
    this.memory.store(RING_WORD.WRITTEN, this.position)
    this.waker.wake(this.readerSlot)
  }

  private header(at: number, length: number, kind: number): void {
    this.memory.setInt(at, this.attempt)
    this.memory.setInt(at + 4, this.sequence)
    this.memory.setInt(at + 8, length)
    this.memory.setInt(at + 12, kind)
    this.sequence = (this.sequence + 1) | 0
  }
}
