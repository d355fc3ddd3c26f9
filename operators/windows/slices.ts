/*
 * Event time cut wherever a window starts or ends, which makes one slice a slide, or two when the size is no multiple of it:
 *
 *   windows   [-----------------)                 size 5, slide 2: cuts at 0 1 2 3 4 ... (start, end, start, end)
 *                 [-----------------)             a slice belongs to all windows around it
 *   slices    [ )[ )[ )[ )[ )[ )[ )
 */
import type { SlidingWindows, TumblingWindows } from './assigner.js'
import { windowStart } from './window-start.js'

/** One slice at a time, and the windows around it; {@link moveTo} goes to another. Tumbling windows are slices of their own. */
export class Slices {
  readonly sizeMs: number
  readonly slideMs: number
  /** How far behind each window start another cut lies, because windows end there; 0: none. */
  readonly cutMs: number
  /** The slice. */
  start = 0
  end = 0
  /** The starts of the first and the last window around it; none: the first is after the last. */
  firstWindow = 0
  lastWindow = 0
  private readonly offsetMs: number

  constructor(assigner: SlidingWindows | TumblingWindows) {
    this.sizeMs = assigner.sizeMs
    this.slideMs = assigner.kind === 'sliding' ? assigner.slideMs : assigner.sizeMs
    this.cutMs = this.sizeMs % this.slideMs
    this.offsetMs = assigner.offsetMs
  }

  /** To the slice of an event time, whole epoch milliseconds. */
  moveTo(timestamp: number): void {
    const { sizeMs, slideMs, cutMs } = this
    const window = windowStart(timestamp, this.offsetMs, slideMs)
    const cut = window + cutMs
    const behindCut = timestamp >= cut
    this.start = behindCut ? cut : window
    this.end = behindCut || cutMs === 0 ? window + slideMs : cut
    this.lastWindow = window
    // The first window that ends behind the slice's start.
    const earlier = Math.ceil((window + sizeMs - this.start) / slideMs) - 1
    this.firstWindow = window - earlier * slideMs
  }
}
