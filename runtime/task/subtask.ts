/**
 * Invariant: one thing at a time, in this order: what waits in the outbox, what waits for a promise, the watermark being applied, the
 * batch being processed, then the next element. A subtask never blocks its thread; it says that it could not go on.
 *
 *   source | gate --> [ batch ] --> chain of links --> record writers --> channels
 */
import type { Key } from '../contract/key.js'
import type { Clock } from '../contract/time.js'
import { MAX_WATERMARK, MIN_WATERMARK } from '../contract/time.js'
import type { RecordBatch } from '../exchange/record-batch.js'
import type { LocalMetrics } from './counters.js'
import type { GateChannel, GateOutput, InputGate } from './input-gate.js'
import type { Link, LinkSnapshot } from './link.js'
import { keyOfPartial, unmarkPartials } from './partial-record.js'
import type { RecordWriter } from './record-writer.js'
import type { SourceDriver } from './source-driver.js'
import type { AssignedSplit } from '../worker/protocol.js'

/** Timers fired in one turn at most. */
const TIMER_SLICE = 1024
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
}

/** How a subtask reaches its slot. */
export interface SubtaskHost {
  readonly clock: Clock
  wake(): void
  fail(error: unknown): void
  /** Older checkpoints are over, whether or not the slot has heard of it yet. */
  snapshotBegins(checkpointId: number): void
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
  private waiting = false
  private batch: RecordBatch | undefined
  private channel: GateChannel | undefined
  private partials = false
  private cursor = 0
  /** The watermark being applied and the link it has reached. */
  private target = MIN_WATERMARK
  private applied = MIN_WATERMARK
  private linkIndex = 0
  private applying = false
  /** The watermark being applied has fired some of its timers, not all. */
  private sliced = false
  private ending = false
  private finishedOnce = false
  private idle = false
  /** A status that goes on behind the watermark being applied. */
  private statusBehind: boolean | undefined
  private timerBudget = 0
  private polls = 0
  private pollsSince = 0
  private waits = 0
  private readonly triggers: { checkpointId: number; timestampMs: number }[] = []
  private readonly keys: Key[] = []
  private readonly shouldYield = (): boolean => this.timerBudget-- <= 0 || this.blocked()

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
    this.applied = options.restoredWatermark
    if (options.restoredWatermark > MIN_WATERMARK) this.watermark(options.restoredWatermark)
  }

  connect(gate: InputGate): void {
    this.gate = gate
  }

  /** The watermark of this subtask's operators. */
  get currentWatermark(): number {
    return this.applied
  }

  /** Does a bounded piece of work; false when there is nothing it could do. */
  runOnce(): boolean {
    if (this.waiting || !this.drain()) return false
    if (this.applying) return this.barrierBetweenSlices() || this.applyWatermark()
    if (this.batch !== undefined) return this.processBatch()
    if (this.ending) return this.end()
    return this.source === undefined ? this.pollGate(this.gate!) : this.pollSource(this.source)
  }

  /** Whether `runOnce` might do something now; asked before the slot sleeps. */
  hasWork(): boolean {
    if (this.waiting) return false
    if (this.blocked()) return this.writers.some((writer) => writer.canDrain())
    if (this.applying || this.batch !== undefined || this.ending || this.triggers.length > 0) return true
    if (this.source !== undefined) return !this.finishedOnce && this.source.driver.canPoll()
    return this.gate!.hasNext()
  }

  /** Sends partly filled batches. */
  flush(): void {
    for (const writer of this.writers) writer.flush()
  }

  /** Fires due processing-time timers; when the next one is due, in epoch milliseconds. */
  processingTime(): number {
    let next = Infinity
    for (const link of this.links) {
      let due = link.nextProcessingTimer()
      if (due <= this.host.clock.now() && !this.waiting && !this.finishedOnce && this.drain()) {
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
    return this.source === undefined || this.finishedOnce ? Infinity : this.source.driver.nextIdleCheckMs()
  }

  /** A barrier enters here: the coordinator triggered a source. */
  trigger(checkpointId: number, timestampMs: number): void {
    if (this.source !== undefined) this.triggers.push({ checkpointId, timestampMs })
  }

  abort(checkpointId: number): void {
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
    this.batch = batch
    this.channel = channel
    this.cursor = 0
    this.partials = unmarkPartials(batch)
    const { backend } = this.links[0]!
    if (backend === undefined || channel.keyOf === undefined || !backend.mayMiss) return
    const { keys } = this
    const keyOf = this.partials ? keyOfPartial : channel.keyOf
    for (let i = 0; i < batch.length; i++) keys[i] = keyOf(batch.values[i])
    const misses = backend.prefetch(keys, batch.keyGroups!, batch.length)
    if (misses !== undefined) this.wait(misses)
  }

  watermark(time: number): void {
    this.target = time
    this.linkIndex = 0
    this.applying = true
  }

  status(idle: boolean): void {
    if (this.applying) this.statusBehind = idle
    else this.broadcast({ kind: idle ? 'idle' : 'active' })
  }

  aligned(checkpointId: number, timestampMs: number): void {
    this.wait(this.takeSnapshot(checkpointId, timestampMs))
  }

  ended(): void {
    this.ending = true
  }

  // The pieces of work.

  private pollSource(source: SourceHead): boolean {
    const trigger = this.triggers.shift()
    if (trigger !== undefined) {
      this.wait(this.takeSnapshot(trigger.checkpointId, trigger.timestampMs))
      return true
    }
    if (this.finishedOnce) return false
    const { driver } = source
    const status = driver.poll()
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

  private pollGate(gate: InputGate): boolean {
    if (!gate.poll()) return false
    if (this.waiting) return true
    // At once: a batch that waits for the next turn is one more in memory, and its records live longer.
    if (this.batch !== undefined) this.processBatch()
    else if (this.applying) this.applyWatermark()
    return true
  }

  private setIdle(idle: boolean): void {
    if (idle === this.idle) return
    this.idle = idle
    this.status(idle)
  }

  private processBatch(): boolean {
    const batch = this.batch!
    const channel = this.channel!
    const head = this.links[0]!
    const { values, timestamps, length } = batch
    const input = channel.input === 0 ? head.input : head.input2
    const { backend } = head
    let i = this.cursor
    if (this.partials) i = this.processPartials(batch, i)
    else if (backend !== undefined && channel.keyOf !== undefined) {
      const { keyOf } = channel
      const groups = batch.keyGroups!
      for (; i < length; i++) {
        const value = values[i]
        backend.setCurrentKey(keyOf(value), groups[i]!)
        input.emit(value, timestamps[i]!)
        if (this.blocked()) {
          i++
          break
        }
      }
    } else {
      for (; i < length; i++) {
        input.emit(values[i], timestamps[i]!)
        if (this.blocked()) {
          i++
          break
        }
      }
    }
    this.cursor = i
    if (i === length) {
      this.batch = undefined
      const evicting = backend?.evictIfNeeded()
      if (evicting !== undefined) this.wait(evicting)
    }
    this.awaitSinks()
    return true
  }

  /** In a loop of its own: one that called either of two functions would be slower for plain records. */
  private processPartials({ values, timestamps, keyGroups, length }: RecordBatch, from: number): number {
    const head = this.links[0]!
    const backend = head.backend!
    const input = head.partials!
    let i = from
    while (i < length) {
      const partial = values[i]
      backend.setCurrentKey(keyOfPartial(partial), keyGroups![i]!)
      input.emit(partial, timestamps[i]!)
      i++
      if (this.blocked()) break
    }
    return i
  }

  /**
   * A barrier may fall between two slices of firing windows: the snapshot has the timers that are left, and a restored subtask fires
   * them first. Records that come first instead wait until the watermark is applied. True when a snapshot is being taken.
   */
  private barrierBetweenSlices(): boolean {
    if (!this.sliced || this.batch !== undefined || this.gate === undefined) return false
    this.gate.poll()
    return this.waiting
  }

  private applyWatermark(): boolean {
    this.timerBudget = TIMER_SLICE
    while (this.linkIndex < this.links.length) {
      const link = this.links[this.linkIndex]!
      const loading = link.backend?.prefetchTimers(this.target)
      if (loading !== undefined) {
        this.wait(loading)
        return true
      }
      if (!link.advanceWatermark(this.target, this.shouldYield)) {
        this.sliced = true
        return true
      }
      this.linkIndex++
      if (this.blocked()) break
    }
    if (this.linkIndex < this.links.length) return true
    this.applying = false
    this.sliced = false
    this.applied = this.target
    this.broadcast({ kind: 'watermark', time: this.target })
    if (this.statusBehind !== undefined) this.broadcast({ kind: this.statusBehind ? 'idle' : 'active' })
    this.statusBehind = undefined
    this.awaitSinks()
    return true
  }

  private end(): boolean {
    this.ending = false
    if (this.applied < MAX_WATERMARK) {
      this.watermark(MAX_WATERMARK)
      this.ending = true
      return true
    }
    this.finishedOnce = true
    this.wait(this.finish())
    return true
  }

  private async finish(): Promise<void> {
    for (const link of this.links) await link.finish()
    this.broadcast({ kind: 'end' })
    this.flush()
    this.host.finished(this.task)
  }

  private async takeSnapshot(checkpointId: number, timestampMs: number): Promise<void> {
    this.host.snapshotBegins(checkpointId)
    for (const link of this.links) await link.prepareBarrier(checkpointId)
    this.broadcast({ kind: 'barrier', checkpointId, timestamp: timestampMs })
    const operators: LinkSnapshot[] = []
    if (this.source !== undefined) operators.push(this.sourceSnapshot(this.source))
    for (const link of this.links) operators.push(await link.snapshot(checkpointId))
    this.host.snapshotTaken({ task: this.task, checkpointId, operators })
  }

  private sourceSnapshot(source: SourceHead): LinkSnapshot {
    const splits: readonly AssignedSplit[] = source.driver.snapshot()
    return {
      uid: source.uid,
      watermark: this.applied,
      finished: this.finishedOnce,
      state: [],
      schema: [],
      splits,
      counters: source.metrics.counts(),
    }
  }

  private awaitSinks(): void {
    for (const link of this.links) {
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
    for (let w = 0; w < this.writers.length; w++) if (this.writers[w]!.blocked) return true
    return false
  }

  private drain(): boolean {
    let clear = true
    for (const writer of this.writers) if (!writer.drain()) clear = false
    return clear
  }
}
