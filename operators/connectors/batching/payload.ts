import { MillraceError } from '../../../runtime/contract/errors.js'
import { Refusal } from './batching-options.js'
import { contentId } from './content-id.js'

/** How values become the bytes that a service takes. */
export interface PayloadOptions<T> {
  /** Default: strings and bytes as they are, anything else as JSON, without a line end. A value that has no JSON is MILLRACE_VALUE. */
  readonly encode?: (value: T, timestamp: number) => string | Uint8Array
  /**
   * Puts a stable id into each payload, as a field of its JSON object, so that consumers of an at-least-once sink can drop what comes
   * twice. A payload that is no JSON object is rejected.
   */
  readonly recordId?: RecordIdOptions<T>
}

/** Where a record's id goes and where it comes from. */
export interface RecordIdOptions<T> {
  /** The name of the field: `recordId`. One that is there already is overwritten. */
  readonly field: string
  /**
   * The id, of a business key perhaps; the same each time for the same record. Default: {@link contentId} of the job's id, the sink's
   * uid, the record's time and its payload. Two records that are equal in all of these, at the same time, have one id.
   */
  readonly of?: (value: T, timestamp: number) => string
}

/** The payload of a value, or why it has none. */
export type PayloadEncoder<T> = (value: T, timestamp: number) => string | Uint8Array | Refusal

/** Makes the encoder of a sink's writer. Bytes are copied: who wrote the record may use them again. */
export function payloadEncoder<T>(
  options: PayloadOptions<T>,
  { jobId, uid }: { readonly jobId: string; readonly uid: string },
): PayloadEncoder<T> {
  const { recordId, encode = plainPayload } = options
  return (value, timestamp) => {
    const payload = encode(value, timestamp)
    if (recordId === undefined) return checked(payload)
    const text = typeof payload === 'string' ? payload : Buffer.from(payload).toString()
    const id = recordId.of?.(value, timestamp) ?? contentId(jobId, uid, timestamp, payload)
    return checked(withField(text, recordId.field, id))
  }
}

/** Strings and bytes as they are, anything else as JSON. */
function plainPayload(value: unknown): string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array ? value : toJson(value)
}

/** JSON text by `JSON.stringify`; MILLRACE_VALUE if the value has none. */
export function toJson(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n', 1)[0]! : String(cause)
    throw new MillraceError('MILLRACE_VALUE', `a value cannot be written as JSON: ${why}`, {
      hint: 'map it before the sink: a bigint to a string, a circular object to a tree',
      cause,
    })
  }
  if (text !== undefined) return text
  throw new MillraceError('MILLRACE_VALUE', `a value of type ${typeof value} cannot be written as JSON`, {
    hint: 'map it to a value or filter it out before the sink',
  })
}

function checked(payload: string | Uint8Array | Refusal): string | Uint8Array | Refusal {
  if (payload instanceof Refusal) return payload
  if (typeof payload !== 'string') return Buffer.from(payload)
  return isWellFormed(payload) ? payload : new Refusal('a text with a lone surrogate cannot be written in UTF-8')
}

/** Can the text be written in UTF-8? */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}

/** The last field of a name counts, for every JSON parser in use: no need to look for an earlier one. */
function withField(text: string, field: string, value: string): string | Refusal {
  const object = text.trim()
  if (!object.startsWith('{') || !object.endsWith('}')) return new Refusal(`is no JSON object: no room for ${field}`)
  const inside = object.slice(1, -1).trim()
  return `{${inside}${inside === '' ? '' : ','}${JSON.stringify(field)}:${JSON.stringify(value)}}`
}
