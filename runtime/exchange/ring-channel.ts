/*
 * A channel between two slots: elements as frames in a ring.
 *
 *   batch -> FrameEncoder -> sink -> RingWriter ==ring==> RingReader -> FrameDecoder -> batch
 *
 * Invariant: `pending` is the element whose frame is encoded but not completely in the ring; nothing else is written
 * before it, so order is kept, and it is encoded once however often the ring is full.
 */
import { MillraceError } from '../contract/errors.js'
import type { ChannelReader, ChannelWriter } from './channel.js'
import { ControlWriter, decodeControl, FRAME_KIND } from './control-codec.js'
import type { ControlElement, Element } from './element.js'
import type { FrameDecoder, FrameEncoder } from './frame-codec.js'
import { FrameSink } from './frame-sink.js'
import { RecordBatch } from './record-batch.js'
import type { RingReader } from './ring-reader.js'
import type { RingWriter } from './ring-writer.js'

/** The writing end. The batch is encoded, so `takeBatch` always gives the same one. */
export class RingChannelWriter implements ChannelWriter {
  private readonly ring: RingWriter
  private readonly encoder: FrameEncoder
  private readonly sink = new FrameSink()
  private readonly control = new ControlWriter()
  private readonly batch: RecordBatch
  private pending: Element | undefined

  /** Batches hold up to `maxRecords` records, with or without key groups. `encoder` may serve all channels of the thread. */
  constructor(ring: RingWriter, encoder: FrameEncoder, maxRecords: number, keyed: boolean) {
    this.ring = ring
    this.encoder = encoder
    this.batch = new RecordBatch(maxRecords, keyed)
  }

  takeBatch(): RecordBatch {
    return this.batch
  }

  tryWriteRecords(batch: RecordBatch): boolean {
    if (this.begin(batch)) this.encoder.encode(batch, this.sink)
    this.pending = batch
    if (!this.ring.tryWrite(FRAME_KIND.RECORDS, this.sink.data.bytes, 0, this.sink.length)) return false
    this.pending = undefined
    batch.clear()
    return true
  }

  tryWriteControl(element: ControlElement): boolean {
    if (this.begin(element)) this.control.encode(element)
    this.pending = element
    if (!this.ring.tryWrite(this.control.kind, this.control.bytes, 0, this.control.length)) return false
    this.pending = undefined
    return true
  }

  hasRoom(): boolean {
    return this.ring.hasRoom()
  }

  isHeld(): boolean {
    return this.ring.isHeld()
  }

  taken(): () => boolean {
    return this.ring.taken()
  }

  /** Whether the element is a new one, to be encoded. */
  private begin(element: Element): boolean {
    if (this.pending === undefined) return true
    if (this.pending === element) return false
    const both = `a ${element.kind} element was written before the waiting ${this.pending.kind} element`
    throw new MillraceError('MILLRACE_INTERNAL', `${both} of the same channel`)
  }
}

/** The reading end. Decodes each batch into the same one. `decoder` may serve all channels of the thread. */
export class RingChannelReader implements ChannelReader {
  private readonly ring: RingReader
  private readonly decoder: FrameDecoder
  private readonly batch: RecordBatch

  constructor(ring: RingReader, decoder: FrameDecoder, maxRecords: number, keyed: boolean) {
    this.ring = ring
    this.decoder = decoder
    this.batch = new RecordBatch(maxRecords, keyed)
  }

  hasNext(): boolean {
    return this.ring.hasNext()
  }

  poll(): Element | undefined {
    this.release()
    const frame = this.ring.poll()
    if (frame === undefined) return undefined
    let element: Element = this.batch
    if (frame.kind === FRAME_KIND.RECORDS) this.decoder.decode(frame.data, frame.from, this.batch)
    else element = decodeControl(frame)
    this.ring.release()
    return element
  }

  release(): void {
    if (this.batch.length > 0) this.batch.clear()
  }

  hold(held: boolean): void {
    this.ring.hold(held)
  }
}
