/**
 * Invariant: the thread is never blocked. Control messages first, then one bounded piece of work for each subtask (downstream first, so
 * that what is under way leaves before more comes in), then a slice of the running snapshots; between turns of a few milliseconds the
 * event loop runs, and with nothing to do the slot parks.
 *
 *   inbox -> subtasks -> snapshots -> (yield | park) -> inbox ...
 *
 * Semantics of the order: Flink's MailboxProcessor.
 */
import { serializeError } from '../contract/errors.js'
import { steadyTime, type Clock } from '../contract/time.js'
import type { SlotFigures } from '../metrics/figures.js'
import { parkUnless, type Parker, type Waker } from '../exchange/parking.js'
import type { AssignedSplit, FromSlot, ToSlot } from '../worker/protocol.js'
import { RestoreSlices } from './restore-slices.js'
import { SnapshotEncoder, type SegmentWriter } from './snapshot-encoder.js'
import type { SourceDriver } from './source-driver.js'
import type { Subtask, SubtaskSnapshot } from './subtask.js'
import { TaskTime } from './task-time.js'
import { OperatorFailure } from '../contract/operator-failure.js'

/** How long a slot works before the event loop gets a turn, and how long a partly filled batch may wait. */
const TURN_MS = 4
const LONGEST_PARK_MS = 1000
/** Pieces of work, of a subtask that is no source, to each of a source. */
const PIECES_OUT = 4
const CANCELLED = Symbol('cancelled')

/** The slot's end of the channel to the coordinator. */
export interface SlotLink {
  send(message: FromSlot): void
  /** Next control message, if one is there. */
  receive(): ToSlot | undefined
}

/** A slot's surroundings; the simulator supplies its own. */
export interface SlotOptions {
  readonly slot: number
  readonly clock: Clock
  readonly link: SlotLink
  readonly parker: Parker
  readonly waker: Waker
  readonly slots: number
  readonly segments: SegmentWriter
  /** Lets the event loop run once. */
  readonly breathe: () => Promise<void>
  /** How long it works before the event loop gets a turn. Default 4 ms; the simulator: 0, so that each round is a step of its own. */
  readonly turnMs?: number
}

/** The mailbox loop of one slot. */
export class Slot {
  /** Downstream first. */
  private subtasks: readonly Subtask[] = []
  private readonly options: SlotOptions
  private readonly encoder: SnapshotEncoder
  private restores: RestoreSlices | undefined
  private failure: unknown
  private failed = false
  private started = false
  private closing = false
  private lines: string[] = []
  private nextTimerMs = Infinity
  /** Of each subtask, in the same order. */
  private taskTimes: readonly TaskTime[] = []
  /** When the loop last looked at the clock, by its steady time. */
  private nowMs = 0

  constructor(options: SlotOptions) {
    this.options = options
    this.encoder = new SnapshotEncoder(options.segments, options.clock, {
      done: (snapshot, operators) =>
        options.link.send({
          type: 'checkpointAck',
          slot: options.slot,
          task: snapshot.task,
          checkpointId: snapshot.checkpointId,
          operators,
        }),
      declined: ({ checkpointId }, uid, error) =>
        options.link.send({
          type: 'checkpointDeclined',
          slot: options.slot,
          checkpointId,
          uid,
          error: serializeError(error),
        }),
      failed: (error) => this.fail(error),
      wake: () => this.wake(),
    })
  }

  /** The subtasks this slot hosts, upstream first. */
  host(subtasks: readonly Subtask[]): void {
    this.subtasks = [...subtasks].reverse()
    const { link, slot } = this.options
    const backends = subtasks.flatMap(({ links }) => links.flatMap(({ backend }) => backend ?? []))
    this.restores = new RestoreSlices(backends, {
      done: () => link.send({ type: 'restored', slot }),
      failed: (error) => this.fail(error),
      wake: () => this.wake(),
    })
    const now = steadyTime(this.options.clock)
    this.taskTimes = this.subtasks.map(() => new TaskTime(now))
  }

  /** How the subtasks spent their time so far. */
  times(): SlotFigures['tasks'] {
    const now = steadyTime(this.options.clock)
    return this.subtasks.map(({ task }, s) => ({ task, time: this.taskTimes[s]!.shares(now) }))
  }

  wake(): void {
    this.options.waker.wake(this.options.slot)
  }

  wakeOthers(): void {
    for (let s = 0; s < this.options.slots; s++) if (s !== this.options.slot) this.options.waker.wake(s)
  }

  fail(error: unknown): void {
    if (!this.failed) this.failure = error
    this.failed = true
    this.wake()
  }

  print(line: string): void {
    this.lines.push(line)
  }

  warn(uid: string, message: string): void {
    this.options.link.send({ type: 'warn', slot: this.options.slot, uid, message })
  }

  /** Rows of a newer checkpoint must never get into an older one's segment. */
  snapshotBegins(task: number): Promise<void> | undefined {
    return this.encoder.untaken(task)
  }

  snapshotTaken(snapshot: SubtaskSnapshot): void {
    this.encoder.add(snapshot, this.subtasks.find((s) => s.task === snapshot.task)!.links)
  }

  splitFinished(uid: string, split: AssignedSplit): void {
    this.options.link.send({ type: 'splitFinished', slot: this.options.slot, uid, split })
  }

  splitCaughtUp(uid: string, splitId: string): void {
    this.options.link.send({ type: 'splitCaughtUp', slot: this.options.slot, uid, splitId })
  }

  finished(task: number): void {
    this.options.link.send({ type: 'subtaskFinished', slot: this.options.slot, task })
  }

  /** Runs until the coordinator says `close` or something fails; reports a failure and then resolves. */
  async run(): Promise<void> {
    const { clock, link, turnMs = TURN_MS } = this.options
    link.send({ type: 'ready', slot: this.options.slot })
    try {
      let turnBegan = steadyTime(clock)
      this.nowMs = turnBegan
      for (;;) {
        this.takeMessages()
        if (this.failed) throw this.failure
        if (this.closing) break
        const progressed = this.started && this.turn()
        const now = steadyTime(clock)
        this.nowMs = now
        if (progressed && now - turnBegan < turnMs) continue
        this.fireTimers()
        this.flush()
        if (progressed || this.hasWork()) await this.options.breathe()
        else await parkUnless(this.options.parker, () => this.hasWork(), this.parkTimeout(clock.now()))
        turnBegan = steadyTime(clock)
        this.nowMs = turnBegan
      }
      for (const subtask of this.subtasks) await subtask.close()
      this.flushLines()
      link.send({ type: 'closed', slot: this.options.slot })
    } catch (error) {
      this.flushLines()
      if (error !== CANCELLED) this.report(error)
      for (const subtask of this.subtasks) await subtask.close().catch(() => {})
    }
  }

  /** Ends the slot without closing anything in order: its attempt is given up. */
  cancel(): void {
    this.fail(CANCELLED)
  }

  private turn(): boolean {
    let progressed = false
    for (let s = 0; s < this.subtasks.length; s++) {
      const subtask = this.subtasks[s]!
      // More goes out than comes in, or what lies between would fill up.
      const times = subtask.source === undefined ? PIECES_OUT : 1
      let ran = false
      for (let n = 0; n < times && subtask.runOnce(); n++) ran = true
      if (ran) progressed = true
      this.spent(s, ran)
    }
    const restored = this.restores!.slice()
    return this.encoder.slice(progressed) || restored || progressed
  }

  /** Notes for what the time since the clock was last read was. */
  private spent(s: number, ran: boolean): void {
    const time = this.taskTimes[s]!
    if (ran) {
      const now = steadyTime(this.options.clock)
      time.worked(this.nowMs, now)
      this.nowMs = now
    } else if (this.subtasks[s]!.stuck) time.stuck(this.nowMs)
    else time.unstuck(this.nowMs)
  }

  private flush(): void {
    for (const subtask of this.subtasks) subtask.flush()
    this.flushLines()
  }

  private flushLines(): void {
    if (this.lines.length === 0) return
    this.options.link.send({ type: 'print', lines: this.lines })
    this.lines = []
  }

  private fireTimers(): void {
    let next = Infinity
    if (this.started) {
      this.subtasks.forEach((subtask, s) => {
        next = Math.min(next, subtask.processingTime())
        const now = steadyTime(this.options.clock)
        if (now > this.nowMs) this.taskTimes[s]!.worked(this.nowMs, now)
        this.nowMs = now
      })
    }
    this.nextTimerMs = next
  }

  private hasWork(): boolean {
    if (this.failed || this.inboxHasMail()) return true
    if (!this.started) return false
    return this.encoder.hasWork() || this.restores!.hasWork() || this.subtasks.some((subtask) => subtask.hasWork())
  }

  private parkTimeout(now: number): number {
    let timeout = LONGEST_PARK_MS
    for (const subtask of this.subtasks) timeout = Math.min(timeout, subtask.nextCheckMs())
    return Math.max(1, Math.min(timeout, this.nextTimerMs - now))
  }

  private mail: ToSlot | undefined

  private inboxHasMail(): boolean {
    this.mail ??= this.options.link.receive()
    return this.mail !== undefined
  }

  private takeMessages(): void {
    while (this.inboxHasMail()) {
      const message = this.mail!
      this.mail = undefined
      this.handle(message)
    }
  }

  private handle(message: ToSlot): void {
    switch (message.type) {
      case 'start':
        this.started = true
        return
      case 'assignSplits':
        return this.source(message.uid)?.assign(message.splits)
      case 'retireSplits':
        return this.source(message.uid)?.retire(message.splitIds, message.hold)
      case 'releaseSplits':
        return this.source(message.uid)?.release(message.splitIds)
      case 'noMoreSplits':
        return this.source(message.uid)?.endOfSplits()
      case 'triggerCheckpoint':
        for (const subtask of this.subtasks) subtask.trigger(message.checkpointId, message.timestampMs)
        return
      case 'checkpointComplete':
        for (const subtask of this.subtasks) subtask.complete(message.checkpointId)
        return
      case 'checkpointAborted':
        this.encoder.abort(message.checkpointId)
        for (const subtask of this.subtasks) subtask.abort(message.checkpointId)
        return
      case 'drain':
        for (const subtask of this.subtasks) subtask.source?.driver.drain()
        return
      case 'close':
        this.closing = true
    }
  }

  private source(uid: string): SourceDriver | undefined {
    return this.subtasks.find((subtask) => subtask.source?.uid === uid)?.source?.driver
  }

  private report(error: unknown): void {
    const uid = error instanceof OperatorFailure ? error.uid : undefined
    this.options.link.send({
      type: 'failed',
      slot: this.options.slot,
      error: serializeError(error, 'MILLRACE_INTERNAL'),
      ...(uid !== undefined ? { uid } : {}),
    })
  }
}
