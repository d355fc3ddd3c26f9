import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { awsErrorFacts } from '../../../runtime/aws/aws-errors.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { Sink } from '../../../runtime/contract/sink.js'
import { DELIVERED, type SendOutcome } from '../batching/batching-options.js'
import type { DynamoAccess, DynamoTable } from './dynamo-table.js'
import type { ItemEntry } from './item-encoder.js'
import { MAX_ITEM_BYTES } from './item-size.js'
import { itemSink } from './item-writer.js'
import type { DynamoDbUpsertOptions } from './sink-options.js'

/** Requests have one item each, so more of them are under way than elsewhere. */
const DEFAULT_IN_FLIGHT = 32

interface Condition {
  readonly ConditionExpression: string
  readonly ExpressionAttributeNames: Record<string, string>
  readonly ExpressionAttributeValues: Record<string, AttributeValue>
}

/**
 * Keeps one item for each key: PutItem, or UpdateItem where records have only some of an item's fields (`mode: 'merge'`). Writes of one
 * key are made in the order of their records; where items are replaced, of several that wait only the last is. Exactly-once by key: all
 * writes set values, so after a failure the same are set again and the table ends as if there had been none; a reader may see an older
 * value for a moment meanwhile, unless `version` names a field that tells old from new. Each barrier waits until everything before it is
 * written. Items over 400 KB, without or with an empty key go to the sink's `rejected` output. Needs dynamodb:PutItem (UpdateItem,
 * DeleteItem) and DescribeTable.
 */
export function dynamoDbUpsertSink<T = unknown>(options: DynamoDbUpsertOptions<T>): Sink<T> {
  const { mode = 'replace', version, maxInFlight = DEFAULT_IN_FLIGHT } = options
  if (mode !== 'replace' && mode !== 'merge') {
    throw new MillraceError('MILLRACE_GRAPH', `dynamoDbUpsertSink has mode ${JSON.stringify(mode)}`, {
      hint: 'give replace or merge',
    })
  }
  return itemSink('dynamoDbUpsertSink', { ...options, maxInFlight }, (access, table, _keys, ctx) => {
    const older = version === undefined ? undefined : ctx.metrics.counter('numOlderVersions')
    return {
      maxEntries: 1,
      maxRequestBytes: MAX_ITEM_BYTES,
      permission: mode === 'merge' ? 'dynamodb:UpdateItem' : 'dynamodb:PutItem',
      // A merge is not undone by the one behind it.
      lastWins: mode === 'replace' && version === undefined,
      async send([entry], signal) {
        if (version !== undefined && entry!.item[version] === undefined) {
          return [{ kind: 'refused', reason: `the version ${version} is missing` }]
        }
        return [await write(access, table, entry!, mode, version, signal, () => older?.inc())]
      },
    }
  })
}

async function write(
  { sdk, client }: DynamoAccess,
  table: DynamoTable,
  { item, key, deletes }: ItemEntry,
  mode: 'replace' | 'merge',
  version: string | undefined,
  abortSignal: AbortSignal,
  older: () => void,
): Promise<SendOutcome<ItemEntry>> {
  const to = { TableName: table.name }
  const condition = version === undefined ? {} : notOlder(version, item[version]!)
  try {
    if (deletes) await client.send(new sdk.DeleteItemCommand({ ...to, Key: key, ...condition }), { abortSignal })
    else if (mode === 'replace') {
      await client.send(new sdk.PutItemCommand({ ...to, Item: item, ...condition }), { abortSignal })
    } else {
      const request = { ...to, Key: key, ...merge(item, key, condition) }
      await client.send(new sdk.UpdateItemCommand(request), { abortSignal })
    }
  } catch (error) {
    if (awsErrorFacts(error).name !== 'ConditionalCheckFailedException') throw error
    older()
  }
  return DELIVERED
}

function notOlder(version: string, value: AttributeValue): Condition {
  return {
    ConditionExpression: 'attribute_not_exists(#version) OR #version <= :version',
    ExpressionAttributeNames: { '#version': version },
    ExpressionAttributeValues: { ':version': value },
  }
}

/** Sets every field but the key's; an item without others comes to be all the same. */
function merge(
  item: Readonly<Record<string, AttributeValue>>,
  key: Readonly<Record<string, AttributeValue>>,
  condition: Condition | Record<string, never>,
): Partial<Condition> & { UpdateExpression?: string } {
  const fields = Object.keys(item).filter((name) => !Object.hasOwn(key, name))
  if (fields.length === 0) return condition
  return {
    ...condition,
    UpdateExpression: `SET ${fields.map((_, i) => `#f${i} = :f${i}`).join(', ')}`,
    ExpressionAttributeNames: {
      ...condition.ExpressionAttributeNames,
      ...Object.fromEntries(fields.map((name, i) => [`#f${i}`, name])),
    },
    ExpressionAttributeValues: {
      ...condition.ExpressionAttributeValues,
      ...Object.fromEntries(fields.map((name, i) => [`:f${i}`, item[name]!])),
    },
  }
}
