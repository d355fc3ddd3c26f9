import { MillraceError } from '../../../runtime/contract/errors.js'
import { splitCsv } from '../../formats/csv-fields.js'
import { csvScanner } from './record-scanner.js'
import type { SplitFile } from './split-file.js'

const FIRST_LOOK = 4096
const MAX_HEADER = 1024 * 1024

/**
 * The first record of a CSV file: the names of its columns, and the offset behind it. `start` is where it begins.
 * MILLRACE_INPUT if it is not closed within 1 MB, broken or names a column twice.
 */
export async function readColumns(
  file: SplitFile,
  path: string,
  size: number,
  start: number,
  delimiter: string,
): Promise<{ readonly columns: readonly string[]; readonly end: number }> {
  if (start >= size) return { columns: [], end: start }
  for (let length = FIRST_LOOK; ; length *= 8) {
    const bytes = Buffer.allocUnsafe(Math.min(length, size - start))
    await file.read(bytes, start)
    const found = csvScanner(delimiter).recordEnd(bytes, 0)
    if (found < 0 && bytes.length < size - start) {
      if (length >= MAX_HEADER) throw headerError(path, 'has no end')
      continue
    }
    const end = found < 0 ? bytes.length : found
    const cut = found > 0 && bytes[found - 1] === 0x0d ? 1 : 0
    const columns = splitCsv(bytes.toString('utf8', 0, end - cut), delimiter)
    if (typeof columns === 'string') throw headerError(path, `is broken (${columns})`)
    const twice = columns.find((name, i) => columns.indexOf(name) !== i)
    if (twice !== undefined) throw headerError(path, `names the column ${JSON.stringify(twice)} twice`)
    return { columns, end: start + Math.min(end + 1, bytes.length) }
  }
}

function headerError(path: string, what: string): MillraceError {
  return new MillraceError('MILLRACE_INPUT', `the header of the CSV file ${path} ${what}`, {
    hint: 'correct the file, or name the columns in the job: header: false and csv(schema, { columns: [...] })',
  })
}
