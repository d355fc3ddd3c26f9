import type { AggregateBuilder } from './aggregation/aggregate-builder.js'
import { hashKeyOf, type HashRange, isInRange } from './aggregation/hash-key.js'
import type { KinesisEntry } from './sink-entry.js'

/** A record on its way inside another. */
export interface Member {
  readonly entry: KinesisEntry
  readonly value: unknown
  readonly timestamp: number
  /** What decides its shard; undefined where all records of an aggregate have the same. */
  readonly hashKey: bigint | undefined
}

/** Records that travel as one. */
export interface Aggregate extends KinesisEntry {
  readonly members: readonly Member[]
  /** How many there were when it first left. */
  readonly count: number
  /** The shard it should land in; undefined if any is right. */
  readonly shardId: string | undefined
}

/** The hash key that decides the shard of a record. */
export function hashKeyOfEntry({ partitionKey, explicitHashKey }: KinesisEntry): bigint {
  return explicitHashKey === undefined ? hashKeyOf(partitionKey) : BigInt(explicitHashKey)
}

/**
 * One record of several. It is routed by its first: as its keys decide the shard, that one belongs where it lands. A single record
 * travels as it is, as with the Kinesis Producer Library.
 */
export function aggregateOf(
  members: readonly Member[],
  builder: AggregateBuilder,
  shardId: string | undefined,
  count: number = members.length,
): Aggregate {
  const { entry, hashKey } = members[0]!
  if (members.length === 1) return { ...entry, members, count, shardId: undefined }
  const explicitHashKey = hashKey === undefined ? entry.explicitHashKey : String(hashKey)
  return {
    data: builder.build(),
    partitionKey: entry.partitionKey,
    ...(explicitHashKey === undefined ? {} : { explicitHashKey }),
    members,
    count,
    shardId,
  }
}

/** The members that consumers drop, as they hash outside the shard that the aggregate landed in: they must be sent again. */
export function misplaced(members: readonly Member[], range: HashRange | undefined): readonly Member[] {
  if (range === undefined) return members
  return members.filter(({ hashKey }) => hashKey !== undefined && !isInRange(hashKey, range))
}
