import type { CheckpointStorage } from '../storage/storage.js'
import type { SegmentRef } from './manifest.js'
import { SegmentCursor, type ReadBytes } from './segment-cursor.js'
import { corruptSegment, FOOTER_BYTES, NO_TIMER } from './segment-format.js'
import { readFooter, readIndex, type BlockInfo, type Footer } from './segment-index.js'

const READ_AHEAD_BYTES = 1024 * 1024

/** An open segment: its index is in memory, its blocks are read as they are needed. Any thread. */
export class SegmentReader {
  readonly path: string
  readonly rows: number
  readonly blocks: readonly BlockInfo[]
  readonly #read: ReadBytes

  private constructor(path: string, footer: Footer, blocks: readonly BlockInfo[], read: ReadBytes) {
    this.path = path
    this.rows = footer.rows
    this.blocks = blocks
    this.#read = read
  }

  /** A whole segment in memory. `path` is for messages. */
  static fromBytes(path: string, bytes: Uint8Array): SegmentReader {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const footer = readFooter(path, buffer)
    const index = buffer.subarray(footer.indexOffset, buffer.length - FOOTER_BYTES)
    return new SegmentReader(path, footer, readIndex(path, footer, index), (from, to) => buffer.subarray(from, to))
  }

  /**
   * Reads footer and index of a stored segment, and checks that it is the one that the manifest means. Truncated, altered or exchanged:
   * MILLRACE_CORRUPT naming the file; missing: MILLRACE_STORAGE.
   */
  static async open(storage: CheckpointStorage, ref: SegmentRef): Promise<SegmentReader> {
    const shown = `${storage.describe()}/${ref.path}`
    const tail = await storage.readRange(ref.path, Math.max(0, ref.bytes - FOOTER_BYTES), ref.bytes)
    const footer = readFooter(shown, tail)
    if (footer.indexCrc !== ref.crc || footer.rows !== ref.rows) {
      throw corruptSegment(shown, 'it', 'is not the segment that the manifest refers to')
    }
    const index = await storage.readRange(ref.path, footer.indexOffset, footer.indexOffset + footer.indexBytes)
    const read: ReadBytes = (from, to) => storage.readRange(ref.path, from, to)
    return new SegmentReader(shown, footer, readIndex(shown, footer, index), read)
  }

  /** Epoch milliseconds of the earliest timer in the segment, `NO_TIMER` without one. */
  minTimer(): number {
    return this.blocks.reduce((least, block) => Math.min(least, block.minTimer), NO_TIMER)
  }

  /** Rows of these key groups, inclusive, reading only their blocks, up to `readAheadBytes` of them at once. */
  cursor(
    firstKeyGroup: number = 0,
    lastKeyGroup: number = 0xffff,
    readAheadBytes: number = READ_AHEAD_BYTES,
  ): SegmentCursor {
    return new SegmentCursor(this.path, this.blocks, this.#read, [firstKeyGroup, lastKeyGroup], readAheadBytes)
  }
}
