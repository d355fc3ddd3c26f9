/**
 * Where reading a shard goes on. Sequence numbers are decimal strings of any length.
 *
 * - `horizon`: the oldest record there is.
 * - `timestamp`: the first record that arrived at that time or later.
 * - `after`: behind the record of that number, which arrived at `arrivalMs`.
 * - `within`: inside the aggregated record of that number; its user records below `subSequence` have been handed over.
 * - `continuation`: behind that number, which fan-out gave and no record needs to have.
 *
 * `readToMs`: everything that arrived in the shard before that time has been read or is not wanted. Epoch milliseconds. It tells a
 * position that expired from a shard that had nothing for longer than records are kept.
 */
export type ShardPosition =
  | { readonly at: 'horizon'; readonly readToMs?: number }
  | { readonly at: 'timestamp'; readonly timestampMs: number; readonly readToMs?: number }
  | { readonly at: 'after'; readonly sequenceNumber: string; readonly arrivalMs: number; readonly readToMs?: number }
  | {
      readonly at: 'within'
      readonly sequenceNumber: string
      readonly arrivalMs: number
      readonly subSequence: number
    }
  | { readonly at: 'continuation'; readonly sequenceNumber: string; readonly readToMs: number }

/** A shard that follows another, as the end of that one names it. Hash keys are decimal 128-bit numbers, both ends inclusive. */
export type ChildShard = {
  readonly shardId: string
  readonly parents: readonly string[]
  readonly firstHash: string
  readonly lastHash: string
}

/**
 * Why nothing more is read of a shard: it was closed by a split or merge and read to its end (`children`: those that its end named,
 * perhaps none), or a bounded source's `stopAt` was reached in it.
 */
export type ShardEnd = { readonly by: 'closed'; readonly children: readonly ChildShard[] } | { readonly by: 'stopAt' }

/** A shard being read: what checkpoints hold of it. The split's id is the shard's. */
export type ShardSplit = {
  readonly shardId: string
  /** The shard's own hash keys: an aggregate's user records outside them were not meant for it. */
  readonly firstHash: string
  readonly lastHash: string
  readonly position: ShardPosition
  /** Of a bounded source: records that arrived later are not read. Epoch milliseconds. */
  readonly stopAtMs?: number
  /** Set once the shard is read to its end. */
  readonly end?: ShardEnd
}
