import { MillraceError } from '../../../runtime/contract/errors.js'

/** A record longer than a string can be is of no use to anyone. */
const MAX_RECORD_BYTES = 256 * 1024 * 1024
const KEPT_BYTES = 64 * 1024

/** The record that crosses chunks. It grows by doubling, so a record of many chunks is copied once or twice, not once a chunk. */
export class Carry {
  length = 0
  private buffer: Buffer = Buffer.alloc(0)
  private readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** Appends `chunk[from, to)`; `offset` is where the record begins, for the message. A record over 256 MB is MILLRACE_INPUT. */
  append(chunk: Buffer, from: number, to: number, offset: number): void {
    const length = this.length + to - from
    if (length > MAX_RECORD_BYTES) {
      throw new MillraceError('MILLRACE_INPUT', `the record at ${this.path}:${offset} is longer than 256 MB`, {
        hint: 'check that the file has line ends, and for CSV that each quoted field is closed',
      })
    }
    if (length > this.buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(1024, length, 2 * this.buffer.length))
      this.buffer.copy(grown, 0, 0, this.length)
      this.buffer = grown
    }
    chunk.copy(this.buffer, this.length, from, to)
    this.length = length
  }

  /** The record's bytes, valid until the next `append`. */
  view(): Buffer {
    return this.buffer.subarray(0, this.length)
  }

  clear(): void {
    this.length = 0
    if (this.buffer.length > KEPT_BYTES) this.buffer = Buffer.alloc(0)
  }
}
