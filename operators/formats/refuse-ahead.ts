import type { Decoder, DecodeOutput, RawRecord } from '../../runtime/contract/source.js'
import { durationMs, type Duration } from '../api/duration.js'

/** How far ahead a record's time may be, and where it is. */
export interface RefuseAheadOptions<T> {
  /** Ahead of the record's arrival. */
  readonly maxAhead: Duration
  /** Epoch milliseconds, as the record says them; undefined if it says none. */
  readonly time: (value: T) => number | undefined
}

/**
 * Refuses records that claim to come from the future: one of them moves the watermark there, and makes everything else late. What is further
 * ahead of its arrival than `maxAhead` goes to the source's `invalid` output, with the reason. Up to the bound of the watermarks, no record
 * can make late what is stamped when it arrives. Records of sources without a time of arrival, files for one, are not judged: old ones
 * may be read at any time. MILLRACE_GRAPH if `maxAhead` is no duration.
 */
export function refuseAhead<T>(
  decoder: Decoder<RawRecord, T>,
  { maxAhead, time }: RefuseAheadOptions<T>,
): Decoder<RawRecord, T> {
  const maxAheadMs = durationMs(maxAhead, '`maxAhead` of refuseAhead()')
  return {
    decode(raw, out) {
      const { approximateArrivalMs: arrivalMs = NaN } = raw
      decoder.decode(raw, Number.isNaN(arrivalMs) ? out : judging(out, arrivalMs))
    },
  }

  function judging(out: DecodeOutput<T>, arrivalMs: number): DecodeOutput<T> {
    return {
      emit(value) {
        const aheadMs = (time(value) ?? arrivalMs) - arrivalMs
        if (aheadMs <= maxAheadMs) out.emit(value)
        else out.invalid(`its time is ${aheadMs} ms ahead of its arrival, over the limit of ${maxAheadMs} ms`)
      },
      invalid: (reason) => out.invalid(reason),
    }
  }
}
