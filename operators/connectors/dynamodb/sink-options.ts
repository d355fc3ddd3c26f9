import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import type { BatchingTuning } from '../batching/batching-options.js'

/** What both DynamoDB sinks need. Items must depend on the record alone, and so must their keys: then a replay writes the same again. */
export interface DynamoDbSinkOptions<T> extends BatchingTuning {
  /** The table's name or ARN. */
  readonly table: string
  readonly aws?: AwsOptions
  /**
   * The item of a record, as plain values: strings, numbers, bigints, booleans, null, bytes, arrays, sets, objects. Fields that are
   * undefined are left out. Default: the record itself, an object or the JSON text of one.
   */
  readonly item?: (value: T, timestamp: number) => Readonly<Record<string, unknown>>
  /** Records that delete the item of their key instead. */
  readonly deletes?: (value: T) => boolean
  /** In [0, 1); for the waits between retries. Default: Math.random. */
  readonly random?: () => number
}

/** As {@link DynamoDbSinkOptions}, for {@link dynamoDbUpsertSink}. */
export interface DynamoDbUpsertOptions<T> extends DynamoDbSinkOptions<T> {
  /**
   * `replace` (default): an item is what its last record says, PutItem. `merge`: a record sets the fields that it has and leaves the others
   * of the item as they are, UpdateItem.
   */
  readonly mode?: 'replace' | 'merge'
  /**
   * A field that grows with each version of an item, a time or a number: a record that has a smaller one than the item in the table is
   * dropped and counted (`numOlderVersions`). So not even for a moment does a replay put an item back, unless it
   * was deleted meanwhile, which leaves no version.
   */
  readonly version?: string
}
