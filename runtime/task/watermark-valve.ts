/**
 * Invariant: the output watermark is the minimum over channels that are active and aligned, and never falls.
 *
 *   channel watermarks --> [ min over active, caught-up channels ] --> one watermark, one status
 *
 * Semantics: Flink's StatusWatermarkValve. A channel back from idleness joins only when it has caught up with the output. When all are
 * idle the maximum of what they reached is emitted, then idle. An ended channel counts as +infinity.
 */
import { MIN_WATERMARK } from '../contract/time.js'

export interface ValveOutput {
  watermark(time: number): void
  status(idle: boolean): void
}

export class WatermarkValve {
  private readonly watermarks: Float64Array
  private readonly idle: Uint8Array
  private readonly aligned: Uint8Array
  private last: number
  private outputIdle = false
  private readonly output: ValveOutput

  /** `restored`: the watermark already emitted before a restore. */
  constructor(channels: number, output: ValveOutput, restored: number = MIN_WATERMARK) {
    this.watermarks = new Float64Array(channels).fill(MIN_WATERMARK)
    this.idle = new Uint8Array(channels)
    this.aligned = new Uint8Array(channels).fill(1)
    this.output = output
    this.last = restored
  }

  get current(): number {
    return this.last
  }

  inputWatermark(channel: number, time: number): void {
    if (this.idle[channel] === 1 || !(time > this.watermarks[channel]!)) return
    this.watermarks[channel] = time
    if (this.aligned[channel] === 0 && time >= this.last) this.aligned[channel] = 1
    this.emitMinimum()
  }

  inputStatus(channel: number, idle: boolean): void {
    if ((this.idle[channel] === 1) === idle) return
    this.idle[channel] = idle ? 1 : 0
    if (!idle) {
      this.aligned[channel] = this.watermarks[channel]! >= this.last ? 1 : 0
      this.setStatus(false)
      return
    }
    this.aligned[channel] = 0
    if (this.idle.every((flag) => flag === 1)) {
      this.emit(this.watermarks.reduce((a, b) => Math.max(a, b)))
      this.setStatus(true)
      return
    }
    this.emitMinimum()
  }

  private emitMinimum(): void {
    let min = Infinity
    let any = false
    for (let c = 0; c < this.watermarks.length; c++) {
      if (this.aligned[c] === 0 || this.idle[c] === 1) continue
      any = true
      if (this.watermarks[c]! < min) min = this.watermarks[c]!
    }
    if (any) this.emit(min)
  }

  private emit(time: number): void {
    if (!(time > this.last)) return
    this.last = time
    this.output.watermark(time)
  }

  private setStatus(idle: boolean): void {
    if (this.outputIdle === idle) return
    this.outputIdle = idle
    this.output.status(idle)
  }
}
