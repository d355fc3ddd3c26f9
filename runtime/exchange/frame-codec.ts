/*
 * The payload of a frame of records, columns at multiples of 8:
 *
 *   count, layout | timestamps | key groups (keyed) | SINGLE: values          a column of whatever the batch holds
 *                                                   | OBJECTS: keys | column of key 0 | column of key 1 ...
 *
 * Invariant: decode(encode(batch)) gives what the value codec gives for each record, whatever the form; the form is found
 * anew for each batch and a frame needs no other frame to be read.
 */
import { ColumnDecoder, ColumnEncoder } from './column-codec.js'
import { encodeNumbers } from './column-number.js'
import { ColumnView } from './column-view.js'
import type { FrameBytes } from './frame-bytes.js'
import { align8 } from './frame-sink.js'
import type { FrameSink } from './frame-sink.js'
import type { RecordBatch } from './record-batch.js'
import { RecordShapes } from './record-shape.js'
import type { RecordShape } from './record-shape.js'

const SINGLE = 0
const OBJECTS = 1
const KEYED = 2
/** Fewer records are not worth columns. */
const MIN_COLUMNAR = 4

/** Encodes batches into frames. What it keeps only saves work: one per thread serves all channels. */
export class FrameEncoder {
  private readonly shapes = new RecordShapes()
  private readonly column = new ColumnEncoder()
  private readonly columns: unknown[][] = []

  /** Replaces what `sink` holds by the batch. Throws MILLRACE_VALUE, naming the field, for what cannot cross threads. */
  encode(batch: RecordBatch, sink: FrameSink): void {
    const count = batch.length
    const { values, keyGroups } = batch
    const shape = count < MIN_COLUMNAR ? undefined : this.shapes.shapeOf(values, count)
    sink.reset()
    sink.reserve(8)
    sink.head(count, (shape === undefined ? SINGLE : OBJECTS) | (keyGroups === undefined ? 0 : KEYED))
    if (count === 0) return
    encodeNumbers(sink, batch.timestamps, count)
    if (keyGroups !== undefined) encodeKeyGroups(sink, keyGroups, count)
    if (shape === undefined) this.column.encode(sink, values, count)
    else this.encodeObjects(sink, values, count, shape)
  }

  private encodeObjects(sink: FrameSink, values: readonly unknown[], count: number, shape: RecordShape): void {
    const { columns } = this
    const size = shape.keys.length
    while (columns.length < size) columns.push([])
    shape.gather(values, count, columns)
    sink.reserve(8 + shape.text.length)
    sink.head(shape.text.length, size)
    sink.data.bytes.set(shape.text, sink.length)
    sink.advance(shape.text.length)
    try {
      for (let k = 0; k < size; k++) this.column.encode(sink, columns[k]!, count)
    } catch (error) {
      this.column.encodeValues(sink, values, count) // names the path from the record
      throw error
    } finally {
      for (let k = 0; k < size; k++) columns[k]!.fill(undefined, 0, count)
    }
  }
}

function encodeKeyGroups(sink: FrameSink, keyGroups: Uint16Array, count: number): void {
  sink.reserve(count * 2)
  const out = sink.data.u16
  const at = sink.length >> 1
  for (let i = 0; i < count; i++) out[at + i] = keyGroups[i]!
  sink.advance(count * 2)
}

/** Decodes frames into batches. What it keeps only saves work: one per thread serves all channels. */
export class FrameDecoder {
  private readonly shapes = new RecordShapes()
  private readonly column = new ColumnDecoder()
  private readonly times = new ColumnView()
  private readonly views: ColumnView[] = []

  /** Replaces what `batch` holds by the frame at `from`. Nothing in the batch refers to the frame's memory afterwards. */
  decode(data: FrameBytes, from: number, batch: RecordBatch): void {
    const count = data.i32[from >> 2]!
    const layout = data.i32[(from >> 2) + 1]!
    batch.clear()
    batch.setKeyed((layout & KEYED) !== 0)
    if (count === 0) return
    batch.reserve(count)
    let at = this.decodeTimestamps(data, from + 8, count, batch.timestamps)
    if (batch.keyGroups !== undefined) at = decodeKeyGroups(data, at, count, batch.keyGroups)
    if ((layout & OBJECTS) !== 0) this.decodeObjects(data, at, count, batch.values)
    else this.decodeSingle(data, at, count, batch.values)
    batch.length = count
  }

  private decodeTimestamps(data: FrameBytes, at: number, count: number, out: Float64Array): number {
    const { times } = this
    const end = this.column.decode(data, at, count, times)
    const { array, offset } = times
    for (let i = 0; i < count; i++) out[i] = array[offset + i] as number
    return end
  }

  private decodeSingle(data: FrameBytes, at: number, count: number, out: unknown[]): void {
    const view = this.view(0)
    this.column.decode(data, at, count, view)
    const { array, offset } = view
    for (let i = 0; i < count; i++) out[i] = array[offset + i]
    view.clear(count)
  }

  private decodeObjects(data: FrameBytes, from: number, count: number, out: unknown[]): void {
    const textBytes = data.i32[from >> 2]!
    const size = data.i32[(from >> 2) + 1]!
    const shape = this.shapes.read(data.bytes, from + 8, from + 8 + textBytes)
    let at = align8(from + 8 + textBytes)
    for (let k = 0; k < size; k++) at = this.column.decode(data, at, count, this.view(k))
    shape.build(out, count, this.views)
    for (let k = 0; k < size; k++) this.view(k).clear(count)
  }

  private view(index: number): ColumnView {
    while (this.views.length <= index) this.views.push(new ColumnView())
    return this.views[index]!
  }
}

function decodeKeyGroups(data: FrameBytes, at: number, count: number, out: Uint16Array): number {
  const from = at >> 1
  const groups = data.u16
  for (let i = 0; i < count; i++) out[i] = groups[from + i]!
  return align8(at + count * 2)
}
