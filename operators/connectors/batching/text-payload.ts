import { isUtf8 } from 'node:buffer'
import { Refusal } from './batching-options.js'
import { type PayloadEncoder, payloadEncoder, type PayloadOptions } from './payload.js'

/** As {@link payloadEncoder}, for services that take text: bytes must be UTF-8. */
export function textPayloadEncoder<T>(
  options: PayloadOptions<T>,
  job: { readonly jobId: string; readonly uid: string },
): (value: T, timestamp: number) => string | Refusal {
  const encode: PayloadEncoder<T> = payloadEncoder(options, job)
  return (value, timestamp) => {
    const payload = encode(value, timestamp)
    if (!(payload instanceof Uint8Array)) return payload
    return isUtf8(payload) ? Buffer.from(payload).toString() : new Refusal('the bytes are not UTF-8 text')
  }
}
