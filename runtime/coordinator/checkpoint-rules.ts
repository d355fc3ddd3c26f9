/** When checkpoints are taken, and what becomes of those that fail. Times in milliseconds. */
export interface CheckpointRules {
  /** From one begin to the next; 0: none but those that are asked for and the last one. */
  readonly intervalMs: number
  /** One that takes longer has failed. */
  readonly timeoutMs: number
  /** How long barriers wait in line before they overtake records; Infinity: for ever. */
  readonly alignmentTimeoutMs: number
  /** From the end of one, complete or failed, to the next one by the clock. */
  readonly minPauseMs: number
  /** How many may be under way at once. */
  readonly maxConcurrent: number
  /** So many may fail one after the other; one more fails the attempt. Savepoints don't count. */
  readonly toleratedFailures: number
}

/** What a job has unless it is told otherwise; tolerance as in Flink. */
export const DEFAULT_CHECKPOINTING: CheckpointRules = {
  intervalMs: 0,
  timeoutMs: 600_000,
  alignmentTimeoutMs: 30_000,
  minPauseMs: 0,
  maxConcurrent: 1,
  toleratedFailures: 0,
}
