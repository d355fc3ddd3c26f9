import { CreateTableCommand, DeleteTableCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'

const tables = new Set<string>()
let numbered = 0

/** Makes an empty table; `keys`: partition key first, with their types. Returns its name. */
export async function createTable(
  client: DynamoDBClient,
  keys: Readonly<Record<string, 'S' | 'N' | 'B'>>,
): Promise<string> {
  const name = `table-${process.pid}-${++numbered}`
  await client.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: Object.entries(keys).map(([AttributeName, AttributeType]) => ({
        AttributeName,
        AttributeType,
      })),
      KeySchema: Object.keys(keys).map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
    }),
  )
  tables.add(name)
  return name
}

/** Deletes the tables that were made since the last call. */
export async function dropTables(client: DynamoDBClient): Promise<void> {
  for (const TableName of tables) await client.send(new DeleteTableCommand({ TableName }))
  tables.clear()
}
