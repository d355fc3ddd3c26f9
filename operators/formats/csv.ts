import { MillraceError } from '../../runtime/contract/errors.js'
import type { DecodeOutput, Decoder, RawRecord } from '../../runtime/contract/source.js'
import { splitCsv } from './csv-fields.js'
import { isLossless, NOT_UTF8 } from './raw-text.js'
import { describeIssues, type StandardSchema, validate } from './standard-schema.js'

/** What a source that knows CSV says about its records. */
export interface CsvShape {
  readonly delimiter: string
  /** From the file's header. */
  readonly columns?: readonly string[]
}

/** A raw record of such a source. */
export interface CsvRecord extends RawRecord {
  readonly csv?: CsvShape
}

/** How {@link csv} takes records apart. */
export interface CsvOptions {
  /** The names of the fields, in order. Default: the file's header. */
  readonly columns?: readonly string[]
  /** One ASCII character. Default: the source's, else a comma. */
  readonly delimiter?: string
}

/**
 * Each record is a CSV record; its fields become an object of strings by column name, which the schema, if there is one, turns into
 * the value. Records with another number of fields than columns, or with broken quotes, are invalid. Empty lines are skipped.
 * MILLRACE_INPUT if there are neither a header nor `columns`.
 */
export function csv<T = Record<string, string>>(
  schema?: StandardSchema<T>,
  options: CsvOptions = {},
): Decoder<RawRecord, T> {
  return {
    decode(raw: CsvRecord, out) {
      const line = raw.text()
      if (line === '') return
      if (!isLossless(raw, line)) {
        out.invalid(NOT_UTF8)
        return
      }
      const columns = options.columns ?? raw.csv?.columns ?? missingColumns(raw)
      const fields = splitCsv(line, options.delimiter ?? raw.csv?.delimiter ?? ',')
      if (typeof fields === 'string') {
        out.invalid(fields)
      } else if (fields.length !== columns.length) {
        out.invalid(`csv: ${fields.length} fields, not ${columns.length}`)
      } else {
        emitObject(columns, fields, schema, out)
      }
    },
  }
}

function emitObject<T>(
  columns: readonly string[],
  fields: readonly string[],
  schema: StandardSchema<T> | undefined,
  out: DecodeOutput<T>,
): void {
  const object: Record<string, string> = {}
  for (let i = 0; i < columns.length; i++) {
    const name = columns[i]!
    const value = fields[i]!
    // A plain assignment to this name would be lost.
    if (name === '__proto__')
      Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
    else object[name] = value
  }
  if (schema === undefined) {
    out.emit(object as T)
    return
  }
  const result = validate(schema, object)
  if (result.issues === undefined) out.emit(result.value)
  else out.invalid(describeIssues(result.issues))
}

function missingColumns(raw: RawRecord): never {
  throw new MillraceError('MILLRACE_INPUT', `the CSV record at ${raw.position()} has no column names`, {
    hint: "read the file with format 'csv' and a header, or pass csv(schema, { columns: [...] })",
  })
}
