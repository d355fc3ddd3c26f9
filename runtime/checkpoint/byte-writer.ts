import { MillraceError } from '../contract/errors.js'

const COPY_BY_LOOP_BELOW = 64
const MAX_BYTES = 2 ** 31 - 1

/** A buffer that grows fourfold, so that what is copied stays small beside what is written. Numbers are little-endian. */
export class ByteWriter {
  /** May be replaced by any write. */
  buffer: Uint8Array
  length = 0
  #view: DataView

  constructor(capacity: number) {
    this.buffer = unfilled(Math.max(64, capacity))
    this.#view = new DataView(this.buffer.buffer)
  }

  /** What has been written: a view. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#view.setUint16(this.length, value, true)
    this.length += 2
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#view.setUint32(this.length, value, true)
    this.length += 4
  }

  u48(value: number): void {
    this.u32(value % 0x1_0000_0000)
    this.u16(Math.floor(value / 0x1_0000_0000))
  }

  f64(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.length, value, true)
    this.length += 8
  }

  /** Unsigned LEB128, up to 2^53. */
  varint(value: number): void {
    this.#reserve(8)
    const buffer = this.buffer
    let at = this.length
    let rest = value
    while (rest >= 0x80) {
      buffer[at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    buffer[at++] = rest
    this.length = at
  }

  /** Appends `source[from..to)`, which may be part of this buffer. */
  copy(source: Uint8Array, from: number, to: number): void {
    const count = to - from
    this.#reserve(count)
    if (count < COPY_BY_LOOP_BELOW) {
      const buffer = this.buffer
      let at = this.length
      for (let i = from; i < to; i++) buffer[at++] = source[i] as number
    } else {
      this.buffer.set(source.subarray(from, to), this.length)
    }
    this.length += count
  }

  #reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.buffer.length) return
    if (needed > MAX_BYTES) {
      throw new MillraceError('MILLRACE_CHECKPOINT', 'one segment of state would be larger than 2 GB', {
        hint: 'raise --parallelism, so that a subtask has less state',
      })
    }
    const larger = unfilled(Math.min(MAX_BYTES, Math.max(needed, this.buffer.length * 4)))
    larger.set(this.buffer.subarray(0, this.length))
    this.buffer = larger
    this.#view = new DataView(larger.buffer)
  }
}

/** Pages of memory that nothing has been written to yet cost nothing: filling them with zeros would stop the thread for milliseconds. */
function unfilled(bytes: number): Uint8Array {
  return Buffer.allocUnsafeSlow(bytes)
}
