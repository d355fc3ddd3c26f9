import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { AwsOptions } from '../../../runtime/aws/client-settings.js'
import type { CheckContext } from '../../../runtime/contract/check.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import { positiveDurationMs, type Duration } from '../../api/duration.js'
import { attributeReader, type NumberForm, type PlainItem } from './attribute-reader.js'
import { DynamoTable } from './dynamo-table.js'
import { LookupCache, type LookupContext } from './lookup-cache.js'
import { tableKeys } from './table-keys.js'

/** Which items are looked up, and for how long they are good. */
export interface LookupOptions<K extends string | number | bigint, V> {
  /** The table's name or ARN. */
  readonly table: string
  readonly aws?: AwsOptions
  /** The primary key of an item, as plain values: `(agent) => ({ userAgent: agent })`. */
  readonly keyOf: (key: K) => Readonly<Record<string, string | number | bigint | Uint8Array>>
  /** What is kept of an item. Default: all of it. */
  readonly value?: (item: PlainItem) => V
  readonly numbers?: NumberForm
  /** A value older than this is looked up again, behind: the old one is still given meanwhile. Default `5m`. */
  readonly refresh?: Duration
  /** That there is no item is believed for so long. Default: as `refresh`. */
  readonly refreshMissing?: Duration
  /** Keys that are remembered, those without an item included; the one not asked for longest is forgotten. Default 10,000. */
  readonly maxEntries?: number
  /** Read what was written last, at twice the price. Default false. */
  readonly consistent?: boolean
}

/** The look-up as one subtask has it. */
export interface Lookup<K, V> {
  /** The value, from memory where it is known. Rejects with MILLRACE_INPUT when a key that is not known cannot be read. */
  get(key: K): Promise<V | undefined>
  /** What is in memory: undefined where the key is not, or has no item. At once, and asks for nothing. */
  known(key: K): V | undefined
  close(): Promise<void>
}

/** Items by key, remembered; for `open` and `check` of an asynchronous function. */
export interface DynamoDbLookup<K, V> {
  readonly describe: string
  check(ctx: CheckContext): Promise<void>
  open(ctx: LookupContext): Promise<Lookup<K, V>>
}

const DEFAULT_REFRESH: Duration = '5m'
const DEFAULT_ENTRIES = 10_000

/**
 * Looks items of a table up, one GetItem for a key that is not known, and remembers them. A value is refreshed behind once it is old; a
 * refresh that fails keeps the old value and warns. Calls for one key at the same time share one request. Needs dynamodb:GetItem and
 * DescribeTable.
 *
 *     const agents = dynamoDbLookup({ table: 'agents', keyOf: (agent: string) => ({ agent }) })
 */
export function dynamoDbLookup<K extends string | number | bigint, V = PlainItem>(
  options: LookupOptions<K, V>,
): DynamoDbLookup<K, V> {
  const { keyOf, value = (item: PlainItem) => item as V, numbers = 'exact', consistent = false } = options
  const { refresh = DEFAULT_REFRESH, refreshMissing = refresh, maxEntries = DEFAULT_ENTRIES } = options
  const refreshMs = positiveDurationMs(refresh, '`refresh` of dynamoDbLookup()')
  const refreshMissingMs = positiveDurationMs(refreshMissing, '`refreshMissing` of dynamoDbLookup()')
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
    throw new MillraceError('MILLRACE_GRAPH', `dynamoDbLookup() has maxEntries ${maxEntries}`, {
      hint: 'give 1 or more',
    })
  }
  const read = attributeReader(numbers)
  const describe = `dynamodb://${options.table}`
  const connect = (): DynamoTable => new DynamoTable(options.table, options.aws, 'MILLRACE_INPUT')
  return {
    describe,
    async check() {
      const table = connect()
      try {
        await tableKeys(table)
      } finally {
        await table.close()
      }
    },
    async open(ctx) {
      const table = connect()
      await table.access()
      const load = (key: K): Promise<V | undefined> =>
        table.ask('dynamodb:GetItem', async ({ sdk, client }) => {
          const Key: Record<string, AttributeValue> = sdk.marshall(keyOf(key))
          const request = { TableName: options.table, Key, ConsistentRead: consistent }
          const { Item } = await client.send(new sdk.GetItemCommand(request))
          return Item === undefined ? undefined : value(read.item(Item))
        })
      const cache = new LookupCache<K, V>({ describe, load, refreshMs, refreshMissingMs, maxEntries, ctx })
      return {
        get: (key) => cache.get(key),
        known: (key) => cache.known(key),
        close: () => table.close(),
      }
    },
  }
}
