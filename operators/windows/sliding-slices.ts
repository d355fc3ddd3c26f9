/*
 * Sliding windows that share slices (slices.ts); pane = slice start. A record is added once, to its slice; a window that fires merges its
 * slices.
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
import { Slices } from './slices.js'
import { CLEAN, FIRE } from './timer-namespaces.js'
import { requireTimestamp } from './window-start.js'

/** Runs sliding windows, one accumulator a slice. Semantics: Flink's WindowOperator with EventTimeTrigger. */
export class SlicedWindowOperator<In, Acc> implements Operator<In, unknown> {
  private readonly slices: Slices
  private readonly spec: WindowSpec<In, Acc>
  private readonly contents: Contents<In, Acc>
  private readonly merge: (a: Acc, b: Acc) => Acc
  private readonly latenessMs: number
  private panes!: PaneState<Acc>
  private timers!: TimerService
  private late!: LateRecords
  private output!: WindowOutput<Acc>
  private uid = ''

  constructor(assigner: SlidingWindows, spec: WindowSpec<In, Acc>) {
    this.slices = new Slices(assigner)
    this.spec = spec
    this.contents = spec.contents
    this.merge = (a, b) => spec.contents.merge!(a, b)
    this.latenessMs = spec.latenessMs
  }

  open(ctx: OperatorContext<unknown>): void {
    this.uid = ctx.uid
    this.panes = ctx.state.panes<Acc>(PANES)
    this.timers = ctx.timers
    this.late = new LateRecords(ctx, this.spec.lateTag)
    this.output = new WindowOutput(ctx, this.contents, this.spec.place)
  }

  processElement(value: In, timestamp: number): void {
    const { slices } = this
    if (!(timestamp >= slices.start && timestamp < slices.end)) {
      requireTimestamp(timestamp, this.uid, this.spec.place)
      slices.moveTo(timestamp)
    }
    const watermark = this.timers.currentWatermark()
    if (slices.firstWindow > slices.lastWindow) {
      // Between two windows: late only if behind the watermark itself, as Flink's.
      if (timestamp + this.latenessMs <= watermark) this.late.take(value, timestamp)
      return
    }
    if (slices.lastWindow + slices.sizeMs - 1 + this.latenessMs <= watermark) {
      this.late.take(value, timestamp)
      return
    }
    const before = this.panes.get(slices.start)
    this.store(before, this.contents.add(before === undefined ? this.contents.create() : before, value), watermark)
  }

  processPartial(pane: number, acc: Acc, count: number): void {
    const { slices } = this
    if (!(pane >= slices.start && pane < slices.end)) slices.moveTo(pane)
    const watermark = this.timers.currentWatermark()
    if (slices.lastWindow + slices.sizeMs - 1 + this.latenessMs <= watermark) {
      this.late.takePartial(count)
      return
    }
    const before = this.panes.get(pane)
    // Into one made here: an accumulator that crossed threads may be a slower kind of object.
    this.store(before, this.merge(before === undefined ? this.contents.create() : before, acc), watermark)
  }

  onEventTimer(time: number, namespace: number): void {
    const last = namespace === CLEAN ? time - this.latenessMs : time
    const window = last + 1 - this.slices.sizeMs
    try {
      if (namespace === FIRE) this.fire(window)
    } finally {
      if (namespace === CLEAN || this.latenessMs === 0) this.deleteSlices(window)
    }
  }

  /** The current slice's accumulator, which was `before`. */
  private store(before: Acc | undefined, acc: Acc, watermark: number): void {
    const { slices } = this
    if (before === undefined) this.begin(acc, watermark)
    else if (acc === undefined) requireAccumulator(acc, this.uid, this.spec.place)
    this.panes.set(slices.start, acc)
    if (this.latenessMs > 0 && slices.firstWindow + slices.sizeMs - 1 <= watermark) this.fireAgain(watermark)
  }

  /** A new slice: timers for the windows around it, except those that the slice before it shares and has registered. */
  private begin(acc: Acc, watermark: number): void {
    requireAccumulator(acc, this.uid, this.spec.place)
    const { sizeMs, slideMs, cutMs, lastWindow, firstWindow, start } = this.slices
    const sliceBefore = start === lastWindow ? lastWindow - slideMs + cutMs : lastWindow
    const shared = this.panes.get(sliceBefore) !== undefined
    for (let window = lastWindow; window >= firstWindow; window -= slideMs) {
      if ((shared && window <= sliceBefore) || window + sizeMs - 1 <= watermark) break
      this.timers.registerEventTimer(window + sizeMs - 1, FIRE)
    }
    if (this.latenessMs > 0) this.timers.registerEventTimer(lastWindow + sizeMs - 1 + this.latenessMs, CLEAN)
  }

  /** The windows around the current slice that have fired and are not gone yet. */
  private fireAgain(watermark: number): void {
    const { sizeMs, slideMs, lastWindow, firstWindow } = this.slices
    for (let window = lastWindow; window >= firstWindow; window -= slideMs) {
      const last = window + sizeMs - 1
      if (last + this.latenessMs <= watermark) return
      if (last <= watermark) this.fire(window)
    }
  }

  private fire(window: number): void {
    const { sizeMs, slideMs, cutMs } = this.slices
    const { merge } = this
    let acc: Acc | undefined
    let start = window
    let cut = false
    while (start < window + sizeMs) {
      const slice = this.panes.get(start)
      // Into a fresh accumulator: merging may change the first one, and slices stay.
      if (slice !== undefined) acc = merge(acc === undefined ? this.contents.create() : acc, slice)
      if (cutMs === 0) start += slideMs
      else {
        start += cut ? slideMs - cutMs : cutMs
        cut = !cut
      }
    }
    if (acc !== undefined) this.output.fire(window, window + sizeMs, acc, false)
  }

  /** The slices whose last window this is. */
  private deleteSlices(window: number): void {
    const { sizeMs, slideMs, cutMs } = this.slices
    this.panes.delete(window)
    if (cutMs > 0 && sizeMs > slideMs) this.panes.delete(window + cutMs)
  }
}
