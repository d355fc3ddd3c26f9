/** Why a text is not a CSV record; the words are the reason in the invalid output. */
export type CsvFault = 'csv: a quoted field is not closed' | 'csv: text after a closing quote'

/**
 * The fields of one CSV record (RFC 4180): fields may be quoted, a quote inside is doubled, quoted fields may hold delimiters and
 * line ends. A quote inside an unquoted field is text. Nothing is trimmed. An empty text is one empty field.
 */
export function splitCsv(record: string, delimiter: string): string[] | CsvFault {
  if (!record.includes('"')) return record.split(delimiter)
  const fields: string[] = []
  let at = 0
  while (true) {
    if (record[at] !== '"') {
      const end = record.indexOf(delimiter, at)
      fields.push(end < 0 ? record.slice(at) : record.slice(at, end))
      if (end < 0) return fields
      at = end + 1
      continue
    }
    let value = ''
    let from = at + 1
    while (true) {
      const quote = record.indexOf('"', from)
      if (quote < 0) return 'csv: a quoted field is not closed'
      value += record.slice(from, quote)
      at = quote + 1
      if (record[at] !== '"') break
      value += '"'
      from = at + 1
    }
    fields.push(value)
    if (at === record.length) return fields
    if (record[at] !== delimiter) return 'csv: text after a closing quote'
    at++
  }
}
