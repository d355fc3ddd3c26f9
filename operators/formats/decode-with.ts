import type { DecodeOutput, Decoder, RawRecord } from '../../runtime/contract/source.js'

/**
 * A decoder from a function. It may emit any number of values, or say why the record is invalid; doing neither skips the record.
 * `raw` is only valid during the call. What it throws fails the job: call `out.invalid` for records that are wrong.
 */
export function decodeWith<T>(decode: (raw: RawRecord, out: DecodeOutput<T>) => void): Decoder<RawRecord, T> {
  return { decode }
}
