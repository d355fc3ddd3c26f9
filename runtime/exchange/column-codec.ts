import { ValueReader } from '../codec/value-reader.js'
import { ValueWriter } from '../codec/value-writer.js'
import { MillraceError } from '../contract/errors.js'
import { areNumbers, decodeNumbers, encodeNumbers } from './column-number.js'
import { decodeTexts, DictionaryDecoder, StringColumnEncoder } from './column-string.js'
import { COLUMN } from './column-tag.js'
import type { ColumnView } from './column-view.js'
import type { FrameBytes } from './frame-bytes.js'
import { align8 } from './frame-sink.js'
import type { FrameSink } from './frame-sink.js'

/** Encodes one column of values, in the form that its entries allow. One per thread is enough. */
export class ColumnEncoder {
  private readonly writer = new ValueWriter()
  private readonly strings = new StringColumnEncoder()

  /** Appends the first `count` entries, at least one. Throws MILLRACE_VALUE for values that cannot cross threads. */
  encode(sink: FrameSink, column: readonly unknown[], count: number): void {
    switch (typeof column[0]) {
      case 'string':
        if (this.strings.encode(sink, column, count)) return
        break
      case 'number':
        if (!areNumbers(column, count)) break
        return encodeNumbers(sink, column, count)
      case 'boolean':
        if (encodeBooleans(sink, column, count)) return
        break
      default: // no form of its own
    }
    this.encodeValues(sink, column, count)
  }

  /** Appends them one after another, by the value codec. */
  encodeValues(sink: FrameSink, column: readonly unknown[], count: number): void {
    const { writer } = this
    writer.reset()
    for (let i = 0; i < count; i++) writer.writeValue(column[i])
    sink.reserve(8 + writer.length)
    sink.head(COLUMN.VALUES, writer.length)
    sink.data.bytes.set(writer.bytes(), sink.length)
    sink.advance(writer.length)
  }
}

function encodeBooleans(sink: FrameSink, column: readonly unknown[], count: number): boolean {
  sink.reserve(8 + count)
  const out = sink.data.bytes
  const at = sink.length + 8
  for (let i = 0; i < count; i++) {
    const value = column[i]
    if (typeof value !== 'boolean') return false
    out[at + i] = value ? 1 : 0
  }
  sink.head(COLUMN.BOOLEANS, 0)
  sink.advance(count)
  return true
}

/** Decodes what a {@link ColumnEncoder} encoded. One per thread is enough. */
export class ColumnDecoder {
  private readonly reader = new ValueReader()
  private readonly dictionary = new DictionaryDecoder()

  /** Makes `view` show the column at `from`; returns where it ends. */
  decode(data: FrameBytes, from: number, count: number, view: ColumnView): number {
    const tag = data.i32[from >> 2]!
    const extra = data.i32[(from >> 2) + 1]!
    const at = from + 8
    switch (tag) {
      case COLUMN.CONSTANT:
      case COLUMN.INT32:
      case COLUMN.DISTANCE:
      case COLUMN.FLOAT64:
        return decodeNumbers(tag, data, at, count, view)
      case COLUMN.TEXTS:
        return decodeTexts(data, at, count, view)
      case COLUMN.DICTIONARY:
        return this.dictionary.decode(data, at, extra, count, view)
      case COLUMN.BOOLEANS: {
        const out = view.ownEntries()
        for (let i = 0; i < count; i++) out[i] = data.bytes[at + i] === 1
        return align8(at + count)
      }
      case COLUMN.VALUES: {
        const out = view.ownEntries()
        this.reader.setSource(data.bytes, at, at + extra)
        for (let i = 0; i < count; i++) out[i] = this.reader.readValue()
        return align8(at + extra)
      }
      default:
        throw new MillraceError('MILLRACE_INTERNAL', `a channel is broken: no column has form ${tag}`)
    }
  }
}
