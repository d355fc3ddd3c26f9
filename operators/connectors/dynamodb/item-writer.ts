import { MillraceError } from '../../../runtime/contract/errors.js'
import type { Sink, SinkWriterContext } from '../../../runtime/contract/sink.js'
import type { BatchingOptions } from '../batching/batching-options.js'
import { BatchingWriter } from '../batching/batching-writer.js'
import { requestRefusal } from '../batching/request-refusal.js'
import { requireTuning } from '../batching/require-tuning.js'
import { tuned } from '../batching/tuned-limits.js'
import { type DynamoAccess, DynamoTable } from './dynamo-table.js'
import { itemEncoder, type ItemEntry } from './item-encoder.js'
import { MAX_ITEM_BYTES } from './item-size.js'
import type { DynamoDbSinkOptions } from './sink-options.js'
import { tableKeys, type TableKey } from './table-keys.js'

const REFUSED_REQUESTS = ['ValidationException', 'SerializationException', 'ItemCollectionSizeLimitExceededException']

/** How a sink sends its items. */
export interface ItemRequests extends Pick<BatchingOptions<never, ItemEntry>, 'lastWins' | 'send'> {
  readonly maxEntries: number
  readonly maxRequestBytes: number
  readonly permission: string
}

/** A sink of items; `requests` says how they are sent, for each writer. */
export function itemSink<T>(
  what: string,
  options: DynamoDbSinkOptions<T>,
  requests: (
    access: DynamoAccess,
    table: DynamoTable,
    keys: readonly TableKey[],
    ctx: SinkWriterContext,
  ) => ItemRequests,
): Sink<T> {
  requireTuning(what, options)
  if (typeof options.table !== 'string' || options.table === '') {
    throw new MillraceError('MILLRACE_GRAPH', `${what} names no table`, { hint: 'give the name or ARN of one' })
  }
  const connect = (): DynamoTable => new DynamoTable(options.table, options.aws, 'MILLRACE_OUTPUT')
  return {
    name: 'dynamodb',
    // By key: an item that is written again is the same item.
    guarantee: 'exactly-once',
    describe: `dynamodb://${options.table}`,
    async check() {
      const table = connect()
      try {
        await tableKeys(table)
      } finally {
        await table.close()
      }
    },
    async createWriter(ctx) {
      const table = connect()
      try {
        return await openWriter(table, options, requests, ctx)
      } catch (error) {
        await table.close()
        throw error
      }
    },
  }
}

async function openWriter<T>(
  table: DynamoTable,
  options: DynamoDbSinkOptions<T>,
  requests: Parameters<typeof itemSink<T>>[2],
  ctx: SinkWriterContext,
): Promise<BatchingWriter<T, ItemEntry>> {
  const access = await table.access()
  const keys = await tableKeys(table)
  const { maxEntries, maxRequestBytes, permission, lastWins = false, send } = requests(access, table, keys, ctx)
  const { random } = options
  return new BatchingWriter<T, ItemEntry>(ctx, {
    about: table.about(permission),
    ...tuned({ maxEntries, maxRequestBytes, maxEntryBytes: MAX_ITEM_BYTES }, options),
    encode: itemEncoder(options, keys, access.sdk),
    sizeOf: ({ bytes }) => bytes,
    orderKey: (entry) => entry.keyText,
    lastWins,
    send,
    refusalOf: requestRefusal(REFUSED_REQUESTS),
    ...(random === undefined ? {} : { random }),
    close: () => table.close(),
  })
}
