/**
 * Where reading a shard goes on. Sequence numbers are decimal strings of any length.
 *
 * - `horizon`: the oldest record there is.
 * - `timestamp`: the first record that arrived at that time or later.
 * - `after`: behind the record of that number, which arrived at `arrivalMs`.
 * - `within`: inside the aggregated record of that number; its user records below `subSequence` have been handed over.
 * - `continuation`: behind that number, which fan-out gave and no record needs to have.
 *
 * `readToMs`, epoch milliseconds, is a claim: every record that arrived in the shard before that time lies before the position, and the
 * shard was not closed before it; so its children have nothing from before it either, and may be given the claim. As long as records are
 * kept back to that time nothing behind the position can have been lost: what is dropped for its age lies before it. It proves nothing else:
 * a claim that is older than that leaves open whether there was anything. It comes from what was observed and only grows:
 *
 * - a record was read: what arrived before it has been. (`arrivalMs` of `after` and `within` is that claim.)
 * - an answer without records said that it is at the tip, and not that the shard is at its end: nothing was left when it was asked for. An
 *   answer with records does not count, as a closed shard gives its last ones without a word; nor does the end itself, which may be found
 *   long after; nor any answer before the position's own record has come again after a restart.
 * - `LATEST`: what arrived before the start is not wanted.
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
