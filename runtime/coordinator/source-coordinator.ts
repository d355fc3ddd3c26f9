import type { SourceNode } from '../contract/graph.js'
import type { JsonValue } from '../contract/json.js'
import { operatorFailure } from '../contract/operator-failure.js'
import type { IdentifiedSplit, Source, SplitEnumerator } from '../contract/source.js'
import { MIN_WATERMARK, type Clock } from '../contract/time.js'
import type { AssignedSplit, ToSlot } from '../worker/protocol.js'

/** A source and its readers. */
export interface SourceCoordinatorOptions {
  readonly node: SourceNode
  readonly parallelism: number
  readonly clock: Clock
  /** One FIFO per slot, shared with checkpoint triggers: what is assigned before a trigger is in that checkpoint. */
  readonly send: (slot: number, message: ToSlot) => void
  readonly warn: (uid: string, message: string) => void
  readonly fail: (error: unknown) => void
}

/** A source's enumerator in one attempt. Main thread. */
export class SourceCoordinator {
  readonly uid: string
  private readonly options: SourceCoordinatorOptions
  private readonly enumerator: SplitEnumerator<JsonValue, JsonValue>

  constructor(options: SourceCoordinatorOptions) {
    this.options = options
    this.uid = options.node.uid
    const { parallelism, clock, send, warn, fail } = options
    const source = options.node.source as unknown as Source<unknown>
    this.enumerator = this.guard(() =>
      source.createEnumerator({
        parallelism,
        clock,
        assignSplits: (subtask, splits) => this.assign(subtask, splits.map(newSplit)),
        signalNoMoreSplits: () => {
          for (let slot = 0; slot < parallelism; slot++) send(slot, { type: 'noMoreSplits', uid: this.uid })
        },
        warn: (message) => warn(this.uid, message),
        fail: (error) => fail(operatorFailure(error, this.uid)),
      }),
    )
  }

  /** `restored`: the enumerator's state and, by subtask, the splits of the checkpoint: they are registered before anything else. */
  async start(
    restored: { readonly state: JsonValue; readonly splits: readonly AssignedSplit[][] } | undefined,
  ): Promise<void> {
    restored?.splits.forEach((splits, subtask) => this.assign(subtask, splits))
    const assigned = restored?.splits.flat().map(({ id, split }) => ({ id, split })) ?? []
    try {
      await this.enumerator.start(restored?.state, assigned)
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
  }

  snapshot(checkpointId: number): JsonValue {
    return this.guard(() => this.enumerator.snapshotState(checkpointId))
  }

  checkpointComplete(checkpointId: number): void {
    this.guard(() => this.enumerator.checkpointComplete?.(checkpointId))
  }

  async close(): Promise<void> {
    await this.enumerator.close?.()
  }

  private guard<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      throw operatorFailure(error, this.uid)
    }
  }

  private assign(subtask: number, splits: readonly AssignedSplit[]): void {
    if (splits.length > 0) this.options.send(subtask, { type: 'assignSplits', uid: this.uid, splits })
  }
}

function newSplit({ id, split }: IdentifiedSplit<JsonValue>): AssignedSplit {
  return { id, split, watermark: MIN_WATERMARK }
}
