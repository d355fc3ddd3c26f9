import { allocateFrameBytes, type FrameBytes } from './frame-bytes.js'
import { FrameDecoder, FrameEncoder } from './frame-codec.js'
import { FrameSink } from './frame-sink.js'
import type { RecordBatch } from './record-batch.js'

/** A batch as the bytes of a frame, in memory of its own: `data.bytes[from, to)`, `from` a multiple of 8. */
export interface StoredFrame {
  readonly kind: 'frame'
  readonly data: FrameBytes
  readonly from: number
  readonly to: number
}

/** Turns batches into frames that may be kept, and back. One serves a thread. */
export class FrameStore {
  private readonly encoder = new FrameEncoder()
  private readonly decoder = new FrameDecoder()
  private readonly sink = new FrameSink()

  /** The batch stays as it is. Throws MILLRACE_VALUE for records that cannot cross threads. */
  store(batch: RecordBatch): StoredFrame {
    this.encoder.encode(batch, this.sink)
    const { length, data: encoded } = this.sink
    const data = allocateFrameBytes(length)
    data.bytes.set(encoded.bytes.subarray(0, length))
    this.sink.reset()
    return { kind: 'frame', data, from: 0, to: length }
  }

  /** Replaces what `batch` holds by the frame. */
  load(frame: StoredFrame, batch: RecordBatch): void {
    this.decoder.decode(frame.data, frame.from, batch)
  }
}
