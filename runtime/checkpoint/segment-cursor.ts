// Invariant: between `loadBlock` calls the cursor is synchronous and allocates nothing; its fields are the current row.
//
//   while (await cursor.loadBlock()) while (cursor.next()) use(cursor.keyGroup, cursor.buffer, cursor.keyFrom, ...)
import { crc32 } from '../codec/crc32.js'
import type { BlockInfo, SegmentFile } from './segment-index.js'
import { corruptSegment, NO_TIMER } from './segment-format.js'

const READ_AHEAD_BYTES = 1024 * 1024

/** Walks the rows of a key-group range, in order: of one segment, or of a run of them. Its fields hold the current row and are valid until `next` or `loadBlock`. */
export class SegmentCursor {
  keyGroup = 0
  /** Holds the key and the value. */
  buffer: Uint8Array
  keyFrom = 0
  keyTo = 0
  valueFrom = 0
  valueTo = 0
  tombstone = false
  minTimer: number = NO_TIMER

  readonly #blocks: readonly BlockInfo[]
  readonly #firstKeyGroup: number
  readonly #lastKeyGroup: number
  readonly #readAheadBytes: number
  #nextBlock: number
  #endBlock: number
  #chunk: Buffer
  #view: DataView
  #chunkFrom = 0
  #chunkFile: SegmentFile | undefined
  #at = 0
  #end = 0

  /** `blocks` ascend and do not overlap. Key groups are inclusive; up to `readAheadBytes` are read at once. */
  constructor(
    blocks: readonly BlockInfo[],
    firstKeyGroup: number = 0,
    lastKeyGroup: number = 0xffff,
    readAheadBytes: number = READ_AHEAD_BYTES,
  ) {
    this.#blocks = blocks
    this.#firstKeyGroup = firstKeyGroup
    this.#lastKeyGroup = lastKeyGroup
    this.#readAheadBytes = readAheadBytes
    const first = blocks.findIndex((block) => block.lastKeyGroup >= firstKeyGroup)
    this.#nextBlock = first < 0 ? blocks.length : first
    const past = blocks.findIndex((block) => block.firstKeyGroup > lastKeyGroup)
    this.#endBlock = past < 0 ? blocks.length : past
    this.#chunk = Buffer.alloc(0)
    this.buffer = this.#chunk
    this.#view = new DataView(this.#chunk.buffer, this.#chunk.byteOffset, 0)
  }

  /** Loads the next block that may hold rows of the range; false at the end. Truncated or altered: MILLRACE_CORRUPT naming it. */
  async loadBlock(): Promise<boolean> {
    if (this.#nextBlock >= this.#endBlock) return false
    const block = this.#blocks[this.#nextBlock++] as BlockInfo
    const past = block.offset + block.bytes > this.#chunkFrom + this.#chunk.length
    if (past || block.file !== this.#chunkFile) await this.#readChunk(block)
    this.#at = block.offset - this.#chunkFrom
    this.#end = this.#at + block.bytes
    const cutOff = this.#end > this.#chunk.length
    if (cutOff || crc32(this.#chunk, this.#at, this.#end) !== block.crc) {
      const problem = cutOff ? 'is cut off' : 'does not match its checksum'
      throw corruptSegment(block.file.path, `block ${block.number}`, problem)
    }
    return true
  }

  /** Moves to the next row of the range in the loaded block; false when there is none. */
  next(): boolean {
    while (this.#at < this.#end) {
      this.#parse()
      if (this.keyGroup > this.#lastKeyGroup) {
        this.#at = this.#end
        return false
      }
      if (this.keyGroup >= this.#firstKeyGroup) return true
    }
    return false
  }

  /** One request for as many of the following blocks as are needed and fit. */
  async #readChunk(block: BlockInfo): Promise<void> {
    let to = block.offset + block.bytes
    for (let i = this.#nextBlock; i < this.#endBlock; i++) {
      const following = this.#blocks[i] as BlockInfo
      const end = following.offset + following.bytes
      if (following.file !== block.file || end - block.offset > this.#readAheadBytes) break
      to = end
    }
    this.#chunk = await block.file.read(block.offset, to)
    this.#chunkFile = block.file
    this.#chunkFrom = block.offset
    this.buffer = this.#chunk
    this.#view = new DataView(this.#chunk.buffer, this.#chunk.byteOffset, this.#chunk.byteLength)
  }

  #parse(): void {
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
