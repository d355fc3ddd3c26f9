// A log entry on disk is one JSON document, readable as it is. Its first lines never change, in any format:
//
//   {
//     "format": 1,
//     "checksum": "crc32:89abcdef",      <- of the format's digits, a line feed, and every byte of the entry's text
//     "entry": { ... }
//   }
//
// so the checksum is checked before the format: a flipped bit is never taken for "written by a newer version".
import { crc32 } from '../codec/crc32.js'
import { MillraceError } from '../contract/errors.js'
import { toJsonText } from './json-text.js'
import type { LogEntry, ManifestFormat } from './manifest.js'

/** What this version writes, and the newest it reads. */
export const MANIFEST_FORMAT: ManifestFormat = 1

const HEADER = /^\{\n {2}"format": ([1-9]\d{0,8}),\n {2}"checksum": "crc32:([0-9a-f]{8})",\n {2}"entry": /
const HEADER_MAX_BYTES = 100
const TRAILER = '\n}\n'

/** The entry as the bytes of its file. A value that JSON cannot hold is MILLRACE_VALUE naming its place. */
export function encodeEntry(entry: LogEntry): Buffer {
  const { format, ...rest } = mapWatermarks(entry, watermarkToJson)
  const text = Buffer.from(toJsonText(rest, 'manifest'))
  const header = `{\n  "format": ${format},\n  "checksum": "crc32:${checksum(format, text)}",\n  "entry": `
  return Buffer.concat([Buffer.from(header), text, Buffer.from(TRAILER)])
}

/**
 * The inverse. `path` is for messages. Torn or altered bytes are MILLRACE_CORRUPT; an entry of a newer format is MILLRACE_RESTORE.
 */
export function decodeEntry(bytes: Uint8Array, path: string): LogEntry {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const header = HEADER.exec(buffer.toString('latin1', 0, HEADER_MAX_BYTES))
  const end = buffer.length - TRAILER.length
  if (header === null || end < header[0].length || buffer.toString('latin1', end) !== TRAILER) throw corrupt(path)
  const text = buffer.subarray(header[0].length, end)
  const format = Number(header[1])
  if (checksum(format, text) !== header[2]) throw corrupt(path)
  if (format > MANIFEST_FORMAT) {
    throw new MillraceError(
      'MILLRACE_RESTORE',
      `${path} was written by a newer version of Millrace (format ${format})`,
      {
        hint: `this version reads formats up to ${MANIFEST_FORMAT}: use the newer one`,
      },
    )
  }
  const entry = JSON.parse(text.toString('utf8')) as Omit<LogEntry, 'format'>
  return mapWatermarks({ ...entry, format: MANIFEST_FORMAT } as LogEntry, watermarkFromJson)
}

/** The error for a file that is not what was written. */
export function corrupt(path: string): MillraceError {
  return new MillraceError(
    'MILLRACE_CORRUPT',
    `checkpoint file ${path} is damaged: its checksum does not match its content`,
    {
      hint: 'restore the file from a backup, or start afresh with another --job-id or --checkpoint-dir',
    },
  )
}

function checksum(format: number, text: Uint8Array): string {
  return crc32(text, 0, text.length, crc32(Buffer.from(`${format}\n`)))
    .toString(16)
    .padStart(8, '0')
}

// JSON has no infinities: watermarks, and only they, may be, and are written as these words.
function watermarkToJson(watermark: number): number {
  const word = watermark === -Infinity ? '-inf' : watermark === Infinity ? '+inf' : watermark
  return word as number
}

function watermarkFromJson(written: number | string): number {
  return written === '-inf' ? -Infinity : written === '+inf' ? Infinity : (written as number)
}

function mapWatermarks(entry: LogEntry, map: (watermark: number) => number): LogEntry {
  if (entry.kind !== 'checkpoint') return entry
  return {
    ...entry,
    sources: mapRecord(entry.sources, (source) => ({
      ...source,
      splits: source.splits.map((split) => ({ ...split, watermark: map(split.watermark) })),
    })),
    operators: mapRecord(entry.operators, (operator) => ({ ...operator, watermarks: operator.watermarks.map(map) })),
  }
}

/** `Object.fromEntries` keeps a uid called `__proto__`. */
function mapRecord<T>(record: Readonly<Record<string, T>>, map: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([uid, value]) => [uid, map(value)]))
}
