import type { CheckContext } from '../../../runtime/contract/check.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import { EXPIRES_AT } from './dedup-options.js'
import type { DynamoTable } from './dynamo-table.js'
import { tableKeys } from './table-keys.js'

/**
 * The table can hold claims: a partition key of type string by that name, no sort key. Warns where ended claims would never be deleted.
 * Main thread.
 */
export async function checkClaimsTable(table: DynamoTable, partitionKey: string, ctx: CheckContext): Promise<void> {
  const keys = await tableKeys(table)
  const [key, ...more] = keys
  if (more.length > 0 || key?.name !== partitionKey || key.type !== 'S') {
    const shown = keys.map(({ name, type, kind }) => `${name} (${type}, ${kind})`).join(', ')
    throw new MillraceError('MILLRACE_OUTPUT', `${table.resource} cannot hold claims: its key is ${shown}`, {
      hint: `it needs the partition key ${partitionKey} of type S and no sort key; \`partitionKey\` names another one`,
    })
  }
  try {
    const { sdk, client } = await table.access()
    const { TimeToLiveDescription: ttl } = await client.send(
      new sdk.DescribeTimeToLiveCommand({ TableName: table.name }),
    )
    const on = ttl?.TimeToLiveStatus === 'ENABLED' || ttl?.TimeToLiveStatus === 'ENABLING'
    if (on && ttl.AttributeName === EXPIRES_AT) return
    ctx.warn(`${table.resource} has no time to live on ${EXPIRES_AT}: ended claims stay in it for ever`)
  } catch {
    ctx.warn(`${table.resource}: cannot see whether ended claims are deleted; allow dynamodb:DescribeTimeToLive`)
  }
}
