import type { SplitFile } from './split-file.js'

const MAX_CHUNK = 512 * 1024
const MIN_CHUNK = 16 * 1024
const READER_BUDGET = 32 * 1024 * 1024

/** How many splits a reader has open: they share the memory for reading ahead. */
export interface OpenSplits {
  count: number
}

/**
 * Reads a file front to back in chunks, one ahead of the one being consumed:
 *
 *     consumer    [chunk n] take() [chunk n+1] take() ...
 *     file         fetch n+1        fetch n+2
 *
 * A chunk belongs to the consumer until it calls `take` again. Beyond `eager` nothing is read before it is asked for.
 */
export class ReadAhead {
  /** File offset of the chunk that `take` returned last. */
  chunkOffset = 0
  private readonly file: SplitFile
  private readonly eager: number
  private readonly size: number
  private readonly splits: OpenSplits
  private offset: number
  private fetched: Buffer | undefined
  private fetchedOffset = 0
  private fetching: Promise<void> | undefined
  private failure: Error | undefined
  private spare: Buffer | undefined
  private lent: Buffer | undefined

  constructor(file: SplitFile, from: number, eager: number, size: number, splits: OpenSplits) {
    this.file = file
    this.offset = from
    this.eager = eager
    this.size = size
    this.splits = splits
  }

  /** The next chunk if it is there. The one before must not be used any more. */
  take(): Buffer | undefined {
    const chunk = this.fetched
    if (chunk === undefined) return undefined
    this.spare = this.lent
    this.lent = chunk
    this.chunkOffset = this.fetchedOffset
    this.fetched = undefined
    if (this.offset < this.eager) this.fetch()
    return chunk
  }

  /** All has been taken. */
  get finished(): boolean {
    return this.offset >= this.size && this.fetched === undefined && this.fetching === undefined
  }

  /** Resolves when `take` has a chunk or all is finished; rejects with what makes reading impossible. */
  async ready(): Promise<void> {
    if (this.fetched === undefined && this.fetching === undefined && this.failure === undefined) this.fetch()
    await this.fetching
    if (this.failure !== undefined) throw this.failure
  }

  /** Resolves when no read is under way; buffers are let go. */
  async close(): Promise<void> {
    this.offset = this.size
    await this.fetching
    this.fetched = this.spare = this.lent = undefined
  }

  private fetch(): void {
    const length = Math.min(this.size - this.offset, this.chunkBytes())
    if (length <= 0 || this.failure !== undefined) return
    let buffer = this.spare
    this.spare = undefined
    if (buffer === undefined || buffer.length < length) buffer = Buffer.allocUnsafeSlow(length)
    const target = buffer.subarray(0, length)
    const offset = this.offset
    this.offset += length
    this.fetching = this.file.read(target, offset).then(
      () => {
        this.fetched = target
        this.fetchedOffset = offset
        this.fetching = undefined
      },
      (error: unknown) => {
        this.failure = error instanceof Error ? error : new Error(String(error))
        this.fetching = undefined
      },
    )
  }

  private chunkBytes(): number {
    return Math.max(MIN_CHUNK, Math.min(MAX_CHUNK, Math.floor(READER_BUDGET / (2 * Math.max(1, this.splits.count)))))
  }
}
