import { isUtf8 } from 'node:buffer'
import type { RawRecord } from '../../runtime/contract/source.js'

const REPLACEMENT = '\ufffd'

/** The reason of a record whose bytes are not UTF-8, in every format. */
export const NOT_UTF8 = 'not UTF-8'

/**
 * Whether `text` (the record's) has all that is in its bytes. Only text with a U+FFFD costs a look at the bytes: it may stand
 * for bytes that are not UTF-8, or for itself.
 */
export function isLossless(raw: RawRecord, text: string): boolean {
  return !text.includes(REPLACEMENT) || isUtf8(raw.bytes)
}
