const FIRST_BYTES = 4 * 1024
/** UTF-8 takes at most three bytes for a UTF-16 code unit. */
const MAX_EXPANSION = 3
const LINE_END = 0x0a

/** Lines as bytes, until there are enough of them to be worth compressing or sending. Grows from small: hundreds may be open. */
export class LineChunk {
  length = 0
  private buffer: Buffer = Buffer.alloc(0)

  /** Appends the line and a line end; the bytes that took. */
  append(line: string | Uint8Array): number {
    const most = (typeof line === 'string' ? line.length * MAX_EXPANSION : line.length) + 1
    if (this.length + most > this.buffer.length) this.grow(this.length + most)
    const { buffer, length } = this
    let end = length
    if (typeof line === 'string') end += buffer.write(line, length)
    else {
      buffer.set(line, length)
      end += line.length
    }
    buffer[end++] = LINE_END
    this.length = end
    return end - length
  }

  /** The bytes, which are the caller's now. */
  take(): Buffer {
    const bytes = this.buffer.subarray(0, this.length)
    this.buffer = Buffer.alloc(0)
    this.length = 0
    return bytes
  }

  private grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, needed, 2 * this.buffer.length))
    this.buffer.copy(grown, 0, 0, this.length)
    this.buffer = grown
  }
}
