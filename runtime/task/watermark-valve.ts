/**
 * Invariant: the output watermark is the minimum over channels that are active and aligned, and never falls.
 *
 *   channel watermarks --> [ min over active, caught-up channels ] --> one watermark, one status
 *
 * Semantics: Flink's StatusWatermarkValve. A channel back from idleness joins only when it has caught up with the output. When all are
 * idle the maximum of what they reached is emitted, then idle. Beyond Flink: an ended channel (+infinity) is left out while others are
 * open, so the end of time never comes before every input has ended, idle ones included.
 */
import { MAX_WATERMARK, MIN_WATERMARK } from '../contract/time.js'

/** Where the valve's watermark and status go. */
export interface ValveOutput {
  watermark(time: number): void
  status(idle: boolean): void
}

/** Many channels' watermarks in, one out. Slot thread. */
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
    this.update()
  }

  inputStatus(channel: number, idle: boolean): void {
    if ((this.idle[channel] === 1) === idle) return
    this.idle[channel] = idle ? 1 : 0
    this.aligned[channel] = !idle && this.watermarks[channel]! >= this.last ? 1 : 0
    this.update()
  }

  private update(): void {
    let min = MAX_WATERMARK
    let max = MIN_WATERMARK
    let open = 0
    let active = 0
    let joined = 0
    for (let c = 0; c < this.watermarks.length; c++) {
      const watermark = this.watermarks[c]!
      if (watermark === MAX_WATERMARK) continue
      open++
      if (watermark > max) max = watermark
      if (this.idle[c] === 1) continue
      active++
      if (this.aligned[c] === 0) continue
      joined++
      if (watermark < min) min = watermark
    }
    if (open === 0) return this.emit(MAX_WATERMARK)
    if (active === 0) {
      this.emit(max)
      return this.setStatus(true)
    }
    this.setStatus(false)
    if (joined > 0) this.emit(min)
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
