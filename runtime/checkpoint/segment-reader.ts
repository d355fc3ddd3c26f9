import type { CheckpointStorage } from '../storage/storage.js'
import type { SegmentRef } from './manifest.js'
import { SegmentCursor } from './segment-cursor.js'
import { corruptSegment, FOOTER_BYTES, NO_TIMER } from './segment-format.js'
import { readFooter, readIndex, type BlockInfo, type SegmentFile } from './segment-index.js'

/** An open segment: its index is in memory, its blocks are read as they are needed. Any thread. */
export class SegmentReader {
  readonly path: string
  readonly rows: number
  readonly blocks: readonly BlockInfo[]

  private constructor(path: string, rows: number, blocks: readonly BlockInfo[]) {
    this.path = path
    this.rows = rows
    this.blocks = blocks
  }

  /** A whole segment in memory. `path` is for messages. */
  static fromBytes(path: string, bytes: Uint8Array): SegmentReader {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const footer = readFooter(path, buffer)
    const index = buffer.subarray(footer.indexOffset, buffer.length - FOOTER_BYTES)
    const file: SegmentFile = { path, read: (from, to) => buffer.subarray(from, to) }
    return new SegmentReader(path, footer.rows, readIndex(file, footer, index))
  }

  /**
   * Reads footer and index of a stored segment, and checks that it is the one that the manifest means. Truncated, altered, exchanged or
   * missing: MILLRACE_CORRUPT naming the file.
   */
  static async open(storage: CheckpointStorage, ref: SegmentRef): Promise<SegmentReader> {
    try {
      return await SegmentReader.#open(storage, ref)
    } catch (error) {
      if ((await storage.dropCopy?.(ref.path)) !== true) throw error
      return SegmentReader.#open(storage, ref)
    }
  }

  static async #open(storage: CheckpointStorage, ref: SegmentRef): Promise<SegmentReader> {
    const path = `${storage.describe()}/${ref.path}`
    const from = Math.max(0, ref.bytes - FOOTER_BYTES)
    const tail = await storage.readRange(ref.path, from, ref.bytes).catch(async (error: unknown) => {
      const there = await storage.list(ref.path)
      throw there.length === 0 ? corruptSegment(path, 'it', 'is missing') : error
    })
    const footer = readFooter(path, tail)
    if (footer.indexCrc !== ref.crc || footer.rows !== ref.rows) {
      throw corruptSegment(path, 'it', 'is not the segment that the manifest refers to')
    }
    const index = await storage.readRange(ref.path, footer.indexOffset, footer.indexOffset + footer.indexBytes)
    const file: SegmentFile = {
      path,
      read: (from, to) => storage.readRange(ref.path, from, to),
      distrust: async () => (await storage.dropCopy?.(ref.path)) === true,
    }
    return new SegmentReader(path, footer.rows, readIndex(file, footer, index))
  }

  /** Epoch milliseconds of the earliest timer in the segment, `NO_TIMER` without one. */
  minTimer(): number {
    return this.blocks.reduce((least, block) => Math.min(least, block.minTimer), NO_TIMER)
  }

  /** Rows of these key groups, inclusive, reading only their blocks, up to `readAheadBytes` of them at once. */
  cursor(firstKeyGroup?: number, lastKeyGroup?: number, readAheadBytes?: number): SegmentCursor {
    return new SegmentCursor(this.blocks, firstKeyGroup, lastKeyGroup, readAheadBytes)
  }
}
