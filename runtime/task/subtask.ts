/**
 * Invariant: one thing at a time, in this order: what waits in the outbox, what waits for a promise, the watermark being applied, tasks
 * of asynchronous operators, the batch being processed, then the next element. A subtask never blocks its thread; it says that it could
 * not go on.
 *
 *   source | gate --> [ batch ] --> chain of links --> record writers --> channels
 *                                     ^  tasks, held watermarks
 */
import type { ChannelsRef } from '../checkpoint/manifest.js'
import { MAX_WATERMARK, MIN_WATERMARK, steadyTime, type Clock } from '../contract/time.js'
import type { RecordBatch } from '../exchange/record-batch.js'
import { BatchInProgress } from './batch-in-progress.js'
import type { LocalMetrics } from './counters.js'
import type { GateChannel } from './gate-channel.js'
import type { GateOutput, InputGate } from './input-gate.js'
import { HeldWatermarks } from './held-watermarks.js'
import type { Link, LinkHost, LinkSnapshot } from './link.js'
import { Mailbox } from './mailbox.js'
import { operatorFailure } from '../contract/operator-failure.js'
import { Pauses } from './pauses.js'
import { anyBlocked, type RecordWriter } from './record-writer.js'
import type { SourceDriver, SourceStatus } from './source-driver.js'
import type { AssignedSplit } from '../worker/protocol.js'

/** Timers fired in one turn at most. */
const TIMER_SLICE = 1024
/** Tasks run in one turn at most. */
const TASK_SLICE = 64
/** Records read in one turn at most, one by one, where operators may pause after each. */
const SINGLE_POLLS = 64
/** A source that has plenty to read polls so often between two watermarks at most; at first, and so on small inputs, once. */
const MOST_POLLS_PER_WATERMARK = 8
/** After each so many full polls it is once more. */
const POLLS_PER_STEP = 32

/** The source at the head of a chain. */
export interface SourceHead {
  readonly uid: string
  readonly driver: SourceDriver
  readonly metrics: LocalMetrics
}

/** A subtask's share of a checkpoint as of the barrier; keyed state is still to be encoded. */
export interface SubtaskSnapshot {
  readonly task: number
  readonly checkpointId: number
  readonly operators: readonly LinkSnapshot[]
  /** Where the barrier overtook records: what was in flight, once it is stored. */
  readonly channels?: Promise<readonly ChannelsRef[]>
}

/** What a checkpoint's trigger says. Times are epoch milliseconds. */
export interface Trigger {
  readonly checkpointId: number
  readonly timestampMs: number
  readonly alignmentTimeoutMs?: number
}

/** A checkpoint whose barriers are awaited, and from when on they overtake; steady time. */
interface AwaitedBarrier extends Trigger {
  readonly overtakesMs: number
}

/** How a subtask reaches its slot. */
export interface SubtaskHost {
  readonly clock: Clock
  wake(): void
  fail(error: unknown): void
  /** Resolves when what older checkpoints froze of the task is encoded. */
  snapshotBegins(task: number): Promise<void> | undefined
  snapshotTaken(snapshot: SubtaskSnapshot): void
  finished(task: number): void
}

/** One parallel share of a task. Slot thread. */
export class Subtask implements GateOutput {
  readonly task: number
  readonly links: readonly Link[]
  readonly source: SourceHead | undefined
  private gate: InputGate | undefined
  private readonly writers: readonly RecordWriter[]
  private readonly host: SubtaskHost
  /** Those that let nothing go on while they are busy. */
  private readonly stopping: readonly Link[]
  private readonly pauses: Pauses
  private readonly mailbox: Mailbox
  /** Only there if any operator of the chain holds watermarks back. */
  private readonly held: HeldWatermarks | undefined
  private readonly settling: readonly Link[]
  private runningTask = false
  private waiting = false
  /** While a barrier or the end is being prepared, tasks go on from this link; those before it have let it pass. */
  private preparing: number | undefined
  /** A watermark that was held back may go on. */
  private releasing = false
  /** The watermark that the first link was firing timers for when another one was let go on behind it. */
  private suspended: number | undefined
  private readonly batch: BatchInProgress
  /** The watermark being applied and the link it has reached. */
  private target = MIN_WATERMARK
  private applied = MIN_WATERMARK
  /** What the channels have; less than `applied` while an operator holds it back. */
  private emitted = MIN_WATERMARK
  private linkIndex = 0
  private applying = false
  /** The watermark being applied has fired some of its timers, not all. */
  private sliced = false
  private ending = false
  private finishedOnce = false
  private idle = false
  /** Idleness that those behind shall hear of, after what is still on its way. */
  private idleBehind = false
  private toldIdle = false
  private timerBudget = 0
  private polls = 0
  private pollsSince = 0
  private waits = 0
  /** Of a source. */
  private readonly triggers: Trigger[] = []
  /** Of others: checkpoints whose barriers are awaited, oldest first. None overtakes anything before an older one has come. */
  private awaited: AwaitedBarrier[] = []
  private readonly shouldYield: () => boolean

  constructor(options: {
    task: number
    links: readonly Link[]
    writers: readonly RecordWriter[]
    host: SubtaskHost
    source?: SourceHead
    restoredWatermark: number
  }) {
    this.task = options.task
    this.links = options.links
    this.writers = options.writers
    this.host = options.host
    this.source = options.source
    this.stopping = options.links.filter((link) => link.pauses !== true)
    this.settling = options.links.filter((link) => link.settled !== undefined)
    const fail = (error: unknown): void => this.host.fail(error)
    this.pauses = new Pauses(options.links, () => this.host.wake(), fail)
    this.mailbox = new Mailbox(options.links.length)
    this.batch = new BatchInProgress(options.links[0]!, options.writers, this.pauses, options.host.clock)
    if (options.links.some((link) => link.holdWatermark !== undefined)) this.held = new HeldWatermarks(options.links)
    this.shouldYield = this.pauses.any
      ? () => this.timerBudget-- <= 0 || this.blocked() || this.pauses.at() >= 0
      : () => this.timerBudget-- <= 0 || this.blocked()
    this.applied = options.restoredWatermark
    options.links.forEach((link, index) => link.attach?.(this.linkHost(index)))
    if (options.restoredWatermark > MIN_WATERMARK) this.watermark(options.restoredWatermark)
  }

  connect(gate: InputGate): void {
    this.gate = gate
  }

  /** The watermark of this subtask's operators. */
  get currentWatermark(): number {
    return this.applied
  }

  /** The watermark that has gone out: behind that of the operators while one of them holds it back. */
  get emittedWatermark(): number {
    return this.emitted
  }

  /** Does a bounded piece of work; false when there is nothing it could do. */
  runOnce(): boolean {
    const ahead = this.gate?.readAhead() === true
    return this.goOn() || ahead
  }

  private goOn(): boolean {
    if (!this.drain()) return false
    if (this.waiting) return this.goOnPreparing()
    if (this.awaited.length > 0 && this.overtake()) return true
    if (this.heldBack()) return this.takeTrigger()
    if (this.applying) {
      if (this.barrierBetweenSlices()) return true
      return this.timersPause() ? this.advanceHeld() || this.runTasks(0) : this.applyWatermark()
    }
    if (this.advanceHeld() || this.runTasks(0)) return true
    if (this.pauses.any && this.pauses.at() >= 0) return this.takeTrigger()
    if (this.batch.active) return this.processBatch()
    if (this.ending) return this.end()
    return this.source === undefined ? this.pollGate(this.gate!) : this.pollSource(this.source)
  }

  /** Whether `runOnce` might do something now; asked before the slot sleeps. */
  hasWork(): boolean {
    if (this.gate?.canReadAhead() === true) return true
    if (this.waiting && (this.preparing === undefined || this.waits > 1)) return false
    if (this.blocked()) return this.writers.some((writer) => writer.canDrain())
    if (this.canAdvanceHeld() || this.mailbox.next(this.tasksFrom(this.preparing ?? 0)) >= 0) return true
    if (this.waiting) return false
    if (this.awaited.length > 0 && this.mayOvertake(this.awaited[0]!)) return true
    if (this.heldBack()) return this.triggers.length > 0
    if (this.applying) return !this.timersPause()
    if (this.pauses.any && this.pauses.at() >= 0) return this.triggers.length > 0
    if (this.batch.active || this.triggers.length > 0) return true
    if (this.ending) return !this.held || this.applied < MAX_WATERMARK || this.emitted === MAX_WATERMARK
    if (this.source !== undefined) return !this.finishedOnce && this.source.driver.canPoll()
    return this.gate!.hasNext()
  }

  /** Of a source: whether all its splits are idle, so that its watermark says nothing. */
  get isIdle(): boolean {
    return this.idle
  }

  /** Whether it waits for room in a channel, for an operator, a sink or a disk: backpressure. */
  get stuck(): boolean {
    return this.waiting || this.blocked() || this.heldBack() || (this.pauses.any && this.pauses.at() >= 0)
  }

  /** Sends partly filled batches. */
  flush(): void {
    for (const writer of this.writers) writer.flush()
  }

  /**
   * Begins to send what has been emitted so far, what operators still work on included. The result says whether all of it has left the
   * subtask.
   */
  send(): () => boolean {
    let left = false
    const sending = this.settleAll().then(() => {
      this.flush()
      left = true
      this.host.wake()
    })
    sending.catch((error: unknown) => this.host.fail(error))
    return () => left && !this.blocked()
  }

  /** Fires due processing-time timers; when the next one is due, in epoch milliseconds. */
  processingTime(): number {
    let next = Infinity
    if (this.timersPause()) return Infinity
    for (const link of this.links) {
      let due = link.nextProcessingTimer()
      if (due <= this.host.clock.now() && !this.waiting && !this.finishedOnce && this.drain() && !this.heldBack()) {
        this.fireProcessingTimers(link, this.host.clock.now())
        due = link.nextProcessingTimer()
      }
      if (!this.finishedOnce) next = Math.min(next, due)
    }
    return next
  }

  private fireProcessingTimers(link: Link, now: number): void {
    const loading = link.backend?.prefetchProcessingTimers(now)
    if (loading !== undefined) return this.wait(loading)
    this.timerBudget = TIMER_SLICE
    link.fireProcessingTimers(now, this.shouldYield)
  }

  /** Milliseconds until something must be looked at again without anybody waking the slot. */
  nextCheckMs(): number {
    if (this.source !== undefined) return this.finishedOnce ? Infinity : this.source.driver.nextIdleCheckMs()
    const leftMs = this.awaited.length === 0 ? 0 : this.awaited[0]!.overtakesMs - steadyTime(this.host.clock)
    return leftMs > 0 ? leftMs : Infinity
  }

  /** The coordinator triggered a checkpoint. A barrier enters at a source; others may not wait for it for ever. */
  trigger(trigger: Trigger): void {
    if (this.source !== undefined) {
      this.source.driver.trigger()
      this.triggers.push(trigger)
    } else if (this.gate!.awaits(trigger.checkpointId)) this.awaited.push(awaitedFrom(trigger, this.host.clock))
  }

  abort(checkpointId: number): void {
    this.awaited = this.awaited.filter((one) => one.checkpointId !== checkpointId)
    this.gate?.abort(checkpointId)
    for (const link of this.links) link.checkpointAborted(checkpointId)
  }

  complete(checkpointId: number): void {
    for (const link of this.links) link.checkpointComplete(checkpointId)
  }

  async close(): Promise<void> {
    await this.source?.driver.close()
    for (const link of this.links) await link.close()
  }

  // What the gate hands on.

  records(batch: RecordBatch, channel: GateChannel): void {
    const loading = this.batch.begin(batch, channel)
    if (loading !== undefined) this.wait(loading)
  }

  watermark(time: number): void {
    this.target = time
    this.linkIndex = 0
    this.applying = true
  }

  status(idle: boolean): void {
    this.idleBehind = idle
    if (idle) this.sendIdle()
    else if (this.toldIdle) {
      this.toldIdle = false
      this.broadcast({ kind: 'active' })
    }
  }

  /** Behind the watermarks and records that came before it. */
  private sendIdle(): void {
    if (!this.idleBehind || this.applying || this.suspended !== undefined) return
    if (this.held !== undefined && this.emitted < this.applied) return
    if (this.working()) return
    this.idleBehind = false
    this.toldIdle = true
    this.broadcast({ kind: 'idle' })
  }

  /** Whether operators still work on records; calls again when they no longer do. */
  private working(): boolean {
    for (const link of this.settling) {
      const settled = link.settled!()
      if (settled === undefined) continue
      settled.then(
        () => this.sendIdle(),
        (error: unknown) => this.host.fail(error),
      )
      return true
    }
    return false
  }

  aligned(checkpointId: number, timestampMs: number): void {
    this.awaited = this.awaited.filter((one) => one.checkpointId > checkpointId)
    this.wait(this.takeSnapshot(checkpointId, timestampMs))
  }

  ended(): void {
    this.ending = true
  }

  // The pieces of work.

  private pollSource(source: SourceHead): boolean {
    if (this.takeTrigger()) return true
    if (this.finishedOnce) return false
    const { driver } = source
    const status = this.pauses.any ? this.pollSingly(driver) : driver.poll()
    driver.checkIdleness()
    driver.publish()
    const { idle } = driver
    // Back from idleness first, or nobody takes the watermark; into idleness behind it.
    if (!idle) this.setIdle(false)
    // While there is plenty to read not after each poll: a watermark cuts the batches of all channels short.
    const often = Math.min(MOST_POLLS_PER_WATERMARK, 1 + Math.floor(++this.polls / POLLS_PER_STEP))
    if (!driver.plenty || ++this.pollsSince >= often) {
      this.pollsSince = 0
      const watermark = driver.watermark()
      if (watermark > this.applied) this.watermark(watermark)
    }
    if (idle) this.setIdle(true)
    if (status === 'end') this.ending = true
    if (status !== 'wait') this.awaitSinks()
    return status !== 'wait' || this.applying
  }

  private takeTrigger(): boolean {
    const trigger = this.triggers.shift()
    if (trigger === undefined) return false
    this.wait(this.takeSnapshot(trigger.checkpointId, trigger.timestampMs))
    return true
  }

  private mayOvertake(trigger: AwaitedBarrier): boolean {
    return trigger.overtakesMs <= steadyTime(this.host.clock) && this.gate!.mayOvertake(trigger.checkpointId)
  }

  /**
   * The snapshot is taken before all barriers have come; what its operators have not seen by then is in flight. At any time when no
   * record or timer is half way: upstream says again how far event time has come.
   */
  private overtake(): boolean {
    const { checkpointId, timestampMs } = this.awaited[0]!
    if (!this.mayOvertake(this.awaited[0]!)) return false
    const log = this.gate!.overtake(checkpointId, this.batch)
    if (log === undefined) return false
    this.awaited.shift()
    this.wait(this.takeSnapshot(checkpointId, timestampMs, log.written))
    return true
  }

  /** A poll cannot be stopped half way: where operators may pause after a record, it is for one. */
  private pollSingly(driver: SourceDriver): SourceStatus {
    let status = driver.poll(1)
    for (let n = 1; n < SINGLE_POLLS && status === 'more' && !this.blocked() && this.pauses.at() < 0; n++) {
      status = driver.poll(1)
      if (status === 'wait') return 'more'
    }
    return status
  }

  private pollGate(gate: InputGate): boolean {
    if (!gate.poll()) return false
    if (this.waiting) return true
    // At once: a batch that waits for the next turn is one more in memory, and its records live longer.
    if (this.batch.active) this.processBatch()
    else if (this.applying) this.applyWatermark()
    return true
  }

  private setIdle(idle: boolean): void {
    if (idle === this.idle) return
    this.idle = idle
    this.status(idle)
  }

  private processBatch(): boolean {
    const evicting = this.batch.process()
    if (evicting !== undefined) this.wait(evicting)
    this.awaitSinks()
    return true
  }

  /**
   * A barrier may fall between two slices of firing windows: the snapshot has the timers that are left, and a restored subtask fires
   * them first. Records that come first instead wait until the watermark is applied. True when a snapshot is being taken.
   */
  private barrierBetweenSlices(): boolean {
    if (!this.sliced || this.batch.active || this.gate === undefined) return false
    this.gate.poll()
    return this.waiting
  }

  private applyWatermark(): boolean {
    this.timerBudget = TIMER_SLICE
    const { links, held } = this
    while (this.linkIndex < links.length) {
      const link = links[this.linkIndex]!
      const loading = link.backend?.prefetchTimers(this.target)
      if (loading !== undefined) {
        this.wait(loading)
        return true
      }
      if (!link.advanceWatermark(this.target, this.shouldYield)) {
        this.sliced = true
        return true
      }
      if (this.linkIndex === 0) this.applied = this.target
      if (held !== undefined) {
        held.saw(this.linkIndex, this.target)
        const passing = held.passing(this.linkIndex)
        if (passing === undefined) return this.endApplying()
        this.target = passing
      }
      this.linkIndex++
      if (this.blocked()) break
    }
    if (this.linkIndex < links.length) return true
    if (links.length === 0) this.applied = this.target
    this.emitted = this.target
    held?.saw(links.length, this.target)
    this.broadcast({ kind: 'watermark', time: this.target })
    return this.endApplying()
  }

  private endApplying(): boolean {
    this.applying = false
    this.sliced = false
    this.sendIdle()
    this.awaitSinks()
    if (this.suspended !== undefined) {
      this.watermark(this.suspended)
      this.suspended = undefined
      this.sliced = true
    }
    return true
  }

  /** Lets watermarks go on that operators held back. The first link may be between two slices of timers: it waits that long. */
  private advanceHeld(): boolean {
    const { held } = this
    if (held === undefined) return false
    if (this.applying && this.linkIndex > 0) return this.applyWatermark()
    if (!this.releasing) return false
    const link = held.released()
    if (link < 0) {
      this.releasing = false
      return false
    }
    if (this.applying) {
      this.suspended = this.target
      this.sliced = false
    }
    this.target = held.passing(link)!
    this.linkIndex = link + 1
    this.applying = true
    return this.applyWatermark()
  }

  private canAdvanceHeld(): boolean {
    return this.releasing || (this.held !== undefined && this.applying && this.linkIndex > 0)
  }

  /** An operator behind the first link is busy, so its timers wait. */
  private timersPause(): boolean {
    return this.pauses.any && this.links[0]!.backend !== undefined && this.pauses.at() >= 0
  }

  /** What a barrier or the end of input waits for. */
  private goOnPreparing(): boolean {
    if (this.preparing === undefined || this.waits > 1) return false
    return this.advanceHeld() || this.runTasks(this.preparing)
  }

  /** Runs tasks of the links from there on. What emits into a busy operator waits. */
  private runTasks(from: number): boolean {
    const { mailbox } = this
    let ran = 0
    while (mailbox.size > 0 && ran < TASK_SLICE && !this.blocked()) {
      const link = mailbox.next(this.tasksFrom(from))
      if (link < 0) break
      ran++
      this.runTask(link)
      if (this.releasing) break
    }
    if (ran > 0) this.awaitSinks()
    return ran > 0
  }

  private runTask(link: number): void {
    this.runningTask = true
    try {
      this.mailbox.run(link)
    } catch (error) {
      throw operatorFailure(error, this.links[link]!.uid)
    } finally {
      this.runningTask = false
    }
  }

  private tasksFrom(link: number): number {
    return this.mailbox.size === 0 ? link : Math.max(link, this.pauses.at())
  }

  private linkHost(index: number): LinkHost {
    return {
      execute: (task) => {
        this.mailbox.add(index, task)
        if (!this.runningTask) this.host.wake()
      },
      releaseWatermark: () => {
        this.releasing = this.held !== undefined && this.emitted < this.applied
        if (this.releasing) this.host.wake()
      },
    }
  }

  private end(): boolean {
    this.ending = false
    if (this.applied < MAX_WATERMARK) {
      this.watermark(MAX_WATERMARK)
      this.ending = true
      return true
    }
    if (this.held !== undefined && this.emitted < MAX_WATERMARK) {
      this.ending = true
      return false
    }
    this.finishedOnce = true
    this.wait(this.finish())
    return true
  }

  private async finish(): Promise<void> {
    await this.prepare((link) => link.finish())
    this.broadcast({ kind: 'end' })
    this.flush()
    this.host.finished(this.task)
  }

  private async takeSnapshot(
    checkpointId: number,
    timestampMs: number,
    channels?: SubtaskSnapshot['channels'],
  ): Promise<void> {
    const encoded = this.host.snapshotBegins(this.task)
    if (encoded !== undefined) await encoded
    await this.prepare((link) => link.prepareBarrier(checkpointId))
    this.broadcast({ kind: 'barrier', checkpointId, timestamp: timestampMs })
    const operators: LinkSnapshot[] = []
    if (this.source !== undefined) operators.push(this.sourceSnapshot(this.source))
    for (const link of this.links) operators.push(await link.snapshot(checkpointId))
    const snapshot = { task: this.task, checkpointId, operators }
    this.host.snapshotTaken(channels === undefined ? snapshot : { ...snapshot, channels })
  }

  /** Link by link; what an operator gave to be executed before its promise resolved is executed before the next one's turn. */
  private async prepare(each: (link: Link) => Promise<void>): Promise<void> {
    for (let index = 0; index < this.links.length; index++) {
      this.preparing = index
      await each(this.links[index]!)
      const emptied = this.mailbox.emptied(index)
      if (emptied !== undefined) await emptied
    }
    this.preparing = undefined
  }

  private async settleAll(): Promise<void> {
    for (const link of this.settling) await link.settled!()
  }

  private sourceSnapshot(source: SourceHead): LinkSnapshot {
    const splits: readonly AssignedSplit[] = source.driver.snapshot()
    return {
      uid: source.uid,
      watermark: this.applied,
      finished: this.finishedOnce,
      schema: [],
      splits,
      counters: source.metrics.counts(),
    }
  }

  private awaitSinks(): void {
    for (const link of this.stopping) {
      const busy = link.busy()
      if (busy !== undefined) this.wait(busy)
    }
  }

  private wait(promise: Promise<void>): void {
    this.waits++
    this.waiting = true
    promise.then(
      () => {
        this.waiting = --this.waits > 0
        this.host.wake()
      },
      (error: unknown) => this.host.fail(error),
    )
  }

  private broadcast(element: Parameters<RecordWriter['control']>[0]): void {
    for (const writer of this.writers) writer.control(element)
  }

  private blocked(): boolean {
    return anyBlocked(this.writers)
  }

  /** A receiver has enough to do: nothing is added to it, unless it waits for a barrier that is still to come in here. */
  private heldBack(): boolean {
    if (this.awaited.length > 0) return false
    for (const writer of this.writers) if (writer.stillHeld()) return true
    return false
  }

  private drain(): boolean {
    let clear = true
    for (const writer of this.writers) if (!writer.drain()) clear = false
    return clear
  }
}

function awaitedFrom(trigger: Trigger, clock: Clock): AwaitedBarrier {
  return { ...trigger, overtakesMs: steadyTime(clock) + (trigger.alignmentTimeoutMs ?? Infinity) }
}
