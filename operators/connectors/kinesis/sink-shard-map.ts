import type { Clock } from '../../../runtime/contract/time.js'
import { type HashRange, isInRange } from './aggregation/hash-key.js'
import type { KinesisStream } from './kinesis-stream.js'
import { listShards } from './list-shards.js'

const ATTEMPTS = 10

interface MappedShard {
  readonly shardId: string
  readonly range: HashRange
}

/** Which shard takes which hash keys, as last heard: to be asked again when a record lands elsewhere. Slot thread. */
export class ShardMap {
  private readonly stream: KinesisStream
  private readonly clock: Clock
  private readonly random: () => number
  private ranges = new Map<string, HashRange>()
  /** Those that take records, by their hash keys. */
  private open: MappedShard[] = []
  private refreshing: Promise<void> | undefined

  constructor(stream: KinesisStream, clock: Clock, random: () => number) {
    this.stream = stream
    this.clock = clock
    this.random = random
  }

  /** Reads it anew; those who ask at once share one listing. Rejects with the SDK's error. */
  refresh(): Promise<void> {
    return (this.refreshing ??= this.read().finally(() => {
      this.refreshing = undefined
    }))
  }

  /** The open shard that takes the key; undefined if none is known to. */
  shardOf(hashKey: bigint): string | undefined {
    let low = 0
    let high = this.open.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.open[middle]!.range.start <= hashKey) low = middle
      else high = middle - 1
    }
    const shard = this.open[low]
    return shard !== undefined && isInRange(hashKey, shard.range) ? shard.shardId : undefined
  }

  /** What a shard takes or took. */
  rangeOf(shardId: string): HashRange | undefined {
    return this.ranges.get(shardId)
  }

  private async read(): Promise<void> {
    const { clock, random } = this
    const shards = await listShards(this.stream, undefined, { clock, random, attempts: ATTEMPTS })
    const parents = new Set(shards.flatMap((shard) => shard.parents))
    const mapped = shards.map(({ shardId, firstHash, lastHash }) => ({
      shardId,
      range: { start: BigInt(firstHash), end: BigInt(lastHash) },
    }))
    this.ranges = new Map(mapped.map(({ shardId, range }) => [shardId, range]))
    this.open = mapped
      .filter(({ shardId }) => !parents.has(shardId))
      .sort((a, b) => (a.range.start < b.range.start ? -1 : 1))
  }
}
