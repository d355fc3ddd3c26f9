import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import type { RejectedRecord } from '../../../runtime/contract/sink.js'
import type { Duration } from '../../api/duration.js'
import { outputTag, type OutputTag } from '../../api/output-tag.js'

/** How records are claimed. All functions must depend on the record alone: a record that is read again makes the same request. */
export interface ClaimOptions<T> {
  /** The table's name or ARN. Its partition key is a string, and it has no sort key. */
  readonly table: string
  readonly aws?: AwsOptions
  /** What makes two records the same: an order's number. Without one (undefined, or the empty text) a record is rejected. */
  readonly id: (record: T) => string | number | bigint | undefined
  /**
   * Where the record came from, different for each record of the job: stream, shard and sequence number, `RawRecord.position()` as the
   * decoder saw it. It is how a record that is read again after a failure is told from a duplicate.
   */
  readonly position: (record: T) => string
  /**
   * A secret that the ids are hashed with, so that the table tells nobody what they are: `p.string({ secret: true })`. Another salt has
   * other claims.
   */
  readonly salt: string
  /**
   * How long a claim holds, in event time from its record's own; whole seconds, rounded up. Longer than the event time that may pass in a
   * checkpoint interval, backfills too: of what has expired meanwhile, a replay cannot tell which record was first.
   */
  readonly ttl: Duration
  /** Event time of a record, epoch milliseconds. Default: the one that it carries. */
  readonly time?: (record: T) => number
  /**
   * Claims of one namespace exclude each other. Default: the job's id and the operator's uid, so that no other job, nor this one under
   * another id, knows them. Jobs that share claims have the same name here, the same table and the same salt.
   */
  readonly namespace?: string
  /** The name of the partition key. Default `pk`. */
  readonly partitionKey?: string
  /** More attributes of the claim's item, for people who look at the table. */
  readonly attributes?: (record: T) => Readonly<Record<string, unknown>>
  /**
   * Claims in one transaction, at most 100. Default 1. With more, one duplicate or conflict cancels all, and those that are left are
   * claimed again: it pays where duplicates are rare.
   */
  readonly claimsPerTransaction?: number
  /** A claim that cannot be decided for so long fails the job. Default `5m`. */
  readonly giveUp?: Duration
  /** In [0, 1); for the waits between retries. Default: Math.random. */
  readonly random?: () => number
}

/** As {@link ClaimOptions}, with those of the operator. */
export interface TransactionalDedupOptions<T> extends ClaimOptions<T> {
  readonly uid: string
  readonly name?: string
  /** Records of a subtask under way. Default 100. */
  readonly capacity?: number
  /** Whether records leave in the order they came. Default true. */
  readonly ordered?: boolean
}

const DUPLICATES = 'duplicates'
/** The side output's name of records that cannot be claimed. */
export const REJECTED = 'rejected'

/** The side output of true duplicates. */
export function duplicatesTag<T>(): OutputTag<T> {
  return outputTag<T>(DUPLICATES)
}

/** The side output of records that cannot be claimed. */
export function rejectedTag<T>(): OutputTag<RejectedRecord<T>> {
  return outputTag<RejectedRecord<T>>(REJECTED)
}

/** The attribute of a claim's item that says whose claim it is. */
export const OWNER = 'owner'
/** The attribute that says when a claim ends, epoch seconds. */
export const EXPIRES_AT = 'expiresAt'
