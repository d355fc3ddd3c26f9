/*
 * Tumbling windows. Invariant: a window of a key is in state (pane = its start) from its first record until the watermark reaches
 * end - 1 + lateness, and while it is there its timers are registered:
 *
 *   start            end - 1                       end - 1 + lateness
 *     |---- records ---|--- late records fire again ---|  gone
 *                    FIRE                            CLEAN     (one timer, FIRE, when lateness is 0)
 */
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { PaneState, TimerService } from '../../runtime/contract/state.js'
import type { TumblingWindows } from './assigner.js'
import { WindowOutput, requireAccumulator, type Contents, type WindowSpec } from './contents.js'
import { LateRecords } from './late-records.js'
import { PANES } from './pane-state.js'
import { CLEAN, FIRE } from './timer-namespaces.js'
import { requireTimestamp, windowStart } from './window-start.js'

/** Runs tumbling windows. Semantics: Flink's WindowOperator with EventTimeTrigger. */
export class TumblingWindowOperator<In, Acc> implements Operator<In, unknown> {
  private readonly assigner: TumblingWindows
  private readonly spec: WindowSpec<In, Acc>
  private readonly contents: Contents<In, Acc>
  private readonly latenessMs: number
  private panes!: PaneState<Acc>
  private timers!: TimerService
  private late!: LateRecords
  private output!: WindowOutput<Acc>
  private uid = ''
  /** The window of the last record: the next one is mostly in it too. */
  private start = 0
  private end = 0

  constructor(assigner: TumblingWindows, spec: WindowSpec<In, Acc>) {
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
    if (!(timestamp >= this.start && timestamp < this.end)) this.moveTo(timestamp)
    const { start, end } = this
    const watermark = this.timers.currentWatermark()
    if (end - 1 + this.latenessMs <= watermark) {
      this.late.take(value, timestamp)
      return
    }
    const before = this.panes.get(start)
    this.store(
      start,
      before,
      this.contents.add(before === undefined ? this.contents.create() : before, value),
      watermark,
    )
  }

  processPartial(pane: number, acc: Acc, count: number): void {
    const watermark = this.timers.currentWatermark()
    if (pane + this.assigner.sizeMs - 1 + this.latenessMs <= watermark) {
      this.late.takePartial(count)
      return
    }
    const before = this.panes.get(pane)
    // Into one made here: an accumulator that crossed threads may be a slower kind of object.
    this.store(
      pane,
      before,
      this.contents.merge!(before === undefined ? this.contents.create() : before, acc),
      watermark,
    )
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

  private moveTo(timestamp: number): void {
    requireTimestamp(timestamp, this.uid, this.spec.place)
    this.start = windowStart(timestamp, this.assigner.offsetMs, this.assigner.sizeMs)
    this.end = this.start + this.assigner.sizeMs
  }

  /** The window's accumulator, which was `before`. */
  private store(start: number, before: Acc | undefined, acc: Acc, watermark: number): void {
    const end = start + this.assigner.sizeMs
    if (before === undefined) this.begin(acc, end, watermark)
    else if (acc === undefined) requireAccumulator(acc, this.uid, this.spec.place)
    this.panes.set(start, acc)
    if (end - 1 <= watermark) this.output.fire(start, end, acc, true)
  }

  private begin(acc: Acc, end: number, watermark: number): void {
    requireAccumulator(acc, this.uid, this.spec.place)
    if (end - 1 > watermark) this.timers.registerEventTimer(end - 1, FIRE)
    if (this.latenessMs > 0) this.timers.registerEventTimer(end - 1 + this.latenessMs, CLEAN)
  }
}
