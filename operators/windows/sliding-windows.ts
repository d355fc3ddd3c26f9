/*
 * Sliding windows with an accumulator each, for contents whose accumulators cannot be put together from slices. Pane = window start;
 * timers and lifetime of each window as in tumbling-window.ts. A record goes to each of its windows that is still open.
 */
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { PaneState, TimerService } from '../../runtime/contract/state.js'
import type { SlidingWindows } from './assigner.js'
import { WindowOutput, requireAccumulator, type Contents, type WindowSpec } from './contents.js'
import { LateRecords } from './late-records.js'
import { PANES } from './pane-state.js'
import { CLEAN, FIRE } from './timer-namespaces.js'
import { requireTimestamp, windowStart } from './window-start.js'

/** Runs sliding windows, one accumulator a window. Semantics: Flink's WindowOperator with EventTimeTrigger. */
export class SlidingWindowOperator<In, Acc> implements Operator<In, unknown> {
  private readonly assigner: SlidingWindows
  private readonly spec: WindowSpec<In, Acc>
  private readonly contents: Contents<In, Acc>
  private readonly latenessMs: number
  private panes!: PaneState<Acc>
  private timers!: TimerService
  private late!: LateRecords
  private output!: WindowOutput<Acc>
  private uid = ''

  constructor(assigner: SlidingWindows, spec: WindowSpec<In, Acc>) {
    this.assigner = assigner
    this.spec = spec
    this.contents = spec.contents
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
    requireTimestamp(timestamp, this.uid, this.spec.place)
    const { sizeMs, slideMs, offsetMs } = this.assigner
    const watermark = this.timers.currentWatermark()
    let taken = false
    for (let start = windowStart(timestamp, offsetMs, slideMs); start > timestamp - sizeMs; start -= slideMs) {
      // The windows before this one end earlier still.
      if (start + sizeMs - 1 + this.latenessMs <= watermark) break
      taken = true
      this.addTo(start, start + sizeMs, value, watermark)
    }
    // A record between two windows that is not behind the watermark belongs nowhere, but it is not late: as Flink's.
    if (!taken && timestamp + this.latenessMs <= watermark) this.late.take(value, timestamp)
  }

  onEventTimer(time: number, namespace: number): void {
    const last = namespace === CLEAN ? time - this.latenessMs : time
    const start = last + 1 - this.assigner.sizeMs
    try {
      const acc = namespace === FIRE ? this.panes.get(start) : undefined
      if (acc !== undefined) this.output.fire(start, last + 1, acc, this.latenessMs > 0)
    } finally {
      if (namespace === CLEAN || this.latenessMs === 0) this.panes.delete(start)
    }
  }

  private addTo(start: number, end: number, value: In, watermark: number): void {
    const before = this.panes.get(start)
    const acc = this.contents.add(before === undefined ? this.contents.create() : before, value)
    if (before === undefined) {
      requireAccumulator(acc, this.uid, this.spec.place)
      if (end - 1 > watermark) this.timers.registerEventTimer(end - 1, FIRE)
      if (this.latenessMs > 0) this.timers.registerEventTimer(end - 1 + this.latenessMs, CLEAN)
    } else if (acc === undefined) requireAccumulator(acc, this.uid, this.spec.place)
    this.panes.set(start, acc)
    if (end - 1 <= watermark) this.output.fire(start, end, acc, true)
  }
}
