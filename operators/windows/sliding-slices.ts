/*
 * Sliding windows that share slices. Event time is cut wherever a window starts or ends, which makes one slice a slide, or two when the
 * size is no multiple of it; pane = slice start. A record is added once, to its slice; a window that fires merges its slices.
 *
 *   windows   [-----------------)                 size 5, slide 2: cuts at 0 1 2 3 4 ... (start, end, start, end)
 *                 [-----------------)             a slice belongs to all windows around it
 *   slices    [ )[ )[ )[ )[ )[ )[ )
 *
 * Invariants: each window that holds a slice and has not fired has its FIRE timer; a slice is in state until the last window that holds
 * it is gone. A window that is gone never fires again, so a record in its slice cannot reach it: the same results as windows apart.
 */
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { PaneState, TimerService } from '../../runtime/contract/state.js'
import type { SlidingWindows } from './assigner.js'
import { WindowOutput, requireAccumulator, type Contents, type WindowSpec } from './contents.js'
import { LateRecords } from './late-records.js'
import { PANES } from './pane-state.js'
import { CLEAN, FIRE } from './timer-namespaces.js'
import { requireTimestamp, windowStart } from './window-start.js'

/** Runs sliding windows, one accumulator a slice. Semantics: Flink's WindowOperator with EventTimeTrigger. */
export class SlicedWindowOperator<In, Acc> implements Operator<In, unknown> {
  private readonly assigner: SlidingWindows
  private readonly spec: WindowSpec<In, Acc>
  private readonly contents: Contents<In, Acc>
  private readonly merge: (a: Acc, b: Acc) => Acc
  private readonly latenessMs: number
  /** How far behind each window start another cut lies, because windows end there; 0: none. */
  private readonly cutMs: number
  private panes!: PaneState<Acc>
  private timers!: TimerService
  private late!: LateRecords
  private output!: WindowOutput<Acc>
  private uid = ''
  /** The slice of the last record, the starts of the first and last windows around it (none: first is after last). */
  private start = 0
  private end = 0
  private firstWindow = 0
  private lastWindow = 0

  constructor(assigner: SlidingWindows, spec: WindowSpec<In, Acc>) {
    this.assigner = assigner
    this.spec = spec
    this.contents = spec.contents
    this.merge = (a, b) => spec.contents.merge!(a, b)
    this.latenessMs = spec.latenessMs
    this.cutMs = assigner.sizeMs % assigner.slideMs
  }

  open(ctx: OperatorContext<unknown>): void {
    this.uid = ctx.uid
    this.panes = ctx.state.panes<Acc>(PANES)
    this.timers = ctx.timers
    this.late = new LateRecords(ctx, this.spec.lateTag)
    this.output = new WindowOutput(ctx, this.contents, this.spec.place)
  }

  processElement(value: In, timestamp: number): void {
    if (!(timestamp >= this.start && timestamp < this.end)) this.moveTo(timestamp)
    const watermark = this.timers.currentWatermark()
    const { sizeMs } = this.assigner
    if (this.firstWindow > this.lastWindow) {
      // Between two windows: late only if behind the watermark itself, as Flink's.
      if (timestamp + this.latenessMs <= watermark) this.late.take(value, timestamp)
      return
    }
    if (this.lastWindow + sizeMs - 1 + this.latenessMs <= watermark) {
      this.late.take(value, timestamp)
      return
    }
    const before = this.panes.get(this.start)
    const acc = this.contents.add(before === undefined ? this.contents.create() : before, value)
    if (before === undefined) this.begin(acc, watermark)
    else if (acc === undefined) requireAccumulator(acc, this.uid, this.spec.place)
    this.panes.set(this.start, acc)
    if (this.latenessMs > 0 && this.firstWindow + sizeMs - 1 <= watermark) this.fireAgain(watermark)
  }

  onEventTimer(time: number, namespace: number): void {
    const last = namespace === CLEAN ? time - this.latenessMs : time
    const window = last + 1 - this.assigner.sizeMs
    if (namespace === FIRE) this.fire(window)
    if (namespace === CLEAN || this.latenessMs === 0) this.deleteSlices(window)
  }

  private moveTo(timestamp: number): void {
    requireTimestamp(timestamp, this.uid, this.spec.place)
    const { sizeMs, slideMs, offsetMs } = this.assigner
    const window = windowStart(timestamp, offsetMs, slideMs)
    const cut = window + this.cutMs
    const behindCut = timestamp >= cut
    this.start = behindCut ? cut : window
    this.end = behindCut || this.cutMs === 0 ? window + slideMs : cut
    this.lastWindow = window
    // The first window that ends behind the slice's start.
    const earlier = Math.ceil((window + sizeMs - this.start) / slideMs) - 1
    this.firstWindow = window - earlier * slideMs
  }

  /** A new slice: timers for the windows around it, except those that the slice before it shares and has registered. */
  private begin(acc: Acc, watermark: number): void {
    requireAccumulator(acc, this.uid, this.spec.place)
    const { sizeMs, slideMs } = this.assigner
    const { lastWindow, firstWindow, start } = this
    const sliceBefore = start === lastWindow ? lastWindow - slideMs + this.cutMs : lastWindow
    const shared = this.panes.get(sliceBefore) !== undefined
    for (let window = lastWindow; window >= firstWindow; window -= slideMs) {
      if ((shared && window <= sliceBefore) || window + sizeMs - 1 <= watermark) break
      this.timers.registerEventTimer(window + sizeMs - 1, FIRE)
    }
    if (this.latenessMs > 0) this.timers.registerEventTimer(lastWindow + sizeMs - 1 + this.latenessMs, CLEAN)
  }

  /** The windows around the current slice that have fired and are not gone yet. */
  private fireAgain(watermark: number): void {
    const { sizeMs, slideMs } = this.assigner
    for (let window = this.lastWindow; window >= this.firstWindow; window -= slideMs) {
      const last = window + sizeMs - 1
      if (last + this.latenessMs <= watermark) return
      if (last <= watermark) this.fire(window)
    }
  }

  private fire(window: number): void {
    const { sizeMs, slideMs } = this.assigner
    const { merge } = this
    let acc: Acc | undefined
    let start = window
    let cut = false
    while (start < window + sizeMs) {
      const slice = this.panes.get(start)
      // Into a fresh accumulator: merging may change the first one, and slices stay.
      if (slice !== undefined) acc = merge(acc === undefined ? this.contents.create() : acc, slice)
      if (this.cutMs === 0) start += slideMs
      else {
        start += cut ? slideMs - this.cutMs : this.cutMs
        cut = !cut
      }
    }
    if (acc !== undefined) this.output.fire(window, window + sizeMs, acc, false)
  }

  /** The slices whose last window this is. */
  private deleteSlices(window: number): void {
    this.panes.delete(window)
    if (this.cutMs > 0 && this.assigner.sizeMs > this.assigner.slideMs) this.panes.delete(window + this.cutMs)
  }
}
