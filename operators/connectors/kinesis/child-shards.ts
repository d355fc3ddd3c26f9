import type { ChildShard as SdkChildShard } from '@aws-sdk/client-kinesis'
import type { ChildShard } from './shard-split.js'

/** What the service names as following a shard, in GetRecords' last answer and in a subscription's last event. */
export function childShards(named: readonly SdkChildShard[] | undefined): readonly ChildShard[] {
  return (named ?? []).map(({ ShardId, ParentShards, HashKeyRange }) => ({
    shardId: ShardId ?? '',
    parents: ParentShards ?? [],
    firstHash: HashKeyRange?.StartingHashKey ?? '0',
    lastHash: HashKeyRange?.EndingHashKey ?? '0',
  }))
}
