import type { DecodeOutput, Decoder, RawRecord } from '../../runtime/contract/source.js'
import { isLossless, NOT_UTF8 } from './raw-text.js'
import { describeIssues, type StandardSchema, validate } from './standard-schema.js'

/** What {@link json} does with what is no value. */
export interface JsonOptions {
  /** What becomes of a record of white space only. Default `skip`. */
  readonly blank?: 'skip' | 'invalid'
}

/**
 * Each record is one JSON text. With a schema, the value is what the schema makes of it. What does not parse or pass goes to the
 * invalid output; the reasons are `not JSON`, `not UTF-8` and `schema: <path>: <message>`.
 */
export function json<T = unknown>(schema?: StandardSchema<T>, options: JsonOptions = {}): Decoder<RawRecord, T> {
  const skipBlank = options.blank !== 'invalid'
  const refuse = (raw: RawRecord, line: string, out: DecodeOutput<T>): void => {
    if (!skipBlank || line.trim() !== '') out.invalid(isLossless(raw, line) ? 'not JSON' : NOT_UTF8)
  }
  return {
    decode(raw, out) {
      const line = raw.text()
      let value: unknown
      try {
        value = JSON.parse(line)
      } catch {
        refuse(raw, line, out)
        return
      }
      if (!isLossless(raw, line)) {
        out.invalid(NOT_UTF8)
        return
      }
      if (schema === undefined) {
        out.emit(value as T)
        return
      }
      const result = validate(schema, value)
      if (result.issues === undefined) out.emit(result.value)
      else out.invalid(describeIssues(result.issues))
    },
  }
}
