import { crc32 as zlibCrc32 } from 'node:zlib'

/** CRC-32 (ISO-HDLC, as zlib and gzip) of `bytes[from..to)`, unsigned. `seed` continues the CRC of what came before. */
export function crc32(bytes: Uint8Array, from: number = 0, to: number = bytes.length, seed: number = 0): number {
  return zlibCrc32(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to), seed)
}
