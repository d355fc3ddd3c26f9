import type { JsonValue } from '../contract/json.js'
import type { OperatorSnapshot } from '../worker/protocol.js'

/**
 * Why a checkpoint is taken: by the clock, for a savepoint, to go on with another parallelism, to suspend the job, or as the last one of a
 * finished job.
 */
export type CheckpointReason = 'periodic' | 'savepoint' | 'rescale' | 'suspend' | 'final'

/** A triggered checkpoint whose acknowledgements are coming in. Main thread. */
export class PendingCheckpoint {
  readonly id: number
  readonly reason: CheckpointReason
  readonly triggeredAtMs: number
  /** Of each source, as of the trigger. */
  readonly enumerators: Readonly<Record<string, JsonValue>>
  /** By slot. */
  readonly slots: OperatorSnapshot[][]
  private missing: number

  constructor(options: {
    id: number
    reason: CheckpointReason
    triggeredAtMs: number
    enumerators: Readonly<Record<string, JsonValue>>
    slots: number
    tasks: number
  }) {
    this.id = options.id
    this.reason = options.reason
    this.triggeredAtMs = options.triggeredAtMs
    this.enumerators = options.enumerators
    this.slots = Array.from({ length: options.slots }, () => [])
    this.missing = options.slots * options.tasks
  }

  /** Nothing is missing. */
  get complete(): boolean {
    return this.missing === 0
  }

  /** Takes one subtask's share; true when it was the last one missing. */
  acknowledge(slot: number, operators: readonly OperatorSnapshot[]): boolean {
    this.slots[slot]!.push(...operators)
    return --this.missing === 0
  }
}
