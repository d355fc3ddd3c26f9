import { keyGroupRange } from '../codec/key-group.js'
import type { OperatorNode } from '../contract/graph.js'
import { operatorFailure } from '../contract/operator-failure.js'
import type { Key } from '../contract/key.js'
import type { Output } from '../contract/output.js'
import type { Operator } from '../contract/operator.js'
import { MIN_WATERMARK } from '../contract/time.js'
import { KeyedBackend } from '../state/keyed-backend.js'
import type { StateSchema } from '../contract/state.js'
import { OperatorLink, type OperatorWiring } from '../task/operator-link.js'
import type { OperatorStateRestore, OperatorStateShare } from '../worker/protocol.js'
import { frozenOperator } from './frozen-job.js'
import { harnessOperatorState } from './harness-operator-state.js'
import { StateRows, type StateRow } from './state-rows.js'
import type { VirtualClock } from './virtual-clock.js'

/** What one operator subtask starts from. */
export interface SubtaskRestore {
  readonly watermark: number
  readonly rows: readonly StateRow[]
  readonly operatorState: Readonly<Record<string, OperatorStateRestore>>
  readonly schema: readonly StateSchema[]
}

/** What it leaves in a checkpoint. */
export interface SubtaskState extends Omit<SubtaskRestore, 'operatorState'> {
  readonly operatorState: Readonly<Record<string, OperatorStateShare>>
  readonly counters: Readonly<Record<string, number>>
}

const neverYield = (): boolean => false

/** One subtask of an operator as a slot runs it, without channels around it. */
export class HarnessSubtask {
  private readonly link: OperatorLink
  private readonly backend: KeyedBackend | undefined
  private readonly rows: StateRows
  private readonly restored: SubtaskRestore | undefined
  /** Of asynchronous operators: what they asked for while they were called. */
  private readonly tasks: (() => void)[] = []
  private called = 0
  private failure: { readonly error: unknown } | undefined
  private readonly failureAwaited: (() => void)[] = []
  private input = MIN_WATERMARK
  private output = MIN_WATERMARK

  constructor(node: OperatorNode, wiring: Omit<OperatorWiring, 'backend'>, restored: SubtaskRestore | undefined) {
    const { subtask, parallelism, maxParallelism } = wiring.info
    const range = keyGroupRange(subtask, maxParallelism, parallelism)
    this.restored = restored
    this.rows = new StateRows(
      (restored?.rows ?? []).filter(({ keyGroup }) => keyGroup >= range.first && keyGroup <= range.last),
    )
    if (node.keyed) {
      this.backend = new KeyedBackend({
        uid: node.uid,
        states: node.states,
        firstKeyGroup: range.first,
        lastKeyGroup: range.last,
        clock: wiring.clock,
        cacheBytes: Infinity,
        ...(restored === undefined ? {} : { restoredSchema: restored.schema, watermark: restored.watermark }),
      })
      for (const { keyGroup, key, value } of this.rows.all()) this.backend.restoreRow(keyGroup, key, value)
    }
    const frozen = { ...node, create: () => frozenOperator(node) as Operator<never, unknown, never> }
    this.link = new OperatorLink(frozen, {
      ...wiring,
      ...harnessOperatorState(node, subtask, restored?.operatorState ?? {}),
      ...(this.backend === undefined ? {} : { backend: this.backend }),
    })
    this.link.attach({ execute: (task) => this.execute(task), releaseWatermark: () => this.release() })
  }

  /** What goes on to the operators behind: operators that work on records hold it back. */
  get outputWatermark(): number {
    return this.output
  }

  async open(): Promise<void> {
    const { restored } = this
    await this.link.open(
      restored === undefined
        ? undefined
        : {
            watermark: restored.watermark,
            finished: false,
            operatorState: restored.operatorState,
            segments: [],
            firstTimers: [Infinity, Infinity],
            schema: restored.schema,
            writerStates: [],
          },
    )
    if (restored !== undefined && restored.watermark > MIN_WATERMARK) this.advanceWatermark(restored.watermark)
  }

  process(value: unknown, timestamp: number, input: 0 | 1, key?: { readonly key: Key; readonly group: number }): void {
    if (key === undefined) this.backend?.clearCurrentKey()
    else this.backend?.setCurrentKey(key.key, key.group)
    const to: Output<unknown> = input === 0 ? this.link.input : this.link.input2
    this.call(() => to.emit(value, timestamp))
  }

  advanceWatermark(watermark: number): void {
    this.call(() => {
      while (!this.link.advanceWatermark(watermark, neverYield));
    })
    this.input = watermark
    this.release()
  }

  /** Resolves when the operator works on no record any more. */
  async settled(): Promise<void> {
    while (this.failure === undefined) {
      const settled = this.link.settled?.()
      if (settled === undefined) break
      await Promise.race([settled, this.failing()])
    }
    this.refuseFailed()
  }

  /** Fires what is due until then, each timer at its own time. */
  advanceProcessingTime(clock: VirtualClock, untilMs: number): void {
    for (let due = this.link.nextProcessingTimer(); due <= untilMs; due = this.link.nextProcessingTimer()) {
      clock.advanceTo(due)
      this.call(() => {
        while (!this.link.fireProcessingTimers(clock.now(), neverYield));
      })
    }
  }

  nextProcessingTimer(): number {
    return this.link.nextProcessingTimer()
  }

  pendingEventTimers(): number {
    return this.backend?.pendingEventTimers() ?? 0
  }

  async snapshot(checkpointId: number): Promise<SubtaskState> {
    await Promise.race([this.link.prepareBarrier(checkpointId), this.failing()])
    this.refuseFailed()
    const { watermark, operatorState: frozen, schema, counters } = this.link.snapshot(checkpointId)
    if (this.backend !== undefined) await this.rows.take(this.backend)
    frozen?.slice(Infinity)
    const operatorState = (await frozen?.finish()) ?? {}
    this.link.checkpointComplete(checkpointId)
    return { watermark, operatorState, schema, counters, rows: this.rows.all() }
  }

  counters(): Readonly<Record<string, number>> {
    return this.link.metrics.counts()
  }

  async finish(): Promise<void> {
    await Promise.race([this.link.finish(), this.failing()])
    this.refuseFailed()
  }

  close(): Promise<void> {
    return this.link.close()
  }

  /** A task that failed fails the next call: nobody else hears of it. */
  private call(run: () => void): void {
    this.refuseFailed()
    this.called++
    try {
      run()
    } finally {
      this.called--
    }
    while (this.called === 0 && this.tasks.length > 0) this.run(this.tasks.shift()!)
    this.refuseFailed()
  }

  private execute(task: () => void): void {
    if (this.called > 0) this.tasks.push(task)
    else this.run(task)
  }

  private run(task: () => void): void {
    try {
      task()
    } catch (error) {
      this.failure ??= { error: operatorFailure(error, this.link.uid) }
      for (const wake of this.failureAwaited.splice(0)) wake()
    }
  }

  private failing(): Promise<void> {
    if (this.failure !== undefined) return Promise.resolve()
    return new Promise((resolve) => this.failureAwaited.push(resolve))
  }

  private refuseFailed(): void {
    if (this.failure !== undefined) throw this.failure.error
  }

  private release(): void {
    const passes = this.link.holdWatermark?.(this.input) ?? this.input
    if (passes > this.output) this.output = passes
  }
}
