import { CreateTableCommand, DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { clientFor } from './emulators/aws-env.js'

/** A table of an emulator, as a test sees it. */
export interface TestTable {
  readonly name: string
  readonly client: DynamoDBClient
  /** All items, as plain objects, numbers as numbers. */
  items(): Promise<Record<string, unknown>[]>
}

/** Creates a table; `key`: its attributes and their types, the partition key first. */
export async function createTable(
  emulator: { readonly endpoint: string },
  name: string,
  key: Readonly<Record<string, 'S' | 'N'>>,
): Promise<TestTable> {
  const client = new DynamoDBClient(clientFor(emulator))
  const attributes = Object.keys(key)
  await client.send(
    new CreateTableCommand({
      TableName: name,
      KeySchema: attributes.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
      AttributeDefinitions: Object.entries(key).map(([AttributeName, AttributeType]) => ({
        AttributeName,
        AttributeType,
      })),
      BillingMode: 'PAY_PER_REQUEST',
    }),
  )
  return {
    name,
    client,
    async items() {
      const items: Record<string, unknown>[] = []
      for await (const { Items = [] } of paginateScan({ client }, { TableName: name, ConsistentRead: true })) {
        items.push(...Items.map((item) => unmarshall(item)))
      }
      return items
    },
  }
}
