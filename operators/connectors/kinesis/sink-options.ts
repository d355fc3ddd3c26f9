import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import type { BatchingTuning } from '../batching/batching-options.js'
import type { PayloadOptions } from '../batching/payload.js'

/** Where and how {@link kinesisSink} writes. */
export interface KinesisSinkOptions<T> extends PayloadOptions<T>, BatchingTuning {
  /** The stream's name or ARN. */
  readonly stream: string
  /** How the service is reached. */
  readonly aws?: AwsOptions
  /**
   * What decides a record's shard, 1 to 256 characters: a function, or one key for all. Default: a hash of the payload, which spreads
   * records evenly and takes a record that is sent again to the same place.
   */
  readonly partitionKey?: string | ((value: T, timestamp: number) => string)
  /** Decides the shard in place of the partition key's hash: a number below 2^128, in decimal digits. */
  readonly explicitHashKey?: (value: T, timestamp: number) => string | bigint | undefined
  /**
   * Records of one partition key reach their shard in the order they were written by a subtask, retries included: one request at a time
   * has one of a key. Combine it with `aggregate` where keys are few and busy. Default false: PutRecords promises no order.
   */
  readonly ordered?: boolean
  /** Several records in one, in the format of the Kinesis Producer Library: consumers must take them apart. An aggregate counts as one in `maxBufferedEntries`. Default false. */
  readonly aggregate?: boolean | AggregateOptions
  /** For jitter, in [0, 1). Default: Math.random. */
  readonly random?: () => number
}

/** How much goes into an aggregated record. */
export interface AggregateOptions {
  /** Bytes; a record that is larger by itself travels alone. Default 51,200, as in the Kinesis Producer Library. */
  readonly maxBytes?: number
  /** Records. Default: any number. */
  readonly maxRecords?: number
}
