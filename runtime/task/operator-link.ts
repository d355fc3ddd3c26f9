import { MillraceError } from '../contract/errors.js'
import type { OperatorNode } from '../contract/graph.js'
import type { Key } from '../contract/key.js'
import type { Operator, OperatorContext } from '../contract/operator.js'
import type { Output } from '../contract/output.js'
import type { KeyedStateStore, TimerService } from '../contract/state.js'
import type { Clock } from '../contract/time.js'
import type { KeyedBackend } from '../state/keyed-backend.js'
import { OperatorState } from '../state/operator-state.js'
import type { OperatorRestore } from '../worker/protocol.js'
import { LocalMetrics } from './counters.js'
import { FailedRecords } from './failed-records.js'
import type { Link, LinkHost, LinkSnapshot, SubtaskInfo } from './link.js'
import { showWatermarks } from './operator-metrics.js'
import type { OperatorStateSnapshots } from './operator-state-run.js'
import type { PartialRecord } from './partial-record.js'
import { operatorFailure } from '../contract/operator-failure.js'

type AnyOperator = Operator<unknown, unknown, unknown>

/** What an operator of a slot is connected to. */
export interface OperatorWiring {
  readonly info: SubtaskInfo
  readonly clock: Clock
  readonly output: Output<unknown>
  readonly sideOutput: (tag: string) => Output<unknown>
  readonly hasSideOutput: (tag: string) => boolean
  readonly print: (line: string) => void
  readonly warn: (uid: string, message: string) => void
  readonly backend?: KeyedBackend
  /** Restored; only there if the operator declares any. */
  readonly operatorState?: { readonly state: OperatorState; readonly snapshots: OperatorStateSnapshots }
  /** Whether records that the function fails on go somewhere else. Absent: no. */
  readonly catchesFailures?: boolean
}

const rethrow = (error: unknown): never => {
  throw error
}

function unkeyed(uid: string): never {
  throw new MillraceError('MILLRACE_GRAPH', `operator "${uid}" uses state or timers, but its input is not keyed`, {
    hint: 'put keyBy(...) before it',
  })
}

/** One operator of a chain in one subtask, and its keyed state. Slot thread. */
export class OperatorLink implements Link {
  readonly uid: string
  readonly metrics: LocalMetrics = new LocalMetrics()
  readonly backend: KeyedBackend | undefined
  /** Where records of input 0 go in. */
  readonly input: Output<unknown>
  readonly input2: Output<unknown>
  readonly partials: Output<unknown>
  readonly pauses: boolean
  readonly holdWatermark?: (watermark: number) => number
  readonly settled?: () => Promise<void> | undefined
  private readonly operator: AnyOperator
  private readonly wiring: OperatorWiring
  private readonly failed: FailedRecords | undefined
  private readonly fireEvent: (time: number, namespace: number) => void
  private readonly fireProcessing: (time: number, namespace: number) => void
  private finished = false
  private watermark = -Infinity
  /** The watermark that all timers have fired for. */
  private advanced = -Infinity
  private host: LinkHost | undefined
  /** Tasks given before the subtask was there. */
  private readonly early: (() => void)[] = []

  constructor(node: OperatorNode, wiring: OperatorWiring) {
    this.uid = node.uid
    this.wiring = wiring
    this.backend = wiring.backend
    const operator = node.create() as unknown as AnyOperator
    this.operator = operator
    const { uid } = node
    const received = this.metrics.counter('numRecordsIn')
    showWatermarks(
      this.metrics,
      () => this.watermark,
      () => this.holdWatermark?.(this.advanced) ?? this.advanced,
    )
    this.pauses = operator.busy !== undefined
    if (operator.holdWatermark !== undefined) this.holdWatermark = (watermark) => operator.holdWatermark!(watermark)
    if (operator.settled !== undefined) this.settled = () => operator.settled!()
    this.failed = wiring.catchesFailures === true ? new FailedRecords(node, wiring, this.metrics) : undefined
    const plainInput: Output<unknown> = {
      emit(value, timestamp) {
        received.count++
        try {
          operator.processElement(value, timestamp)
        } catch (error) {
          throw operatorFailure(error, uid)
        }
      },
    }
    const plainInput2: Output<unknown> = {
      emit(value, timestamp) {
        received.count++
        try {
          operator.processElement2!(value, timestamp)
        } catch (error) {
          throw operatorFailure(error, uid)
        }
      },
    }
    const { failed } = this
    this.input = failed?.guard(0, (value, timestamp) => operator.processElement(value, timestamp)) ?? plainInput
    this.input2 = failed?.guard(1, (value, timestamp) => operator.processElement2!(value, timestamp)) ?? plainInput2
    this.partials = {
      emit(partial, pane) {
        const { acc, count } = partial as PartialRecord
        received.count += count
        try {
          operator.processPartial!(pane, acc, count)
        } catch (error) {
          throw operatorFailure(error, uid)
        }
      },
    }
    const fireEvent = (time: number, namespace: number): void => operator.onEventTimer!(time, namespace)
    const fireProcessing = (time: number, namespace: number): void => operator.onProcessingTimer!(time, namespace)
    this.fireEvent = failed?.guardTimer('event', fireEvent) ?? fireEvent
    this.fireProcessing = failed?.guardTimer('processing', fireProcessing) ?? fireProcessing
  }

  async open(restore: OperatorRestore | undefined): Promise<void> {
    if (restore !== undefined) {
      this.finished = restore.finished
      this.watermark = restore.watermark
    }
    await this.guard(() => this.operator.open?.(this.context()))
  }

  /** Fires timers up to the watermark in slices; true once all have fired and the operator has seen it. */
  advanceWatermark(watermark: number, shouldYield: () => boolean): boolean {
    this.watermark = watermark
    try {
      if (this.backend !== undefined && !this.backend.advanceWatermark(watermark, this.fireEvent, shouldYield))
        return false
      this.operator.processWatermark?.(watermark)
      this.advanced = watermark
      return true
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
  }

  fireProcessingTimers(now: number, shouldYield: () => boolean): boolean {
    if (this.backend === undefined) return true
    try {
      return this.backend.fireProcessingTimers(now, this.fireProcessing, shouldYield)
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
  }

  nextProcessingTimer(): number {
    return this.backend?.nextProcessingTimer() ?? Infinity
  }

  async prepareBarrier(checkpointId: number): Promise<void> {
    if (this.operator.prepareBarrier !== undefined) await this.guard(() => this.operator.prepareBarrier!(checkpointId))
  }

  snapshot(checkpointId: number): LinkSnapshot {
    this.backend?.freeze(checkpointId)
    this.operator.snapshotState?.(checkpointId)
    const operatorState = this.wiring.operatorState?.snapshots.freeze(checkpointId)
    return {
      uid: this.uid,
      watermark: this.watermark,
      finished: this.finished,
      schema: this.backend?.schema() ?? [],
      ...(this.backend === undefined ? {} : { firstTimers: this.backend.firstTimers() }),
      counters: this.metrics.counts(),
      ...(operatorState === undefined ? {} : { operatorState }),
    }
  }

  checkpointComplete(checkpointId: number): void {
    this.backend?.completeCheckpoint(checkpointId)
    this.operator.checkpointComplete?.(checkpointId)
  }

  checkpointAborted(checkpointId: number): void {
    this.backend?.abortCheckpoint(checkpointId)
    this.operator.checkpointAborted?.(checkpointId)
  }

  async finish(): Promise<void> {
    if (this.finished) return
    await this.backend?.restoreAll()
    const dropped = this.backend?.pendingProcessingTimers() ?? 0
    if (dropped > 0) this.metrics.counter('numProcessingTimersDropped').inc(dropped)
    await this.guard(() => this.operator.finish?.())
    this.finished = true
  }

  busy(): Promise<void> | undefined {
    return this.operator.busy?.()
  }

  attach(host: LinkHost): void {
    this.host = host
    for (const task of this.early.splice(0)) host.execute(task)
  }

  async close(): Promise<void> {
    await this.operator.close?.()
    await this.backend?.close()
  }

  private async guard(run: () => void | Promise<void>): Promise<void> {
    try {
      await run()
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
  }

  private context(): OperatorContext<unknown> {
    const { info, clock, output, sideOutput, hasSideOutput, print, warn, backend, operatorState } = this.wiring
    const { uid } = this
    return {
      ...info,
      uid,
      clock,
      output,
      sideOutput,
      hasSideOutput,
      print,
      warn: (message) => warn(uid, message),
      metrics: this.metrics.forOthers(),
      execute: (task) => {
        if (this.host === undefined) this.early.push(task)
        else this.host.execute(task)
      },
      failureOf: (value, timestamp) => this.failed?.later(value, timestamp) ?? rethrow,
      releaseWatermark: () => this.host?.releaseWatermark(),
      currentKey: (): Key => backend?.currentKey() ?? unkeyed(uid),
      operatorState: operatorState?.state ?? new OperatorState(uid, [], new Map()),
      get state(): KeyedStateStore {
        return backend?.store ?? unkeyed(uid)
      },
      get timers(): TimerService {
        return backend?.timers ?? unkeyed(uid)
      },
    }
  }
}
