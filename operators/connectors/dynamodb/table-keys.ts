import { MillraceError } from '../../../runtime/contract/errors.js'
import type { DynamoTable } from './dynamo-table.js'

/** An attribute of a table's primary key. */
export interface TableKey {
  readonly name: string
  readonly kind: 'HASH' | 'RANGE'
  readonly type: 'S' | 'N' | 'B'
}

/** The primary key of the table, partition key first. Needs dynamodb:DescribeTable; one clear error if the table cannot be used. */
export async function tableKeys(table: DynamoTable): Promise<readonly TableKey[]> {
  const description = await table.ask('dynamodb:DescribeTable', async ({ sdk, client }) => {
    const { Table } = await client.send(new sdk.DescribeTableCommand({ TableName: table.name }))
    return Table
  })
  const {
    TableStatus: status = 'unknown',
    KeySchema: schema = [],
    AttributeDefinitions: types = [],
  } = description ?? {}
  if (status !== 'ACTIVE' && status !== 'UPDATING') {
    throw new MillraceError(table.about('').code, `${table.resource} is ${status}`, {
      hint: 'wait until it is ACTIVE, or look at what became of it',
    })
  }
  const keys = schema.map(({ AttributeName: name = '', KeyType: kind = 'HASH' }): TableKey => ({
    name,
    kind,
    type: types.find((one) => one.AttributeName === name)?.AttributeType ?? 'S',
  }))
  return keys.sort((a, b) => (a.kind === b.kind ? 0 : a.kind === 'HASH' ? -1 : 1))
}
