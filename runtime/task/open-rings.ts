import { FrameDecoder, FrameEncoder } from '../exchange/frame-codec.js'
import type { Waker } from '../exchange/parking.js'
import { openRing } from '../exchange/ring.js'
import { RingChannelReader, RingChannelWriter } from '../exchange/ring-channel.js'
import { RingReader } from '../exchange/ring-reader.js'
import { RingWriter } from '../exchange/ring-writer.js'
import type { RingOpener } from './channel-table.js'

/** Opens the rings of a slot; one encoder and one decoder serve them all. */
export function openRings(attempt: number, waker: Waker): RingOpener {
  const encoder = new FrameEncoder()
  const decoder = new FrameDecoder()
  return {
    writer: (ring, toSlot, batchRecords, keyed) =>
      new RingChannelWriter(new RingWriter(openRing(ring), attempt, waker, toSlot), encoder, batchRecords, keyed),
    reader: (ring, fromSlot, batchRecords, keyed) =>
      new RingChannelReader(new RingReader(openRing(ring), attempt, waker, fromSlot), decoder, batchRecords, keyed),
  }
}
