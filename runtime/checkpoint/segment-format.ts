// A segment file, numbers little-endian, lengths as unsigned LEB128:
//
//   block*        rows in ascending (key group, key) order:
//                   u16 key group | key length * 4 + timer * 2 + tombstone | value length, unless tombstone | f64 timer, if any | key | value
//   index         per block: u16 first and last key group | rows | offset | bytes | u32 crc of the block | f64 earliest timer
//                   | length of the first key | first key | length of the filter | filter: see key-filter.ts (format 1: neither)
//   footer        48 index offset | 32 index bytes | 32 blocks | 48 rows | 32 crc of the index | 16 format | 32 crc of the footer so far
//                   | `MLRSEG`                                                                   (bits; 36 bytes, the same in any format)
//
// The footer's checksum is checked before the format: a flipped bit is never taken for "written by a newer version". The crc of the
// index covers those of all blocks, so a manifest that holds it knows the whole file by it.
import { MillraceError } from '../contract/errors.js'

/** What this version writes, and the newest it reads. */
export const SEGMENT_FORMAT = 2
/** Size of the footer, in any format. */
export const FOOTER_BYTES = 36
/** The last bytes of every segment. */
export const SEGMENT_MAGIC = 'MLRSEG'
/** A block is closed by the row that takes it to this size. */
export const BLOCK_BYTES: number = 48 * 1024
/** The `minTimer` of a row without timers, and of a block of such rows. */
export const NO_TIMER: number = Infinity

/** The error for a segment that is not what was written. `part` says where: `block 3`, `its index`. */
export function corruptSegment(path: string, part: string, problem: string): MillraceError {
  return new MillraceError('MILLRACE_CORRUPT', `checkpoint file ${path} is damaged: ${part} ${problem}`, {
    hint: 'restore the file from a backup, or start afresh with another --job-id or --checkpoint-dir',
  })
}
