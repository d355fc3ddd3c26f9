import { crc32 } from '../codec/crc32.js'
import { MillraceError } from '../contract/errors.js'
import { corruptSegment, FOOTER_BYTES, SEGMENT_FORMAT, SEGMENT_MAGIC } from './segment-format.js'

/** The first format whose index has them. */
const WITH_FILTERS = 2

/** Where a segment's bytes come from. `path` is for messages. */
export interface SegmentFile {
  readonly path: string
  read(from: number, to: number): Buffer | Promise<Buffer>
  /** What was read is not what was written: false when reading again would give the same. */
  distrust?(): Promise<boolean>
}

/** One block of a segment: the `number`-th of its file. */
export interface BlockInfo {
  readonly file: SegmentFile
  readonly number: number
  readonly firstKeyGroup: number
  readonly lastKeyGroup: number
  readonly rows: number
  readonly offset: number
  readonly bytes: number
  readonly crc: number
  /** Epoch milliseconds of the earliest timer in it, `NO_TIMER` without one. */
  readonly minTimer: number
  readonly firstKey: Uint8Array
  /** Of the rows' positions: see `mayHold`. Older segments have none. */
  readonly filter: Uint8Array | undefined
}

/** What a segment's footer says. */
export interface Footer {
  readonly indexOffset: number
  readonly indexBytes: number
  readonly blocks: number
  readonly rows: number
  readonly indexCrc: number
  readonly format: number
}

/** The footer, from the file's last bytes. Damaged: MILLRACE_CORRUPT; of a newer format: MILLRACE_RESTORE. */
export function readFooter(path: string, tail: Buffer): Footer {
  const footer = tail.subarray(Math.max(0, tail.length - FOOTER_BYTES))
  const magicFrom = FOOTER_BYTES - SEGMENT_MAGIC.length
  if (footer.length < FOOTER_BYTES || footer.toString('latin1', magicFrom) !== SEGMENT_MAGIC) {
    throw corruptSegment(path, 'its end', 'is missing or not that of a segment')
  }
  if (crc32(footer, 0, magicFrom - 4) !== footer.readUInt32LE(magicFrom - 4)) {
    throw corruptSegment(path, 'its footer', 'does not match its checksum')
  }
  const format = footer.readUInt16LE(magicFrom - 6)
  if (format > SEGMENT_FORMAT) {
    throw new MillraceError(
      'MILLRACE_RESTORE',
      `${path} was written by a newer version of Millrace (format ${format})`,
      {
        hint: `this version reads formats up to ${SEGMENT_FORMAT}: use the newer one`,
      },
    )
  }
  return {
    indexOffset: footer.readUIntLE(0, 6),
    indexBytes: footer.readUInt32LE(6),
    blocks: footer.readUInt32LE(10),
    rows: footer.readUIntLE(14, 6),
    indexCrc: footer.readUInt32LE(20),
    format,
  }
}

/** The index; damaged: MILLRACE_CORRUPT. */
export function readIndex(file: SegmentFile, footer: Footer, bytes: Buffer): BlockInfo[] {
  if (bytes.length !== footer.indexBytes || crc32(bytes) !== footer.indexCrc) {
    throw corruptSegment(file.path, 'its index', 'does not match its checksum')
  }
  const blocks: BlockInfo[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let unit = 1; ; unit *= 0x80) {
      const byte = bytes.readUInt8(at++)
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value
    }
  }
  while (blocks.length < footer.blocks) {
    const firstKeyGroup = bytes.readUInt16LE(at)
    const lastKeyGroup = bytes.readUInt16LE(at + 2)
    at += 4
    const rows = varint()
    const offset = varint()
    const length = varint()
    const crc = bytes.readUInt32LE(at)
    const minTimer = bytes.readDoubleLE(at + 4)
    at += 12
    const keyBytes = varint()
    const firstKey = bytes.subarray(at, at + keyBytes)
    at += keyBytes
    const filterBytes = footer.format < WITH_FILTERS ? 0 : varint()
    const filter = filterBytes === 0 ? undefined : bytes.subarray(at, at + filterBytes)
    at += filterBytes
    blocks.push({
      file,
      number: blocks.length,
      firstKeyGroup,
      lastKeyGroup,
      rows,
      offset,
      bytes: length,
      crc,
      minTimer,
      firstKey,
      filter,
    })
  }
  return blocks
}

/** Reads blocks that stand side by side in a file, and checks them. Truncated or altered: MILLRACE_CORRUPT naming the block. */
export async function readBlocks(blocks: readonly BlockInfo[]): Promise<Buffer> {
  const { file, offset } = blocks[0]!
  const last = blocks.at(-1)!
  for (;;) {
    const bytes = await file.read(offset, last.offset + last.bytes)
    try {
      for (const block of blocks) checkBlock(block, bytes, block.offset - offset)
      return bytes
    } catch (error) {
      if ((await file.distrust?.()) !== true) throw error
    }
  }
}

function checkBlock(block: BlockInfo, bytes: Buffer, from: number): void {
  const cutOff = from + block.bytes > bytes.length
  if (!cutOff && crc32(bytes, from, from + block.bytes) === block.crc) return
  const problem = cutOff ? 'is cut off' : 'does not match its checksum'
  throw corruptSegment(block.file.path, `block ${block.number}`, problem)
}
