// Invariant: synchronous, allocates nothing for a row; its fields are the current row and valid until the next one.
import { NO_TIMER } from './segment-format.js'

const NO_BYTES = Buffer.alloc(0)

/** Reads the rows of a block that has passed its checksum, one after another. */
export class BlockRows {
  keyGroup = 0
  /** Holds the key and the value. */
  buffer: Buffer = NO_BYTES
  keyFrom = 0
  keyTo = 0
  valueFrom = 0
  valueTo = 0
  tombstone = false
  minTimer: number = NO_TIMER
  #view: DataView = new DataView(NO_BYTES.buffer, NO_BYTES.byteOffset, 0)
  #at = 0
  #end = 0

  /** Goes on with the block in `buffer[from..to)`. */
  open(buffer: Buffer, from: number, to: number): void {
    if (buffer !== this.buffer) {
      this.buffer = buffer
      this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    }
    this.#at = from
    this.#end = to
  }

  /** Leaves out what is left of the block. */
  skip(): void {
    this.#at = this.#end
  }

  /** Moves to the next row of the block; false when there is none. */
  next(): boolean {
    if (this.#at >= this.#end) return false
    this.keyGroup = this.#view.getUint16(this.#at, true)
    this.#at += 2
    const head = this.#varint()
    const keyBytes = Math.floor(head / 4)
    this.tombstone = (head & 1) !== 0
    const valueBytes = this.tombstone ? 0 : this.#varint()
    if ((head & 2) !== 0) {
      this.minTimer = this.#view.getFloat64(this.#at, true)
      this.#at += 8
    } else {
      this.minTimer = NO_TIMER
    }
    this.keyFrom = this.#at
    this.keyTo = this.#at + keyBytes
    this.valueFrom = this.keyTo
    this.valueTo = this.keyTo + valueBytes
    this.#at = this.valueTo
    return true
  }

  #varint(): number {
    const buffer = this.buffer
    let byte = buffer[this.#at++] as number
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    for (let unit = 0x80; ; unit *= 0x80) {
      byte = buffer[this.#at++] as number
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value
    }
  }
}
