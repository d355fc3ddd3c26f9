// Invariant: between `loadBlock` calls the cursor is synchronous and allocates nothing.
//
//   while (await cursor.loadBlock()) while (cursor.next()) use(cursor.row)
import { BlockRows } from './block-rows.js'
import { readBlocks, type BlockInfo, type SegmentFile } from './segment-index.js'

const READ_AHEAD_BYTES = 1024 * 1024

/** Walks the rows of a key-group range, in order: of one segment, or of a run of them. */
export class SegmentCursor {
  /** The current row; valid until `next` or `loadBlock`. */
  readonly row: BlockRows = new BlockRows()
  readonly #blocks: readonly BlockInfo[]
  readonly #firstKeyGroup: number
  readonly #lastKeyGroup: number
  readonly #readAheadBytes: number
  #nextBlock: number
  #endBlock: number
  #chunk: Buffer = Buffer.alloc(0)
  #chunkFrom = 0
  #chunkFile: SegmentFile | undefined

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
  }

  /** Loads the next block that may hold rows of the range; false at the end. One truncated or altered: MILLRACE_CORRUPT naming it. */
  async loadBlock(): Promise<boolean> {
    if (this.#nextBlock >= this.#endBlock) return false
    const block = this.#blocks[this.#nextBlock++] as BlockInfo
    const past = block.offset + block.bytes > this.#chunkFrom + this.#chunk.length
    if (past || block.file !== this.#chunkFile) await this.#readChunk(block)
    const from = block.offset - this.#chunkFrom
    this.row.open(this.#chunk, from, from + block.bytes)
    return true
  }

  /** Moves to the next row of the range in the loaded block; false when there is none. */
  next(): boolean {
    const { row } = this
    while (row.next()) {
      if (row.keyGroup > this.#lastKeyGroup) {
        row.skip()
        return false
      }
      if (row.keyGroup >= this.#firstKeyGroup) return true
    }
    return false
  }

  /** One request for as many of the following blocks as are needed and fit. */
  async #readChunk(block: BlockInfo): Promise<void> {
    const wanted = [block]
    for (let i = this.#nextBlock; i < this.#endBlock; i++) {
      const following = this.#blocks[i] as BlockInfo
      const end = following.offset + following.bytes
      if (following.file !== block.file || end - block.offset > this.#readAheadBytes) break
      wanted.push(following)
    }
    this.#chunk = await readBlocks(wanted)
    this.#chunkFile = block.file
    this.#chunkFrom = block.offset
  }
}
