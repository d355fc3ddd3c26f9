import type { InvalidRecord, RawRecord } from '../../runtime/contract/source.js'
import { isLossless } from './raw-text.js'

/**
 * A record for the invalid output: its text with undecodable bytes as U+FFFD, why it was refused and where it came from
 * (`path:byteOffset`). `rawBase64` is there only when the text does not have all that is in the bytes.
 */
export function toInvalidRecord(raw: RawRecord, reason: string): InvalidRecord {
  const text = raw.text()
  const record = { raw: text, reason, source: raw.position() }
  if (isLossless(raw, text)) return record
  const { buffer, byteOffset, byteLength } = raw.bytes
  return { ...record, rawBase64: Buffer.from(buffer, byteOffset, byteLength).toString('base64') }
}
