/**
 * Invariant: elements of one channel are handed on in order, none from a channel that is blocked by a barrier.
 *
 *   channel 0 --.
 *   channel 1 ---> gate (round robin over unblocked channels) --> records | watermark | barrier | end
 *
 * A channel that lags behind a snapshot is read ahead instead: what comes before its barrier is noted as in flight, and waits its turn
 * in memory. It is read on however slow the subtask is, so its sender gets rid of its barrier, up to a limit: then the subtask has to
 * work some off first. Until it has worked off all, senders are asked for no more: what is in flight does not grow with each checkpoint.
 */
import type { ControlElement } from '../exchange/element.js'
import type { RecordBatch } from '../exchange/record-batch.js'
import type { BatchInProgress } from './batch-in-progress.js'
import { BarrierAligner } from './barrier-aligner.js'
import type { ChannelLog } from './channel-log.js'
import type { GateChannel } from './gate-channel.js'
import type { Overtaking } from './overtaking.js'
import type { TakenElement } from './read-ahead.js'
import { WatermarkValve, type ValveOutput } from './watermark-valve.js'

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
  private readonly overtaking: Overtaking | undefined
  private readonly endedChannels: Uint8Array
  private open: number
  private next = 0
  /** Of the checkpoint that channels lag behind. */
  private log: ChannelLog | undefined
  /** Aligned, but what was read ahead before its barriers is still to be processed. */
  private deferred: { readonly checkpointId: number; readonly timestampMs: number } | undefined

  /** `overtaking`: absent where no barrier may overtake. */
  constructor(
    channels: readonly GateChannel[],
    output: GateOutput,
    restoredWatermark: number,
    overtaking?: Overtaking,
  ) {
    this.channels = channels
    this.output = output
    this.valve = new WatermarkValve(channels.length, output, restoredWatermark)
    this.aligner = new BarrierAligner(channels.length)
    this.overtaking = overtaking
    this.endedChannels = new Uint8Array(channels.length)
    this.open = channels.length
    if (overtaking?.ahead.empty === false) this.hold(true)
  }

  /** Hands on one element; false when no unblocked channel has any. */
  poll(): boolean {
    const { channels, overtaking, deferred } = this
    if (deferred !== undefined && overtaking?.ahead.empty !== false) {
      this.deferred = undefined
      this.output.aligned(deferred.checkpointId, deferred.timestampMs)
      return true
    }
    if (overtaking !== undefined && !overtaking.ahead.empty) {
      const { channel, element } = overtaking.ahead.next()
      if (overtaking.ahead.empty && !this.aligner.anyLagging) this.hold(false)
      this.handOn(element, channel)
      return true
    }
    for (let tried = 0; tried < channels.length; tried++) {
      const index = this.next
      if (++this.next === channels.length) this.next = 0
      if (!this.aligner.readable(index)) continue
      const element = channels[index]!.reader.poll()
      if (element === undefined) continue
      this.handOn(element, index)
      return true
    }
    return false
  }

  /** Whether an unblocked channel has something; asked before the slot sleeps. */
  hasNext(): boolean {
    if (this.deferred !== undefined || this.overtaking?.ahead.empty === false) return true
    for (let c = 0; c < this.channels.length; c++) {
      if (this.aligner.readable(c) && this.channels[c]!.reader.hasNext()) return true
    }
    return false
  }

  /** Takes one element out of each channel that lags; false when there is none, or too much waits already. */
  readAhead(): boolean {
    if (!this.mayReadAhead()) return false
    const { aligner, channels } = this
    let taken = false
    for (let c = 0; c < channels.length; c++) {
      if (!aligner.lagging(c)) continue
      const element = channels[c]!.reader.poll()
      if (element === undefined) continue
      taken = true
      if (element.kind === 'barrier') this.control(element, c)
      else this.take(element, c)
    }
    return taken
  }

  /** Whether {@link readAhead} would take something; asked before the slot sleeps. */
  canReadAhead(): boolean {
    return this.mayReadAhead() && this.channels.some((one, c) => this.aligner.lagging(c) && one.reader.hasNext())
  }

  /** Whether barriers of the checkpoint are still to come. */
  awaits(checkpointId: number): boolean {
    return this.aligner.awaits(checkpointId)
  }

  /** Whether the checkpoint's barrier may overtake now what is in the channels. */
  mayOvertake(checkpointId: number): boolean {
    if (this.overtaking === undefined || this.overtaking.refusal !== undefined) return false
    if (this.aligner.anyLagging || !this.aligner.awaits(checkpointId)) return false
    return this.channels.every(({ place }, c) => place !== undefined || this.aligner.arrivedAt(c, checkpointId))
  }

  /**
   * The snapshot is taken now: what is left of the batch, and what comes before the barrier of channels that have not had it, is in
   * flight. Undefined where records cannot be written: then nothing has happened, and no barrier will overtake any more.
   */
  overtake(checkpointId: number, batch: BatchInProgress): ChannelLog | undefined {
    const overtaking = this.overtaking!
    if (batch.active) {
      const { batch: rest, channel } = batch.rest()
      const element = overtaking.store(rest)
      if (element.kind === 'records') return undefined
      batch.drop()
      overtaking.ahead.putBack({ channel: this.channels.indexOf(channel), element })
    }
    this.log = overtaking.log(checkpointId)
    for (const { channel, element } of overtaking.ahead.all()) this.note(element, channel)
    this.aligner.overtake(checkpointId)
    this.hold(true)
    return this.log
  }

  abort(checkpointId: number): void {
    this.aligner.abort(checkpointId)
    if (this.deferred?.checkpointId === checkpointId) this.deferred = undefined
    this.endLog()
  }

  private hold(held: boolean): void {
    for (const { reader, place } of this.channels) if (place !== undefined) reader.hold(held)
  }

  private mayReadAhead(): boolean {
    const { overtaking } = this
    if (overtaking === undefined || !this.aligner.anyLagging) return false
    return overtaking.ahead.empty || overtaking.ahead.bytes < overtaking.limitBytes
  }

  private take(element: RecordBatch | ControlElement, channel: number): void {
    const overtaking = this.overtaking!
    const kept = element.kind === 'records' ? overtaking.store(element) : element
    overtaking.ahead.add({ channel, element: kept })
    this.note(kept, channel)
  }

  private note(element: TakenElement['element'], channel: number): void {
    if (element.kind === 'records') this.log?.fail(this.overtaking!.refusal!)
    else this.log?.add({ ...this.channels[channel]!.place!, element })
  }

  private handOn(element: RecordBatch | ControlElement, channel: number): void {
    if (element.kind === 'records') this.output.records(element, this.channels[channel]!)
    else this.control(element, channel)
  }

  private control(element: ControlElement, channel: number): void {
    switch (element.kind) {
      case 'watermark':
        return this.valve.inputWatermark(channel, element.time)
      case 'idle':
        return this.valve.inputStatus(channel, true)
      case 'active':
        return this.valve.inputStatus(channel, false)
      case 'barrier':
        return this.barrier(channel, element.checkpointId, element.timestamp)
      case 'end':
        if (this.endedChannels[channel] === 1) return
        this.endedChannels[channel] = 1
        if (--this.open === 0) this.output.ended()
    }
  }

  private barrier(channel: number, checkpointId: number, timestampMs: number): void {
    const result = this.aligner.barrier(channel, checkpointId)
    if (result.kind === 'caughtUp') this.log?.complete()
    this.endLog()
    if (result.kind !== 'aligned') return
    if (this.overtaking?.ahead.empty === false) this.deferred = { checkpointId, timestampMs }
    else this.output.aligned(checkpointId, timestampMs)
  }

  /** Nothing lags any more: what was not complete by then never will be. */
  private endLog(): void {
    if (this.log === undefined || this.aligner.anyLagging) return
    if (this.overtaking!.ahead.empty) this.hold(false)
    this.log.giveUp()
    this.log = undefined
  }
}
