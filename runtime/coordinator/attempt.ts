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
import { AttemptCheckpoints } from './attempt-checkpoints.js'
import type { CheckpointRules } from './checkpoint-rules.js'
import type { CheckpointSink } from './checkpoint-sink.js'
import type { ControlLine, SlotHost } from './slot-host.js'
import { SourceCoordinator, type SourceRun } from './source-coordinator.js'

/** How an attempt ended. */
export type AttemptOutcome =
  | { readonly kind: 'finished' | 'suspended' | 'rescaled' | 'canceled' }
  | { readonly kind: 'failed'; readonly error: SerializedError; readonly uid?: string }

/** What an attempt runs, and where. */
export interface AttemptOptions {
  readonly plan: ExecutionPlan
  readonly assignments: readonly SlotAssignment[]
  readonly run: SourceRun
  readonly host: SlotHost
  readonly clock: Clock
  readonly checkpoints: CheckpointSink
  readonly checkpointing: CheckpointRules
  readonly restoredSources: Readonly<
    Record<string, { readonly state: JsonValue; readonly splits: readonly AssignedSplit[][] }>
  >
  readonly counterBase: CounterTotals
  readonly events: JobEvents
  /** All slots and sources have started. */
  readonly running?: () => void
  /** It has failed; its slots are about to be ended. */
  readonly failing?: () => void
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
  private restored = 0
  private readonly closed = new Set<number>()
  private unfinished: number
  private running = false
  private readonly lastWords: (() => void)[] = []
  private readonly checkpoints: AttemptCheckpoints
  private settle!: (outcome: AttemptOutcome) => void
  private settled = false
  private draining = false

  constructor(options: AttemptOptions) {
    this.options = options
    this.slotsTotal = options.assignments.length
    this.unfinished = options.assignments.length * options.plan.tasks.length
    this.checkpoints = this.takingCheckpoints()
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
    if (result.kind === 'failed') this.options.failing?.()
    for (const port of this.ports) port.close()
    await this.options.host.destroy()
    for (const cancel of this.lastWords) cancel()
    // Whether it is in the log decides what the next attempt goes on from.
    await this.checkpoints.end()
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
    this.checkpoints.request('suspend')
  }

  /** Takes one more checkpoint and stops, for another attempt to go on from it. */
  rescale(): void {
    this.checkpoints.request('rescale')
  }

  /** Takes a checkpoint as soon as it can be. */
  savepoint(): void {
    this.checkpoints.request('savepoint')
  }

  /**
   * Sources read nothing more: the end of time goes through the graph, and the job finishes. No checkpoint is taken on the way: one with
   * half of the windows fired by the end of time would be nothing to go on from.
   */
  drain(): void {
    if (!this.checkpoints.drain()) return
    this.draining = true
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
    this.checkpoints.start()
  }

  private receive(message: FromSlot): void {
    if (this.settled) return
    switch (message.type) {
      case 'ready':
        this.ready++
        return this.startIfReady()
      case 'restored':
        if (++this.restored === this.slotsTotal) this.options.checkpoints.restored()
        return
      case 'checkpointAck':
        return this.checkpoints.acknowledge(message.slot, message.checkpointId, message.operators)
      case 'checkpointDeclined':
        return this.checkpoints.declined(message.checkpointId, deserializeError(message.error), message.uid)
      case 'subtaskFinished':
        if (--this.unfinished === 0) this.checkpoints.request('final')
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
        if (this.closed.size === this.slotsTotal) this.settle({ kind: this.checkpoints.closingAs! })
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

  private takingCheckpoints(): AttemptCheckpoints {
    const isOver = (): boolean => this.settled
    return new AttemptCheckpoints({
      clock: this.options.clock,
      rules: this.options.checkpointing,
      sink: this.options.checkpoints,
      slots: this.slotsTotal,
      tasks: this.options.plan.tasks.length,
      enumerators: (id) => Object.fromEntries(this.sources.map((source) => [source.uid, source.snapshot(id)])),
      broadcast: (message) => this.broadcast(message),
      completed: (id) => {
        for (const source of this.sources) source.checkpointComplete(id)
      },
      fail: (error, uid) => this.fail(error, uid),
      get over() {
        return isOver()
      },
    })
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
