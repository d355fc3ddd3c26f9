import { MillraceError } from '../contract/errors.js'
import type {
  EnumeratorContext,
  IdentifiedSplit,
  PollStatus,
  RawOutput,
  Source,
  SplitEnumerator,
  SplitReader,
} from '../contract/source.js'
import { NO_TIMESTAMP, type Clock } from '../contract/time.js'
import { deepFreeze } from './deep-freeze.js'

/** A shard of {@link sourceOfShards}: it is read once all of its parents are read to their ends, as after a split or a merge. */
export interface Shard<T> {
  readonly id: string
  /** Shards before it in the list. Default: none. */
  readonly parents?: readonly string[]
  readonly records: readonly T[]
}

/** Where a shard goes on. */
export type ShardSplit = { readonly next: number }

/** How {@link sourceOfShards} hands its records over. */
export interface SourceOfShardsOptions {
  /** Records that one poll of a shard hands over at most. Default: as many as the engine asks for. */
  readonly recordsPerPoll?: number | ((shard: string) => number)
  /** Milliseconds between two polls of a shard. Default 0: none. */
  readonly pollEveryMs?: number | ((shard: string) => number)
  /** Which subtask reads a shard. Default: in turn. */
  readonly subtaskOf?: (shard: string, parallelism: number) => number
}

/**
 * A bounded source whose splits have successors, for tests: as a stream that is resharded, with the records known before. The records are
 * frozen.
 */
export function sourceOfShards<T>(
  shards: readonly Shard<T>[],
  options: SourceOfShardsOptions = {},
): Source<T, ShardSplit, readonly string[]> {
  for (const { records } of shards) for (const record of records) deepFreeze(record)
  const { recordsPerPoll = Infinity, pollEveryMs = 0 } = options
  const byId = new Map(shards.map((shard) => [shard.id, shard]))
  return {
    name: 'shards',
    bounded: true,
    describe: `shards:${shards.length}`,
    successors: true,
    createEnumerator: (ctx) => new ShardEnumerator(shards, ctx, options.subtaskOf),
    createReader: ({ clock }) => ({
      openSplit: ({ id, split }) => {
        const records = byId.get(id)?.records
        if (records === undefined) throw unknownShard(id)
        const most = typeof recordsPerPoll === 'number' ? recordsPerPoll : recordsPerPoll(id)
        const pause = typeof pollEveryMs === 'number' ? pollEveryMs : pollEveryMs(id)
        return new ShardReader(records, split.next, most, pause, clock)
      },
    }),
  }
}

function unknownShard(id: string): MillraceError {
  return new MillraceError('MILLRACE_INPUT', `sourceOfShards() has no shard "${id}" any more`, {
    hint: 'restore with the same shards, or more',
  })
}

/** Its state: the shards that were ever assigned. Which of them are read to their ends is told again after a restore. */
class ShardEnumerator implements SplitEnumerator<ShardSplit, readonly string[]> {
  private readonly shards: readonly Shard<unknown>[]
  private readonly ctx: EnumeratorContext<ShardSplit>
  private readonly subtaskOf: (shard: string, parallelism: number) => number
  private readonly assigned = new Set<string>()
  /** Read to their ends and not retired. */
  private readonly ended = new Map<string, { readonly subtask: number; readonly watermark: number }>()
  /** Not yet read to their ends. */
  private readonly reading = new Set<string>()

  constructor(
    shards: readonly Shard<unknown>[],
    ctx: EnumeratorContext<ShardSplit>,
    subtaskOf: SourceOfShardsOptions['subtaskOf'],
  ) {
    this.shards = shards
    this.ctx = ctx
    this.subtaskOf = subtaskOf ?? ((id, parallelism) => shards.findIndex((shard) => shard.id === id) % parallelism)
  }

  start(restored: readonly string[] | undefined, assigned: readonly IdentifiedSplit<ShardSplit>[]): void {
    for (const id of restored ?? []) this.assigned.add(id)
    for (const { id } of assigned) this.reading.add(id)
    this.goOn()
  }

  splitFinished(subtask: number, { id }: IdentifiedSplit<ShardSplit>, watermark: number): void {
    this.reading.delete(id)
    this.ended.set(id, { subtask, watermark })
    this.goOn()
  }

  snapshotState(): readonly string[] {
    return [...this.assigned]
  }

  /** Assigns what may be read now, then retires what nothing waits for any more. */
  private goOn(): void {
    const { ctx, shards, ended } = this
    for (const shard of shards) {
      const parents = shard.parents ?? []
      if (this.assigned.has(shard.id) || !parents.every((id) => this.assigned.has(id) && !this.reading.has(id)))
        continue
      this.assigned.add(shard.id)
      this.reading.add(shard.id)
      const watermark = Math.min(...parents.map((id) => ended.get(id)!.watermark))
      const split = { id: shard.id, split: { next: 0 }, ...(parents.length > 0 ? { watermark } : {}) }
      ctx.assignSplits(this.subtaskOf(shard.id, ctx.parallelism), [split])
    }
    for (const [id, { subtask }] of ended) {
      const children = shards.filter(({ parents = [] }) => parents.includes(id))
      if (!children.every((child) => this.assigned.has(child.id))) continue
      ended.delete(id)
      ctx.retireSplits(subtask, [id])
    }
    if (this.assigned.size === shards.length) ctx.signalNoMoreSplits()
  }
}

class ShardReader<T> implements SplitReader<T, ShardSplit> {
  private readonly records: readonly T[]
  private next: number
  private readonly most: number
  private readonly pauseMs: number
  private readonly clock: Clock
  private pausing = false

  constructor(records: readonly T[], next: number, most: number, pauseMs: number, clock: Clock) {
    this.records = records
    this.next = next
    this.most = most
    this.pauseMs = pauseMs
    this.clock = clock
  }

  poll(out: RawOutput<T>, max: number): PollStatus {
    const { records } = this
    if (this.pausing) return 'wait'
    const to = Math.min(records.length, this.next + Math.min(max, this.most))
    while (this.next < to) out.collect(records[this.next++]!, NO_TIMESTAMP)
    if (this.next === records.length) return 'end'
    if (this.pauseMs === 0) return 'more'
    this.pausing = true
    return 'wait'
  }

  async available(): Promise<void> {
    await new Promise<void>((resolve) => this.clock.setTimeout(resolve, this.pauseMs))
    this.pausing = false
  }

  position(): ShardSplit {
    return { next: this.next }
  }
}
