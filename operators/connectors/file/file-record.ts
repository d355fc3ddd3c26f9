import { isAscii } from 'node:buffer'
import type { CsvRecord, CsvShape } from '../../formats/csv.js'

/** The record a file reader hands out: a window that moves over the chunks. Nothing is copied before it is asked for. */
export class FileRecord implements CsvRecord {
  readonly csv?: CsvShape
  private readonly path: string
  private buffer: Buffer = Buffer.alloc(0)
  private from = 0
  private to = 0
  private offset = 0
  private ascii: boolean | undefined

  constructor(path: string, shape: CsvShape | undefined) {
    this.path = path
    if (shape !== undefined) this.csv = shape
  }

  get bytes(): Uint8Array {
    return this.buffer.subarray(this.from, this.to)
  }

  text(): string {
    this.ascii ??= isAscii(this.buffer)
    return this.buffer.toString(this.ascii ? 'latin1' : 'utf8', this.from, this.to)
  }

  position(): string {
    return `${this.path}:${this.offset}`
  }

  /** Moves to another buffer. */
  lookAt(buffer: Buffer): void {
    this.buffer = buffer
    this.ascii = undefined
  }

  /** Moves within the buffer, to the bytes `[from, to)`, which begin at `offset` of the file. */
  moveTo(from: number, to: number, offset: number): void {
    this.from = from
    this.to = to
    this.offset = offset
  }

  /** Nothing but spaces, tabs and carriage returns. */
  isBlank(): boolean {
    for (let i = this.from; i < this.to; i++) {
      const byte = this.buffer[i]!
      if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return false
    }
    return true
  }
}
