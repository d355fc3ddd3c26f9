import type { ListShardsInput, ListShardsOutput, Shard } from '@aws-sdk/client-kinesis'
import { awsErrorFacts } from '../../../runtime/aws/aws-errors.js'
import type { KinesisStream } from './kinesis-stream.js'
import { type Patience, persistently } from './persistently.js'
import type { ChildShard } from './shard-split.js'
import { isTooEarly } from './too-early.js'

/** Which shards: all that are kept, or those that were open at that time or later. Epoch milliseconds. */
export type ListFilter = { readonly fromMs: number } | undefined

/**
 * All shards, page by page; each page is asked for until it comes. Rejects with the SDK's error for what asking again does not mend. A
 * listing is whole or none: a token that expires between two pages starts it again.
 */
export async function listShards(
  stream: KinesisStream,
  filter: ListFilter,
  patience: Patience,
  pageSize?: number,
): Promise<ChildShard[]> {
  const { sdk, client } = await stream.access()
  const first: ListShardsInput = {
    ...stream.target,
    ...(pageSize === undefined ? {} : { MaxResults: pageSize }),
    ...(filter === undefined ? {} : { ShardFilter: { Type: 'FROM_TIMESTAMP', Timestamp: new Date(filter.fromMs) } }),
  }
  const alsoRetry = (error: unknown): boolean =>
    awsErrorFacts(error).name === 'ResourceInUseException' ||
    (filter !== undefined && isTooEarly(error, filter.fromMs, patience.clock))
  const send = (input: ListShardsInput): Promise<ListShardsOutput> =>
    persistently(() => client.send(new sdk.ListShardsCommand(input)), { ...patience, alsoRetry })
  let page = await send(first)
  let shards = (page.Shards ?? []).map(toShard)
  while (page.NextToken !== undefined && page.NextToken !== '') {
    try {
      page = await send(nextPage(stream, page.NextToken, pageSize))
      shards.push(...(page.Shards ?? []).map(toShard))
    } catch (error) {
      if (awsErrorFacts(error).name !== 'ExpiredNextTokenException') throw error
      page = await send(first)
      shards = (page.Shards ?? []).map(toShard)
    }
  }
  return shards
}

/** A token goes without the stream's name, but with its ARN. */
function nextPage(stream: KinesisStream, token: string, pageSize: number | undefined): ListShardsInput {
  return {
    NextToken: token,
    ...('StreamARN' in stream.target ? stream.target : {}),
    ...(pageSize === undefined ? {} : { MaxResults: pageSize }),
  }
}

function toShard(shard: Shard): ChildShard {
  const parents = [shard.ParentShardId, shard.AdjacentParentShardId].filter((id) => id !== undefined && id !== '')
  return {
    shardId: shard.ShardId ?? '',
    parents: parents as string[],
    firstHash: shard.HashKeyRange?.StartingHashKey ?? '0',
    lastHash: shard.HashKeyRange?.EndingHashKey ?? '0',
  }
}
