import { setTimeout as sleep } from 'node:timers/promises'
import {
  BatchWriteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb'
import type { Reading } from './wind.js'

/** Where readings are kept. */
export interface Table {
  readonly name: string
  /** Writes them all, {@link BATCH} at most, however often the service refuses some. TableError if it refuses for good. */
  write(readings: readonly Reading[]): Promise<void>
}

/** What is wrong with the table, in a sentence. */
export class TableError extends Error {}

/** How many one request takes. */
export const BATCH = 25
const MAX_WAIT_MS = 5_000
const ATTEMPTS = 9

/** Opens a table that is there: its partition key is `id` (S). Region, credentials and endpoint come from the environment. */
export async function openTable(name: string): Promise<Table> {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
  const client = new DynamoDBClient({})
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }))
    const key = Table?.KeySchema?.map(({ AttributeName }) => AttributeName).join(', ')
    if (key !== 'id') throw new TableError(`DynamoDB table ${name}: its key is ${key}, not id`)
  } catch (error) {
    throw asTableError(name, error)
  }
  return {
    name,
    write: (readings) => writeBatch(client, name, readings),
  }
}

async function writeBatch(client: DynamoDBClient, name: string, readings: readonly Reading[]): Promise<void> {
  let left: WriteRequest[] = readings.map((reading) => ({ PutRequest: { Item: itemOf(reading) } }))
  for (let attempt = 1; ; attempt++) {
    try {
      const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [name]: left } }))
      left = UnprocessedItems?.[name] ?? []
    } catch (error) {
      throw asTableError(name, error)
    }
    if (left.length === 0) return
    if (attempt === ATTEMPTS) throw new TableError(`DynamoDB table ${name}: throttled for too long`)
    await sleep(Math.random() * Math.min(MAX_WAIT_MS, 50 * 2 ** attempt))
  }
}

function itemOf({ id, deviceID, value, time }: Reading): NonNullable<WriteRequest['PutRequest']>['Item'] {
  const at = new Date(time).toISOString()
  return {
    id: { S: id },
    deviceID: { S: deviceID },
    value: { N: String(value) },
    createdAt: { S: at },
    updatedAt: { S: at },
  }
}

/** Never repeats what an SDK error drags along: signatures and keys. */
function asTableError(name: string, error: unknown): TableError {
  if (error instanceof TableError) return error
  const { name: kind, message } = error as Error
  if (kind === 'ResourceNotFoundException') {
    return new TableError(`DynamoDB table ${name}: does not exist. Create it with partition key id (S)`)
  }
  if (kind === 'CredentialsProviderError') return new TableError('no AWS credentials found: set AWS_ACCESS_KEY_ID...')
  if (message === 'Region is missing') return new TableError('no AWS region is set: set AWS_REGION')
  return new TableError(`DynamoDB table ${name}: ${kind}: ${(error as { code?: string }).code ?? message}`)
}
