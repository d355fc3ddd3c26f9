/** Finds where records end. One for each split: it remembers the record it is in when a chunk ends. */
export interface RecordScanner {
  /** Index of the line end of the record that goes on at `from`; -1 if the chunk ends before. */
  recordEnd(chunk: Buffer, from: number): number
}

const LINE_END = 0x0a
const QUOTE = 0x22

/** Every line is a record. */
export function lineScanner(): RecordScanner {
  return { recordEnd: (chunk, from) => chunk.indexOf(LINE_END, from) }
}

/** Records of RFC 4180: a line end inside a quoted field is part of it. Quotes count only where a field begins. */
export function csvScanner(delimiter: string): RecordScanner {
  return new CsvScanner(delimiter.charCodeAt(0))
}

const FIELD_START = 0
const PLAIN = 1
const QUOTED = 2
const AFTER_QUOTE = 3

class CsvScanner implements RecordScanner {
  private readonly delimiter: number
  private state = FIELD_START
  private chunk: Buffer | undefined
  private nextQuote = -1

  constructor(delimiter: number) {
    this.delimiter = delimiter
  }

  recordEnd(chunk: Buffer, from: number): number {
    if (this.state === FIELD_START) {
      const end = chunk.indexOf(LINE_END, from)
      if (end >= 0 && end < this.quoteFrom(chunk, from)) return end
    }
    return this.walk(chunk, from)
  }

  /** Index of the first quote at or behind `from`, or the chunk's length: looked for once, not for each record. */
  private quoteFrom(chunk: Buffer, from: number): number {
    if (this.chunk !== chunk || this.nextQuote < from) {
      const found = chunk.indexOf(QUOTE, from)
      this.chunk = chunk
      this.nextQuote = found < 0 ? chunk.length : found
    }
    return this.nextQuote
  }

  private walk(chunk: Buffer, from: number): number {
    const { delimiter } = this
    let state = this.state
    for (let i = from; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (state === QUOTED) {
        if (byte === QUOTE) state = AFTER_QUOTE
      } else if (byte === LINE_END) {
        this.state = FIELD_START
        return i
      } else if (byte === delimiter) {
        state = FIELD_START
      } else if (byte === QUOTE && state !== PLAIN) {
        state = QUOTED
      } else {
        state = PLAIN
      }
    }
    this.state = state
    return -1
  }
}
