// A part while it is written: lines are encoded into a chunk; full chunks are written behind, in order, one at a time.
//
//     append -> [chunk being filled] -> queue -> write -> ... -> finish: fsync, close
import type { FileHandle } from 'node:fs/promises'

const CHUNK_BYTES = 256 * 1024
const QUEUE_BYTES = 4 * 1024 * 1024
/** UTF-8 takes at most three bytes for a UTF-16 code unit. */
const MAX_EXPANSION = 3
const LINE_END = 0x0a

/** One file that grows by lines. Errors are those of the file system, and stay: after one, nothing more is written. */
export class PartFile {
  /** Appended so far, written or not. */
  bytes = 0
  lines = 0
  failure: Error | undefined
  private readonly open: () => Promise<FileHandle>
  private handle: FileHandle | undefined
  private chunk: Buffer
  private filled = 0
  private queue: Buffer[] = []
  private queuedBytes = 0
  private readonly spare: Buffer[] = []
  private writing: Promise<void> | undefined

  /** `open` is called once, with the first full chunk or at the end. */
  constructor(open: () => Promise<FileHandle>) {
    this.open = open
    this.chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  }

  /** Appends the line and a line end. */
  append(line: string | Uint8Array): void {
    const most = (typeof line === 'string' ? line.length * MAX_EXPANSION : line.length) + 1
    if (this.filled + most > this.chunk.length) {
      this.seal()
      if (most > CHUNK_BYTES) {
        this.appendLong(line)
        return
      }
    }
    const { chunk, filled } = this
    let end = filled
    if (typeof line === 'string') end += chunk.write(line, filled)
    else {
      chunk.set(line, filled)
      end += line.length
    }
    chunk[end++] = LINE_END
    this.filled = end
    this.bytes += end - filled
    this.lines++
  }

  /** A promise while too much waits to be written. */
  busy(): Promise<void> | undefined {
    return this.queuedBytes > QUEUE_BYTES ? this.writing : undefined
  }

  /** Everything is on the disk and the file is closed. */
  async finish(): Promise<void> {
    this.seal()
    await this.writing
    try {
      if (this.failure !== undefined) throw this.failure
      await this.handle?.sync()
    } finally {
      await this.close()
    }
  }

  /** Closes without caring for what is in it. */
  async abandon(): Promise<void> {
    this.queue = []
    await this.writing
    await this.close()
  }

  private appendLong(line: string | Uint8Array): void {
    const length = typeof line === 'string' ? Buffer.byteLength(line) : line.length
    const chunk = Buffer.allocUnsafeSlow(length + 1)
    if (typeof line === 'string') chunk.write(line)
    else chunk.set(line)
    chunk[length] = LINE_END
    this.bytes += chunk.length
    this.lines++
    this.enqueue(chunk)
  }

  private seal(): void {
    if (this.filled === 0) return
    this.enqueue(this.chunk.subarray(0, this.filled))
    this.chunk = this.spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
    this.filled = 0
  }

  private enqueue(bytes: Buffer): void {
    if (this.failure !== undefined) return
    this.queue.push(bytes)
    this.queuedBytes += bytes.length
    this.writing ??= this.writeQueue().catch((error: unknown) => {
      this.failure ??= error instanceof Error ? error : new Error(String(error))
      this.queue = []
      this.queuedBytes = 0
      this.writing = undefined
    })
  }

  private async writeQueue(): Promise<void> {
    this.handle ??= await this.open()
    for (let bytes = this.queue.shift(); bytes !== undefined; bytes = this.queue.shift()) {
      for (let done = 0; done < bytes.length;) {
        done += (await this.handle.write(bytes, done)).bytesWritten
      }
      this.queuedBytes -= bytes.length
      if (bytes.buffer.byteLength === CHUNK_BYTES && this.spare.length < 2) this.spare.push(Buffer.from(bytes.buffer))
    }
    this.writing = undefined
  }

  private async close(): Promise<void> {
    const handle = this.handle
    this.handle = undefined
    await handle?.close()
  }
}
