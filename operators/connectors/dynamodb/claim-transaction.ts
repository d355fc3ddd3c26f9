import type { TransactWriteItemsCommandInput } from '@aws-sdk/client-dynamodb'
import { contentId } from '../batching/content-id.js'
import type { Claim, ClaimPlace } from './claim.js'
import { EXPIRES_AT, OWNER } from './dedup-options.js'

/** DynamoDB's limit of a transaction's items. */
export const MAX_CLAIMS = 100
/** Of the 4 MB that a transaction may have; what names and expressions take is not in it. */
export const MAX_TRANSACTION_BYTES = 3_500_000

/**
 * The request for some claims, whose keys all differ: all or none. A claim succeeds where there is none, or it is this very record's, or
 * it ended before the record's time (the service deletes ended ones days later). The same claims in the same order are the same request
 * with the same token: a hash of job, uid and positions, and of the table, for tokens are an account's.
 */
export function claimTransaction(
  table: string,
  partitionKey: string,
  { jobId, uid }: ClaimPlace,
  claims: readonly Claim[],
): TransactWriteItemsCommandInput {
  return {
    ClientRequestToken: contentId(jobId, uid, table, ...claims.map(({ position }) => position)),
    TransactItems: claims.map(({ item, owner, timeS }) => ({
      Put: {
        TableName: table,
        Item: item,
        ConditionExpression: 'attribute_not_exists(#pk) OR #owner = :me OR #expiresAt < :recordTime',
        ExpressionAttributeNames: { '#pk': partitionKey, '#owner': OWNER, '#expiresAt': EXPIRES_AT },
        ExpressionAttributeValues: { ':me': { S: owner }, ':recordTime': { N: String(timeS) } },
      },
    })),
  }
}
