import type { SourceNode } from '../contract/graph.js'
import type { JsonValue } from '../contract/json.js'
import { operatorFailure } from '../contract/operator-failure.js'
import type { Ending, EnumeratorContext, NewSplit, Source, SplitEnumerator } from '../contract/source.js'
import { MIN_WATERMARK, type Clock } from '../contract/time.js'
import { LocalMetrics } from '../metrics/local-metrics.js'
import type { AssignedSplit, ToSlot } from '../worker/protocol.js'
import { SplitHandoffs } from './split-handoffs.js'

/** The run that a source is part of, as its enumerator sees it. */
export type SourceRun = Pick<
  EnumeratorContext<JsonValue>,
  'jobId' | 'runId' | 'runStartedAtMs' | 'parallelism' | 'attempt' | 'checkpointing'
>

/** A source and its readers. */
export interface SourceCoordinatorOptions {
  readonly node: SourceNode
  readonly run: SourceRun
  readonly clock: Clock
  /** One FIFO per slot, shared with checkpoint triggers: what is assigned before a trigger is in that checkpoint. */
  readonly send: (slot: number, message: ToSlot) => void
  readonly warn: (uid: string, message: string) => void
  readonly fail: (error: unknown) => void
}

/** A source's enumerator in one attempt. Main thread. */
export class SourceCoordinator {
  readonly uid: string
  readonly metrics: LocalMetrics = new LocalMetrics()
  private readonly options: SourceCoordinatorOptions
  private readonly handoffs: SplitHandoffs
  private readonly enumerator: SplitEnumerator<JsonValue, JsonValue>
  /** Splits whose ends came before the enumerator was started. */
  private early: { readonly slot: number; readonly split: AssignedSplit }[] | undefined = []

  constructor(options: SourceCoordinatorOptions) {
    this.options = options
    this.uid = options.node.uid
    const { run, clock, send, warn, fail } = options
    const { uid, metrics } = this
    this.handoffs = new SplitHandoffs(uid, send)
    const source = options.node.source as unknown as Source<unknown>
    this.enumerator = this.guard(() =>
      source.createEnumerator({
        ...run,
        uid,
        clock,
        metrics: metrics.forOthers(),
        assignSplits: (subtask, splits) => this.assign(subtask, splits.map(newSplit)),
        retireSplits: (subtask, splitIds) => {
          if (splitIds.length > 0) this.handoffs.retire(subtask, [...splitIds])
        },
        signalNoMoreSplits: () => {
          for (let slot = 0; slot < run.parallelism; slot++) send(slot, { type: 'noMoreSplits', uid })
        },
        warn: (message) => warn(uid, message),
        fail: (error) => fail(operatorFailure(error, uid)),
      }),
    )
  }

  /** `restored`: the enumerator's state and, by subtask, the splits of the checkpoint: they are registered before anything else. */
  async start(
    restored: { readonly state: JsonValue; readonly splits: readonly AssignedSplit[][] } | undefined,
  ): Promise<void> {
    restored?.splits.forEach((splits, subtask) => this.assign(subtask, splits))
    const assigned =
      restored?.splits.flatMap((splits, subtask) => splits.map(({ id, split }) => ({ id, split, subtask }))) ?? []
    try {
      await this.enumerator.start(restored?.state, assigned)
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
    const early = this.early ?? []
    this.early = undefined
    for (const { slot, split } of early) this.splitFinished(slot, split)
  }

  /** A reader has emitted all of a split. Its enumerator hears of it once it is started. */
  splitFinished(slot: number, split: AssignedSplit): void {
    if (this.early !== undefined) this.early.push({ slot, split })
    else this.guard(() => this.enumerator.splitFinished?.(slot, { id: split.id, split: split.split }, split.watermark))
  }

  splitCaughtUp(splitId: string): void {
    this.handoffs.caughtUp(splitId)
  }

  snapshot(checkpointId: number): JsonValue {
    return this.guard(() => this.enumerator.snapshotState(checkpointId))
  }

  checkpointComplete(checkpointId: number): void {
    this.guard(() => this.enumerator.checkpointComplete?.(checkpointId))
  }

  async close(ending: Ending): Promise<void> {
    await this.enumerator.close?.(ending)
  }

  private guard<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
  }

  private assign(subtask: number, splits: readonly AssignedSplit[]): void {
    if (splits.length === 0) return
    this.handoffs.assigned(splits)
    this.options.send(subtask, { type: 'assignSplits', uid: this.uid, splits })
  }
}

function newSplit({ id, split, watermark }: NewSplit<JsonValue>): AssignedSplit {
  return watermark === undefined ? { id, split, watermark: MIN_WATERMARK } : { id, split, watermark, follows: true }
}
