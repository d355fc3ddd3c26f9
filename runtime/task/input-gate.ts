/**
 * Invariant: elements of one channel are handed on in order, none from a channel that is blocked by a barrier.
 *
 *   channel 0 --.
 *   channel 1 ---> gate (round robin over unblocked channels) --> records | watermark | barrier | end
 */
import type { Key } from '../contract/key.js'
import type { ChannelReader } from '../exchange/channel.js'
import type { ControlElement } from '../exchange/element.js'
import type { RecordBatch } from '../exchange/record-batch.js'
import { BarrierAligner } from './barrier-aligner.js'
import { WatermarkValve, type ValveOutput } from './watermark-valve.js'

/** One channel into a subtask: which input it feeds and, on hash edges, the key of a record. */
export interface GateChannel {
  readonly reader: ChannelReader
  readonly input: 0 | 1
  readonly keyOf: ((value: unknown) => Key) | undefined
}

/** What the gate hands on. */
export interface GateOutput extends ValveOutput {
  records(batch: RecordBatch, channel: GateChannel): void
  aligned(checkpointId: number, timestampMs: number): void
  ended(): void
}

/** All channels into a subtask, as one sequence of elements. Slot thread. */
export class InputGate {
  private readonly channels: readonly GateChannel[]
  private readonly output: GateOutput
  private readonly valve: WatermarkValve
  private readonly aligner: BarrierAligner
  private readonly endedChannels: Uint8Array
  private open: number
  private next = 0

  constructor(channels: readonly GateChannel[], output: GateOutput, restoredWatermark: number) {
    this.channels = channels
    this.output = output
    this.valve = new WatermarkValve(channels.length, output, restoredWatermark)
    this.aligner = new BarrierAligner(channels.length)
    this.endedChannels = new Uint8Array(channels.length)
    this.open = channels.length
  }

  /** Hands on one element; false when no unblocked channel has any. */
  poll(): boolean {
    const { channels } = this
    for (let tried = 0; tried < channels.length; tried++) {
      const index = this.next
      if (++this.next === channels.length) this.next = 0
      if (this.aligner.blocked(index)) continue
      const channel = channels[index]!
      const element = channel.reader.poll()
      if (element === undefined) continue
      if (element.kind === 'records') this.output.records(element, channel)
      else this.control(element, index)
      return true
    }
    return false
  }

  /** Whether an unblocked channel has something; asked before the slot sleeps. */
  hasNext(): boolean {
    for (let c = 0; c < this.channels.length; c++) {
      if (!this.aligner.blocked(c) && this.channels[c]!.reader.hasNext()) return true
    }
    return false
  }

  abort(checkpointId: number): void {
    this.aligner.abort(checkpointId)
  }

  private control(element: ControlElement, channel: number): void {
    switch (element.kind) {
      case 'watermark':
        return this.valve.inputWatermark(channel, element.time)
      case 'idle':
        return this.valve.inputStatus(channel, true)
      case 'active':
        return this.valve.inputStatus(channel, false)
      case 'barrier': {
        const result = this.aligner.barrier(channel, element.checkpointId)
        if (result.kind === 'aligned') this.output.aligned(element.checkpointId, element.timestamp)
        return
      }
      case 'end':
        if (this.endedChannels[channel] === 1) return
        this.endedChannels[channel] = 1
        if (--this.open === 0) this.output.ended()
    }
  }
}
