import { isUtf8 } from 'node:buffer'
import { decodeWith, type Decoder, type DecodeOutput, type RawRecord } from 'millrace'

/**
 * What a line is made of: it emits values, says why the line is invalid, or does neither and so skips it. `position` says where the line
 * came from, of no other line the same.
 */
export type LineDecoder<T> = (line: string, out: DecodeOutput<T>, position: () => string) => void

/** A decoder of text lines. Those whose bytes are not UTF-8 are invalid: two of them could not be told apart. */
export function decodeLines<T>(decode: LineDecoder<T>): Decoder<RawRecord, T> {
  return decodeWith((raw, out) => {
    const line = raw.text()
    if (line.includes('\ufffd') && !isUtf8(raw.bytes)) out.invalid('not UTF-8')
    else decode(line, out, () => raw.position())
  })
}
