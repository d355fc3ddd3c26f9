import { gunzipSync } from 'node:zlib'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { Decoder, RawRecord } from '../../../runtime/contract/source.js'
import { csv } from '../../formats/csv.js'
import { splitCsv } from '../../formats/csv-fields.js'
import { json } from '../../formats/json.js'
import { describeIssues, type StandardSchema, validate } from '../../formats/standard-schema.js'
import { csvScanner, lineScanner, type RecordScanner } from '../file/record-scanner.js'

/** What an object holds: a JSON text a line, one JSON array, or CSV with a header. */
export type RowFormat = 'jsonLines' | 'json' | 'csv'

const GZIP_MAGIC = [0x1f, 0x8b]
/** No reference data is larger; a small object may unpack to anything. */
const MAX_BYTES = 1024 * 1024 * 1024

/** All rows of an object, gzipped or not. One that cannot be read is MILLRACE_INPUT naming its place: all or nothing. */
export function objectRows<V>(
  bytes: Buffer,
  place: string,
  format: RowFormat,
  schema: StandardSchema<V> | undefined,
): V[] {
  const plain = unpacked(bytes, place)
  if (format === 'json') return arrayRows(plain, place, schema)
  if (format === 'jsonLines') return decodedRows(plain, 0, place, lineScanner(), json<V>(schema))
  const scanner = csvScanner(',')
  const end = scanner.recordEnd(plain, 0)
  const header = splitCsv(lineOf(plain, 0, end < 0 ? plain.length : end).replace(/^\ufeff/, ''), ',')
  if (typeof header === 'string') throw wrong(place, 0, header)
  const twice = header.find((name, i) => header.indexOf(name) !== i)
  if (twice !== undefined) throw wrong(place, 0, `the header names the column ${JSON.stringify(twice)} twice`)
  if (end < 0) return []
  return decodedRows(plain, end + 1, place, scanner, csv<V>(schema, { columns: header }))
}

function unpacked(bytes: Buffer, place: string): Buffer {
  if (bytes[0] !== GZIP_MAGIC[0] || bytes[1] !== GZIP_MAGIC[1]) return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES })
  } catch (error) {
    throw wrong(place, undefined, `is no gzip file, or larger than 1 GB unpacked (${(error as Error).message})`)
  }
}

function arrayRows<V>(bytes: Buffer, place: string, schema: StandardSchema<V> | undefined): V[] {
  let rows: unknown
  try {
    rows = JSON.parse(bytes.toString('utf8'))
  } catch {
    throw wrong(place, undefined, 'is not JSON')
  }
  if (!Array.isArray(rows)) throw wrong(place, undefined, 'is no JSON array')
  if (schema === undefined) return rows as V[]
  return rows.map((row, i) => {
    const result = validate(schema, row)
    if (result.issues === undefined) return result.value
    throw wrong(place, undefined, `[${i}]: ${describeIssues(result.issues)}`)
  })
}

function decodedRows<V>(
  bytes: Buffer,
  from: number,
  place: string,
  scanner: RecordScanner,
  decoder: Decoder<RawRecord, V>,
): V[] {
  const rows: V[] = []
  let start = from
  const raw: RawRecord & { bytes: Uint8Array } = {
    bytes,
    text: () => Buffer.from(raw.bytes.buffer, raw.bytes.byteOffset, raw.bytes.length).toString('utf8'),
    position: () => `${place}:${start}`,
  }
  const out = {
    emit: (value: V) => void rows.push(value),
    invalid: (reason: string) => {
      throw wrong(place, start, reason)
    },
  }
  while (start < bytes.length) {
    const found = scanner.recordEnd(bytes, start)
    const end = found < 0 ? bytes.length : found
    raw.bytes = bytes.subarray(start, withoutReturn(bytes, start, end))
    decoder.decode(raw, out)
    start = end + 1
  }
  return rows
}

function lineOf(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, withoutReturn(bytes, start, end))
}

function withoutReturn(bytes: Buffer, start: number, end: number): number {
  return end > start && bytes[end - 1] === 0x0d ? end - 1 : end
}

function wrong(place: string, offset: number | undefined, what: string): MillraceError {
  return new MillraceError(
    'MILLRACE_INPUT',
    `reference data ${place}${offset === undefined ? '' : `:${offset}`} ${what}`,
    {
      hint: 'correct the object; nothing of it is used as long as a part of it cannot be',
    },
  )
}
