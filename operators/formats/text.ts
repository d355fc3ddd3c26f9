import type { Decoder, RawRecord } from '../../runtime/contract/source.js'
import { isLossless, NOT_UTF8 } from './raw-text.js'

/** Records as strings. Bytes that are not UTF-8 make the record invalid; a string never has another text than the record. */
export function text(): Decoder<RawRecord, string> {
  return {
    decode(raw, out) {
      const line = raw.text()
      if (isLossless(raw, line)) out.emit(line)
      else out.invalid(NOT_UTF8)
    },
  }
}
