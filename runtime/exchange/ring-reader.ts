/*
 * The consuming side of a ring.
 *
 *   load WRITTEN -> check the header -> decode straight from the ring -> store READ (the room is the writer's again)
 *
 * Invariant: bytes of a frame are touched only between the load of WRITTEN that covers them and the store of READ that
 * gives them back. A frame that came in parts is put together in private memory, and each part given back at once.
 */
import { MillraceError } from '../contract/errors.js'
import { allocateFrameBytes } from './frame-bytes.js'
import type { FrameBytes } from './frame-bytes.js'
import type { Waker } from './parking.js'
import { checkAttempt, frameBytes, HEADER_BYTES, maxFrameBytes, MORE, PAD, RING_WORD } from './ring.js'
import type { RingMemory } from './ring.js'

/** A frame as the reader sees it: `data.bytes[from, to)`, `from` a multiple of 8. Valid until `release()`. */
export interface Frame {
  kind: number
  data: FrameBytes
  from: number
  to: number
}

/** Memory for put-together frames above this is given back after use. */
const KEPT_BYTES = 1 << 20

/** Reads frames of one ring; one thread, for ever the same. Fields are `private`, not `#`, for the model check to copy. */
export class RingReader {
  private readonly memory: RingMemory
  private readonly attempt: number
  private readonly waker: Waker
  private readonly writerSlot: number
  private readonly frame: Frame
  private position: number
  /** WRITTEN as last seen. */
  private seenWritten: number
  private sequence = 0
  private held = false
  private heldBytes = 0
  private parts: FrameBytes
  private partBytes = 0

  /** Throws MILLRACE_INTERNAL when the ring belongs to another attempt. `waker` wakes `writerSlot` when it waits for room. */
  constructor(memory: RingMemory, attempt: number, waker: Waker, writerSlot: number) {
    checkAttempt(memory, attempt)
    this.memory = memory
    this.attempt = attempt
    this.waker = waker
    this.writerSlot = writerSlot
    this.parts = allocateFrameBytes(0)
    this.frame = { kind: 0, data: memory.data, from: 0, to: 0 }
    this.position = memory.load(RING_WORD.READ)
    this.seenWritten = this.position
  }

  /** Whether `poll` has something to look at. Call it between `Parker.prepare` and `Parker.park`. */
  hasNext(): boolean {
    if (this.held || this.position !== this.seenWritten) return true
    this.seenWritten = this.memory.load(RING_WORD.WRITTEN)
    return this.position !== this.seenWritten
  }

  /** Whether the writer closed the ring and everything was read. */
  isEnded(): boolean {
    return this.memory.load(RING_WORD.CLOSED) === 1 && !this.hasNext()
  }

  /**
   * The next complete frame, the same one until `release()`; undefined when there is none yet. Throws MILLRACE_INTERNAL for
   * a frame of another attempt, out of sequence or with an impossible length: memory that someone else wrote.
   */
  poll(): Frame | undefined {
    if (this.held) return this.frame
    while (this.hasNext()) {
      const at = this.position & (this.memory.capacity - 1)
      const length = this.memory.getInt(at + 8)
      const kind = this.memory.getInt(at + 12)
      this.check(at, length)
      this.sequence = (this.sequence + 1) | 0
      if (kind === PAD) this.position = (this.position + frameBytes(length)) | 0
      else if ((kind & MORE) === 0 && this.partBytes === 0) {
        return this.keep(kind, this.memory.data, at + HEADER_BYTES, length, frameBytes(length))
      } else {
        this.addPart(at + HEADER_BYTES, length)
        if ((kind & MORE) === 0) return this.keep(kind, this.parts, 0, this.partBytes, 0)
      }
    }
    return undefined
  }

  /** Tells the writer whether to send more; wakes it when it may again. */
  hold(held: boolean): void {
    this.memory.store(RING_WORD.HELD, held ? 1 : 0)
    if (!held) this.waker.wake(this.writerSlot)
  }

  /** Gives the memory of the polled frame back to the writer. Nothing when no frame is held. */
  release(): void {
    if (!this.held) return
    this.held = false
    if (this.heldBytes > 0) this.giveBack(this.heldBytes)
    this.partBytes = 0
    if (this.parts.bytes.length > KEPT_BYTES) this.parts = allocateFrameBytes(0)
  }

  private keep(kind: number, data: FrameBytes, from: number, length: number, heldBytes: number): Frame {
    const frame = this.frame
    frame.kind = kind
    frame.data = data
    frame.from = from
    frame.to = from + length
    this.held = true
    this.heldBytes = heldBytes
    return frame
  }

  private addPart(at: number, length: number): void {
    const needed = this.partBytes + length
    if (needed > this.parts.bytes.length) {
      const grown = allocateFrameBytes(Math.max(needed, this.parts.bytes.length * 2))
      grown.bytes.set(this.parts.bytes.subarray(0, this.partBytes))
      this.parts = grown
    }
    this.memory.copyOut(at, length, this.parts.bytes, this.partBytes)
    this.partBytes = needed
    this.giveBack(frameBytes(length))
  }

  /** Wakes a writer that sleeps only when half the ring is free: it then writes many frames before it sleeps again. */
  private giveBack(size: number): void {
    this.position = (this.position + size) | 0
    this.memory.store(RING_WORD.READ, this.position)
    if (this.memory.load(RING_WORD.WAITING) === 0) return
    this.seenWritten = this.memory.load(RING_WORD.WRITTEN)
    if (((this.seenWritten - this.position) | 0) > this.memory.capacity >> 1) return
    this.memory.store(RING_WORD.WAITING, 0)
    this.waker.wake(this.writerSlot)
  }

  private check(at: number, length: number): void {
    const attempt = this.memory.getInt(at)
    const sequence = this.memory.getInt(at + 4)
    const available = (this.seenWritten - this.position) | 0
    const fits = length >= 0 && frameBytes(length) <= Math.min(available, maxFrameBytes(this.memory.capacity))
    if (attempt === this.attempt && sequence === this.sequence && fits) return
    throw new MillraceError(
      'MILLRACE_INTERNAL',
      `a channel is broken: frame ${sequence} of attempt ${attempt} with ${length} bytes came where frame ` +
        `${this.sequence} of attempt ${this.attempt} was due`,
    )
  }
}
