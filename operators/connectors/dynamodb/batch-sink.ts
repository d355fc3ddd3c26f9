import type { WriteRequest } from '@aws-sdk/client-dynamodb'
import type { Sink } from '../../../runtime/contract/sink.js'
import { DELIVERED, type SendOutcome } from '../batching/batching-options.js'
import type { DynamoAccess, DynamoTable } from './dynamo-table.js'
import { keyText, type ItemEntry } from './item-encoder.js'
import { itemSink } from './item-writer.js'
import type { DynamoDbSinkOptions } from './sink-options.js'
import type { TableKey } from './table-keys.js'

const MAX_ITEMS = 25
const MAX_REQUEST_BYTES = 16 * 1024 * 1024

/**
 * Writes whole items, 25 a request (BatchWriteItem): the cheapest way for many. Items that a request leaves over (`UnprocessedItems`) are
 * sent again alone; items of one key are written in the order of their records, and of several that wait only the last is. Exactly-once
 * by key: after a failure the same items are written again, and the table ends as if there had been none; a reader may see an item's
 * older value for a moment meanwhile (see `version` of {@link dynamoDbUpsertSink}). Each barrier waits until everything before it is
 * written. Items over 400 KB, without or with an empty key go to the sink's `rejected` output. Needs dynamodb:BatchWriteItem and
 * DescribeTable.
 */
export function dynamoDbBatchSink<T = unknown>(options: DynamoDbSinkOptions<T>): Sink<T> {
  return itemSink('dynamoDbBatchSink', options, (access, table, keys) => ({
    maxEntries: MAX_ITEMS,
    maxRequestBytes: MAX_REQUEST_BYTES,
    permission: 'dynamodb:BatchWriteItem',
    lastWins: true,
    send: (entries, signal) => writeBatch(access, table, keys, entries, signal),
  }))
}

async function writeBatch(
  { sdk, client }: DynamoAccess,
  table: DynamoTable,
  keys: readonly TableKey[],
  entries: readonly ItemEntry[],
  signal: AbortSignal,
): Promise<readonly SendOutcome<ItemEntry>[] | undefined> {
  const requests = entries.map(({ deletes, key, item }): WriteRequest =>
    deletes ? { DeleteRequest: { Key: key } } : { PutRequest: { Item: item } },
  )
  const request = new sdk.BatchWriteItemCommand({ RequestItems: { [table.name]: requests } })
  const { UnprocessedItems = {} } = await client.send(request, { abortSignal: signal })
  const left = new Set(Object.values(UnprocessedItems).flatMap((some) => some.map((one) => textOf(one, keys))))
  if (left.size === 0) return undefined
  // A key that comes back in other words, 1e+21 written out, is that of any of them. What is written twice is the same item.
  const known = new Set(entries.map(({ keyText }) => keyText))
  const all = [...left].some((text) => !known.has(text))
  return entries.map(({ keyText }) =>
    all || left.has(keyText) ? { kind: 'retry', reason: 'UnprocessedItems' } : DELIVERED,
  )
}

function textOf({ PutRequest, DeleteRequest }: WriteRequest, keys: readonly TableKey[]): string {
  const item = PutRequest?.Item ?? DeleteRequest?.Key ?? {}
  return keyText(Object.fromEntries(keys.map(({ name }) => [name, item[name] ?? {}])) as Parameters<typeof keyText>[0])
}
