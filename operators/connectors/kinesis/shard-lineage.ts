import { covers } from './hash-range.js'
import type { ChildShard, ShardSplit } from './shard-split.js'

/** A shard as the service lists it, or as a parent's end named it: then its other parents need not be known yet. */
export interface KnownShard extends ChildShard {
  readonly listed: boolean
}

/** All shards that are known, by id. */
export type KnownShards = ReadonlyMap<string, KnownShard>

/** Ancestors of the given shards, as far as they are known. */
export function ancestorsOf(shardIds: Iterable<string>, known: KnownShards): Set<string> {
  const ancestors = new Set<string>()
  const below = [...shardIds]
  for (let shardId = below.pop(); shardId !== undefined; shardId = below.pop()) {
    for (const parent of known.get(shardId)?.parents ?? []) {
      if (ancestors.has(parent)) continue
      ancestors.add(parent)
      below.push(parent)
    }
  }
  return ancestors
}

/** The shards that name it as a parent. */
export function childrenOf(shardId: string, known: KnownShards): KnownShard[] {
  return [...known.values()].filter(({ parents }) => parents.includes(shardId))
}

/** Whether all children of a closed shard are known: together they have all its hash keys. */
export function allChildrenKnown(split: ShardSplit, children: readonly KnownShard[]): boolean {
  return covers(children, split)
}
