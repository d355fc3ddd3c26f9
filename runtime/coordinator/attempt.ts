/**
 * One execution of the job's graph, from deploying the slots to their end: checkpoints by the clock, a final one when all subtasks are
 * done, a suspending one on request. Ends with an outcome; never throws. Main thread.
 *
 *   deploy -> ready -> start -> [trigger -> acks -> manifest -> commit -> complete]* -> final -> close
 */
import { MessageChannel } from 'node:worker_threads'
import { MillraceError, deserializeError, serializeError, type SerializedError } from '../contract/errors.js'
import type { SourceNode } from '../contract/graph.js'
import type { JsonValue } from '../contract/json.js'
import { OperatorFailure } from '../contract/operator-failure.js'
import type { Ending } from '../contract/source.js'
import type { Clock } from '../contract/time.js'
import type { ExecutionPlan } from '../plan/plan.js'
import type { AssignedSplit, ControlPort, FromSlot, SlotAssignment, SlotMetrics, ToSlot } from '../worker/protocol.js'
import { addCounters, type CounterTotals } from './draft.js'
import type { JobEvents } from './events.js'
import { PendingCheckpoint, type CheckpointReason } from './pending-checkpoint.js'
import type { ControlLine, SlotHost } from './slot-host.js'
import { SourceCoordinator, type SourceRun } from './source-coordinator.js'

/** How an attempt ended. */
export type AttemptOutcome =
  | { readonly kind: 'finished' | 'suspended' | 'rescaled' | 'canceled' }
  | { readonly kind: 'failed'; readonly error: SerializedError; readonly uid?: string }

/** Where completed checkpoints go; rejects when a checkpoint could not be committed. */
export interface CheckpointSink {
  nextId(): number
  complete(pending: PendingCheckpoint): Promise<void>
  /** A checkpoint that was given up: what its sinks prepared must not be lost. */
  abandon(pending: PendingCheckpoint, reason: string): void
  /** An acknowledgement that came after its checkpoint was given up. */
  late(operators: readonly (FromSlot & { type: 'checkpointAck' })['operators'][number][]): void
}

/** What an attempt runs, and where. */
export interface AttemptOptions {
  readonly plan: ExecutionPlan
  readonly assignments: readonly SlotAssignment[]
  readonly run: SourceRun
  readonly host: SlotHost
  readonly clock: Clock
  readonly checkpoints: CheckpointSink
  readonly checkpointIntervalMs: number
  readonly checkpointTimeoutMs: number
  /** How long barriers wait in line; Infinity: for ever. */
  readonly alignmentTimeoutMs: number
  readonly restoredSources: Readonly<
    Record<string, { readonly state: JsonValue; readonly splits: readonly AssignedSplit[][] }>
  >
  readonly counterBase: CounterTotals
  readonly events: JobEvents
  /** All slots and sources have started. */
  readonly running?: () => void
}

/** See `request`. */
const WEIGHT: Readonly<Record<CheckpointReason, number>> = {
  periodic: 0,
  savepoint: 1,
  rescale: 2,
  suspend: 3,
  final: 3,
}

/** What the attempt ends as after a checkpoint, if it does. */
const CLOSING: Readonly<Record<CheckpointReason, 'finished' | 'suspended' | 'rescaled' | undefined>> = {
  periodic: undefined,
  savepoint: undefined,
  rescale: 'rescaled',
  suspend: 'suspended',
  final: 'finished',
}

/** How long the last messages of a thread that ended may take. */
const LAST_WORDS_MS = 1000

/** One attempt. Use it once. */
export class Attempt {
  private readonly options: AttemptOptions
  private readonly ports: ControlPort[] = []
  private readonly sources: SourceCoordinator[] = []
  private readonly metrics = new Map<number, SlotMetrics>()
  private readonly slotsTotal: number
  private ready = 0
  private readonly closed = new Set<number>()
  private unfinished: number
  private running = false
  private pending: PendingCheckpoint | undefined
  private committing = false
  private committed: Promise<void> = Promise.resolve()
  private readonly lastWords: (() => void)[] = []
  private requested: CheckpointReason | undefined
  private cancelTimer: () => void = () => {}
  private cancelTimeout: () => void = () => {}
  private settle!: (outcome: AttemptOutcome) => void
  private settled = false
  private closingAs: 'finished' | 'suspended' | 'rescaled' | undefined
  private draining = false

  constructor(options: AttemptOptions) {
    this.options = options
    this.slotsTotal = options.assignments.length
    this.unfinished = options.assignments.length * options.plan.tasks.length
  }

  async run(): Promise<AttemptOutcome> {
    const outcome = new Promise<AttemptOutcome>((resolve) => {
      this.settle = (result) => {
        if (!this.settled) resolve(result)
        this.settled = true
      }
    })
    this.options.events.progress({ counters: this.options.counterBase, watermark: -Infinity })
    this.deploy()
    void this.startSources()
    const result = await outcome
    this.cancelTimer()
    this.cancelTimeout()
    for (const port of this.ports) port.close()
    await this.options.host.destroy()
    for (const cancel of this.lastWords) cancel()
    // Whether it is in the log decides what the next attempt goes on from.
    await this.committed
    return result
  }

  /** After `run`, once it is known what comes next. What cannot be closed is a warning: it ends nothing that has not ended. */
  async close(ending: Ending): Promise<void> {
    for (const source of this.sources) {
      await source.close(ending).catch((error: unknown) => {
        this.options.events.warn(source.uid, `could not be closed: ${serializeError(error).message}`)
      })
    }
  }

  /** Takes one more checkpoint and stops. */
  suspend(): void {
    this.request('suspend')
  }

  /** Takes one more checkpoint and stops, for another attempt to go on from it. */
  rescale(): void {
    this.request('rescale')
  }

  /** Takes a checkpoint as soon as it can be. */
  savepoint(): void {
    this.request('savepoint')
  }

  /**
   * Sources read nothing more: the end of time goes through the graph, and the job finishes. No checkpoint is taken on the way: one with
   * half of the windows fired by the end of time would be nothing to go on from.
   */
  drain(): void {
    if (this.draining || this.requested === 'suspend' || this.closingAs !== undefined) return
    this.draining = true
    if (this.requested !== 'final') this.requested = undefined
    if (this.running) this.broadcast({ type: 'drain' })
  }

  /** Ends at once; nothing is closed in order. A checkpoint that is being committed is. */
  cancel(): void {
    this.settle({ kind: 'canceled' })
  }

  private deploy(): void {
    for (const assignment of this.options.assignments) {
      const { coordinator, slot } = this.options.host.line?.(assignment.slot) ?? threadLine()
      this.ports.push(coordinator)
      coordinator.on('message', (message) => this.receive(message as FromSlot))
      this.options.host.run(assignment, slot).then(
        () => this.ended(assignment.slot),
        (error: unknown) => this.fail(error),
      )
    }
  }

  private async startSources(): Promise<void> {
    const { plan, clock, events, restoredSources } = this.options
    try {
      for (const node of plan.graph.nodes)
        if (node.kind === 'source') this.sources.push(this.sourceCoordinator(node, clock, events))
      for (const source of this.sources) await source.start(restoredSources[source.uid])
      this.sourcesStarted = true
      this.startIfReady()
    } catch (error) {
      this.fail(error)
    }
  }

  private sourcesStarted = false

  private sourceCoordinator(node: SourceNode, clock: Clock, events: JobEvents): SourceCoordinator {
    return new SourceCoordinator({
      node,
      run: this.options.run,
      clock,
      send: (slot, message) => this.send(slot, message),
      warn: (uid, message) => events.warn(uid, message),
      fail: (error) => this.fail(error),
    })
  }

  private startIfReady(): void {
    if (this.running || this.ready < this.slotsTotal || !this.sourcesStarted) return
    this.running = true
    if (this.draining) this.broadcast({ type: 'drain' })
    this.broadcast({ type: 'start' })
    this.options.running?.()
    this.scheduleCheckpoint()
    this.triggerNext()
  }

  private receive(message: FromSlot): void {
    if (this.settled) return
    switch (message.type) {
      case 'ready':
        this.ready++
        return this.startIfReady()
      case 'checkpointAck':
        return this.acknowledge(message)
      case 'subtaskFinished':
        if (--this.unfinished === 0) this.requestFinal()
        return
      case 'splitFinished':
        return this.splitFinished(message)
      case 'splitCaughtUp':
        return this.sourceOf(message.uid)?.splitCaughtUp(message.splitId)
      case 'failed':
        return this.fail(deserializeError(message.error), message.uid)
      case 'print':
        for (const line of message.lines) this.options.events.print(line)
        return
      case 'warn':
        return this.options.events.warn(message.uid, message.message)
      case 'metrics':
        this.metrics.set(message.slot, message.metrics)
        this.reportFigures(message)
        return this.reportProgress()
      case 'closed':
        this.closed.add(message.slot)
        if (this.closed.size === this.slotsTotal) this.settle({ kind: this.closingAs! })
    }
  }

  private splitFinished({ uid, slot, split }: FromSlot & { type: 'splitFinished' }): void {
    try {
      this.sourceOf(uid)?.splitFinished(slot, split)
    } catch (error) {
      this.fail(error)
    }
  }

  private sourceOf(uid: string): SourceCoordinator | undefined {
    return this.sources.find((source) => source.uid === uid)
  }

  private reportProgress(): void {
    const all = [...this.metrics.values()]
    const snapshots = all.flatMap((m) => Object.entries(m.operators).map(([uid, counters]) => ({ uid, counters })))
    for (const { uid, metrics } of this.sources) snapshots.push({ uid, counters: metrics.counts() })
    this.options.events.progress({
      counters: addCounters(this.options.counterBase, snapshots),
      watermark: Math.min(...all.map((m) => m.watermark)),
    })
  }

  private reportFigures({ slot, metrics: { figures } }: FromSlot & { type: 'metrics' }): void {
    const { events, counterBase } = this.options
    if (events.figures === undefined) return
    const sources = this.sources.map(({ uid, metrics }) => ({ uid, figures: metrics.figures() }))
    events.figures({ slot, figures, sources, counterBase })
  }

  private scheduleCheckpoint(): void {
    const { checkpointIntervalMs, clock } = this.options
    if (checkpointIntervalMs <= 0) return
    this.cancelTimer = clock.setTimeout(() => {
      this.request('periodic')
      this.scheduleCheckpoint()
    }, checkpointIntervalMs)
  }

  private requestFinal(): void {
    this.request('final')
  }

  /** Of several reasons the weightiest: what a lighter one wants, its checkpoint does too. Of two that end the attempt, the first. */
  private request(reason: CheckpointReason): void {
    if (this.closingAs !== undefined || (this.draining && reason !== 'final')) return
    if (this.requested === undefined || WEIGHT[reason] > WEIGHT[this.requested]) this.requested = reason
    this.triggerNext()
  }

  /** Triggers what is requested unless a checkpoint is under way: then it is looked at again when that one is done. */
  private triggerNext(): void {
    const reason = this.requested
    if (reason === undefined || !this.running || this.pending !== undefined || this.committing || this.settled) return
    if (this.closingAs !== undefined) return
    this.requested = undefined
    const id = this.options.checkpoints.nextId()
    const now = this.options.clock.now()
    let enumerators: Record<string, JsonValue>
    try {
      enumerators = Object.fromEntries(this.sources.map((source) => [source.uid, source.snapshot(id)]))
    } catch (error) {
      return this.fail(error)
    }
    const tasks = this.options.plan.tasks.length
    this.pending = new PendingCheckpoint({ id, reason, triggeredAtMs: now, enumerators, slots: this.slotsTotal, tasks })
    const { alignmentTimeoutMs } = this.options
    // What a user asks for stands for itself: nothing is in flight in it.
    const patient = reason !== 'periodic' || alignmentTimeoutMs === Infinity
    this.broadcast({
      type: 'triggerCheckpoint',
      checkpointId: id,
      timestampMs: now,
      ...(patient ? {} : { alignmentTimeoutMs }),
    })
    this.cancelTimeout = this.options.clock.setTimeout(() => this.giveUp(id), this.options.checkpointTimeoutMs)
  }

  private acknowledge(message: FromSlot & { type: 'checkpointAck' }): void {
    const { pending } = this
    if (pending?.id !== message.checkpointId) return this.options.checkpoints.late(message.operators)
    if (!pending.acknowledge(message.slot, message.operators)) return
    this.pending = undefined
    this.cancelTimeout()
    this.committed = this.commit(pending)
  }

  private async commit(pending: PendingCheckpoint): Promise<void> {
    this.committing = true
    try {
      await this.options.checkpoints.complete(pending)
      this.committing = false
      if (this.settled) return
      this.broadcast({ type: 'checkpointComplete', checkpointId: pending.id })
      for (const source of this.sources) source.checkpointComplete(pending.id)
    } catch (error) {
      return this.fail(error)
    }
    const closingAs = CLOSING[pending.reason]
    if (closingAs === undefined) return this.triggerNext()
    this.closingAs = closingAs
    this.broadcast({ type: 'close' })
  }

  private giveUp(checkpointId: number): void {
    const { pending } = this
    if (pending?.id !== checkpointId) return
    this.pending = undefined
    const reason = `not complete after ${this.options.checkpointTimeoutMs} ms`
    this.options.checkpoints.abandon(pending, reason)
    this.broadcast({ type: 'checkpointAborted', checkpointId })
    if (CLOSING[pending.reason] !== undefined) return this.request(pending.reason)
    this.triggerNext()
  }

  /** The thread is done; what it had to say may still be on its way through the port. */
  private ended(slot: number): void {
    const silent = new MillraceError('MILLRACE_WORKER', `slot ${slot} ended before the job did`)
    const judge = (): void => {
      if (!this.closed.has(slot)) this.fail(silent)
    }
    if (!this.settled) this.lastWords.push(this.options.clock.setTimeout(judge, LAST_WORDS_MS))
  }

  private fail(
    error: unknown,
    uid: string | undefined = error instanceof OperatorFailure ? error.uid : undefined,
  ): void {
    this.settle({
      kind: 'failed',
      error: serializeError(error, 'MILLRACE_INTERNAL'),
      ...(uid !== undefined ? { uid } : {}),
    })
  }

  private broadcast(message: ToSlot): void {
    for (let slot = 0; slot < this.slotsTotal; slot++) this.send(slot, message)
  }

  private send(slot: number, message: ToSlot): void {
    this.ports[slot]!.postMessage(message)
  }
}

function threadLine(): ControlLine {
  const { port1, port2 } = new MessageChannel()
  return { coordinator: port1, slot: port2 }
}
