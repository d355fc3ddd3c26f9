/*
 * Session windows. Pane = the session's start; sessions of a key neither overlap nor touch. Each has one timer that counts, at
 * `timer`; a timer that is no session's has been left behind by a merge and means nothing. A session that grows keeps its timer, which
 * moves on when it comes up: no timer is touched for a record that only makes a session longer.
 *
 *   not fired yet:   watermark < timer <= end - 1     -> at `timer`, fires if the watermark is there, else waits for end - 1
 *   fired:           end - 1 <= watermark < timer     -> at `timer`, goes if the watermark passed end - 1 + lateness, else waits for it
 */
import type { Operator, OperatorContext } from '../../runtime/contract/operator.js'
import type { PaneState, TimerService } from '../../runtime/contract/state.js'
import type { SessionWindows } from './assigner.js'
import { WindowOutput, requireAccumulator, type Contents, type WindowSpec } from './contents.js'
import { LateRecords } from './late-records.js'
import { PANES } from './pane-state.js'
import { requireTimestamp } from './window-start.js'

/** What is stored for a session; its start is the pane. */
export interface Session<Acc> {
  end: number
  timer: number
  acc: Acc
}

/** Runs session windows. Semantics: Flink's WindowOperator with EventTimeTrigger and MergingWindowSet. */
export class SessionWindowOperator<In, Acc> implements Operator<In, unknown> {
  private readonly gapMs: number
  private readonly spec: WindowSpec<In, Acc>
  private readonly contents: Contents<In, Acc>
  private readonly latenessMs: number
  private panes!: PaneState<Session<Acc>>
  private timers!: TimerService
  private late!: LateRecords
  private output!: WindowOutput<Acc>
  private uid = ''

  constructor(assigner: SessionWindows, spec: WindowSpec<In, Acc>) {
    this.gapMs = assigner.gapMs
    this.spec = spec
    this.contents = spec.contents
    this.latenessMs = spec.latenessMs
  }

  open(ctx: OperatorContext<unknown>): void {
    this.uid = ctx.uid
    this.panes = ctx.state.panes<Session<Acc>>(PANES)
    this.timers = ctx.timers
    this.late = new LateRecords(ctx, this.spec.lateTag)
    this.output = new WindowOutput(ctx, this.contents, this.spec.place)
  }

  processElement(value: In, timestamp: number): void {
    if (!Number.isSafeInteger(timestamp)) requireTimestamp(timestamp, this.uid, this.spec.place)
    const end = timestamp + this.gapMs
    const starts = this.panes.panes()
    let start = timestamp
    let session: Session<Acc> | undefined
    for (let i = 0; i < starts.length; i++) {
      const other = starts[i]!
      if (other > end) break
      const found = this.panes.get(other)!
      if (found.end < timestamp) continue
      if (session === undefined) session = found
      else this.mergeInto(session, found)
      if (other < start) start = other
      // Stored again below, at the start of what it is part of now.
      if (other !== start) this.panes.delete(other)
    }
    if (session === undefined) this.begin(timestamp, end, value)
    else this.extend(session, start, end, value)
  }

  onEventTimer(time: number): void {
    const watermark = Math.max(time, this.timers.currentWatermark())
    const starts = this.panes.panes()
    for (let i = 0; i < starts.length; i++) {
      const session = this.panes.get(starts[i]!)!
      if (session.timer === time) this.onSessionTimer(starts[i]!, session, watermark)
    }
  }

  private begin(start: number, end: number, value: In): void {
    const watermark = this.timers.currentWatermark()
    if (end - 1 + this.latenessMs <= watermark) {
      this.late.take(value, start)
      return
    }
    const acc = this.contents.add(this.contents.create(), value)
    requireAccumulator(acc, this.uid, this.spec.place)
    const timer = end - 1 > watermark ? end - 1 : end - 1 + this.latenessMs
    this.timers.registerEventTimer(timer)
    this.panes.set(start, { end, timer, acc })
    if (end - 1 <= watermark) this.output.fire(start, end, acc, true)
  }

  /** What was merged is not gone, so neither is the whole: the record is not late. */
  private extend(session: Session<Acc>, start: number, end: number, value: In): void {
    const watermark = this.timers.currentWatermark()
    session.acc = this.contents.add(session.acc, value)
    if (session.acc === undefined) requireAccumulator(session.acc, this.uid, this.spec.place)
    if (end > session.end) session.end = end
    const last = session.end - 1
    // It has fired before, and fires again at its new end; or, merged from a fired one, has that one's later timer.
    if (last > watermark && session.timer > last) {
      session.timer = last
      this.timers.registerEventTimer(last)
    }
    this.panes.set(start, session)
    if (last <= watermark) this.output.fire(start, session.end, session.acc, true)
  }

  private mergeInto(session: Session<Acc>, other: Session<Acc>): void {
    session.acc = this.contents.merge!(session.acc, other.acc)
    if (other.end > session.end) session.end = other.end
    // Either would do; the later one comes up less often for nothing.
    if (other.timer > session.timer) session.timer = other.timer
  }

  private onSessionTimer(start: number, session: Session<Acc>, watermark: number): void {
    const last = session.end - 1
    const hasFired = session.timer > last
    try {
      if (!hasFired && last <= watermark) this.output.fire(start, session.end, session.acc, this.latenessMs > 0)
    } finally {
      this.afterTimer(start, session, watermark)
    }
  }

  private afterTimer(start: number, session: Session<Acc>, watermark: number): void {
    const last = session.end - 1
    if (last + this.latenessMs <= watermark) {
      this.panes.delete(start)
      return
    }
    session.timer = last <= watermark ? last + this.latenessMs : last
    this.timers.registerEventTimer(session.timer)
    this.panes.set(start, session)
  }
}
