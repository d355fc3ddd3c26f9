import { allocateFrameBytes } from './frame-bytes.js'
import type { FrameBytes } from './frame-bytes.js'

const FIRST_BYTES = 4096
const KEPT_BYTES = 1 << 20

/** Where a frame is put together: private memory that grows, columns at multiples of 8. One per channel, reused. */
export class FrameSink {
  data: FrameBytes
  /** Bytes in use. */
  length = 0

  constructor(bytes: number = FIRST_BYTES) {
    this.data = allocateFrameBytes(bytes)
  }

  /** Empties it, and gives the memory of a huge frame back. */
  reset(): void {
    this.length = 0
    if (this.data.bytes.length > KEPT_BYTES) this.data = allocateFrameBytes(FIRST_BYTES)
  }

  /** Makes room for `bytes` more behind `length`; views taken before are then stale. */
  reserve(bytes: number): void {
    const needed = this.length + bytes + 8
    if (needed <= this.data.bytes.length) return
    const grown = allocateFrameBytes(Math.max(needed, this.data.bytes.length * 2))
    grown.bytes.set(this.data.bytes.subarray(0, this.length))
    this.data = grown
  }

  /** Appends two integers: what each column and section begins with. Needs 8 bytes of room. */
  head(first: number, second: number): void {
    const at = this.length >> 2
    this.data.i32[at] = first
    this.data.i32[at + 1] = second
    this.length += 8
  }

  /** Ends a section of `bytes` bytes at a multiple of 8. */
  advance(bytes: number): void {
    this.length = align8(this.length + bytes)
  }
}

/** The next multiple of 8. */
export function align8(at: number): number {
  return (at + 7) & ~7
}
