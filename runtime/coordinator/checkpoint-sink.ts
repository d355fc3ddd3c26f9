import type { CheckpointManifest } from '../checkpoint/manifest.js'
import type { OperatorSnapshot } from '../worker/protocol.js'
import type { PendingCheckpoint } from './pending-checkpoint.js'

/** Where the checkpoints of an attempt go. */
export interface CheckpointSink {
  nextId(): number
  /** Writes it to the log. Rejects when it could not: it may be there all the same. MILLRACE_FENCED: it never will be. */
  commit(pending: PendingCheckpoint): Promise<CheckpointManifest>
  /** What follows from a checkpoint in the log. Rejects when its output could not be published. */
  publish(manifest: CheckpointManifest, pending: PendingCheckpoint): Promise<void>
  /** A checkpoint that was given up: what its sinks prepared must not be lost. */
  abandon(pending: PendingCheckpoint, reason: string): void
  /** Its attempt has ended: nothing goes on from it. */
  lost(pending: PendingCheckpoint): void
  /** An acknowledgement that came after its checkpoint was given up. */
  late(operators: readonly OperatorSnapshot[]): void
  /** No slot reads the checkpoint that the attempt went on from any more. */
  restored(): void
}
