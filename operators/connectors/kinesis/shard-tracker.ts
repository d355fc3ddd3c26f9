/**
 * What is known of a stream's shards and how far each is. Decides, without doing anything itself, which shard goes to which reader and
 * when. Invariants:
 *
 * - A shard is read once: what was taken stays known until the service has forgotten it, and an ancestor of a taken shard is never taken.
 * - A shard is taken when all its parents are finished, by the reader of the one furthest behind, with that one's watermark.
 * - Parents on different readers: only after a completed checkpoint that was triggered after their ends. What the readers sent before it
 *   has been worked on by then, so no record of a key is overtaken by one of the child.
 * - A finished shard is retired in the turn in which all that follows it is taken, and not before.
 *
 *   (known) --parents done--> live --read to its end--> finished --children taken--> retired --not listed any more--> (forgotten)
 */
import type { NewSplit } from '../../../runtime/contract/source.js'
import { readToMsOf } from './expired-position.js'
import { byHash, covers } from './hash-range.js'
import { allChildrenKnown, ancestorsOf, childrenOf, type KnownShard } from './shard-lineage.js'
import type { ChildShard, ShardPosition, ShardSplit } from './shard-split.js'

/** In so many listings in a row a shard must be missing, or an orphan be seen, before it is believed. */
const LISTINGS_TO_BELIEVE = 2

interface Finished {
  readonly subtask: number
  readonly split: ShardSplit
  readonly watermark: number
  /** A completed checkpoint above this number has all of it behind it. */
  readonly lastTriggered: number
}

/** A shard for a reader. */
export interface Assignment {
  readonly subtask: number
  readonly split: NewSplit<ShardSplit>
}

/** What is to be done now, in this order. */
export interface TrackerSteps {
  readonly assign: readonly Assignment[]
  readonly retire: readonly { readonly subtask: number; readonly shardId: string }[]
  /** Assigned although shards before them are gone that nobody has read. */
  readonly orphans: readonly string[]
  /** Nothing is being read, and nothing that is known follows. */
  readonly done: boolean
}

/** What checkpoints keep of the shards: those assigned and not yet retired, and those retired that the service still lists. */
export type TakenShards = { readonly open: readonly string[]; readonly retired: readonly string[] }

/** What a tracker is made for. */
export interface TrackerOptions {
  readonly parallelism: number
  /** Whether checkpoints are taken while the job runs: else nothing waits for one. */
  readonly checkpointing: boolean
  /** Where the shards of a fresh start begin. */
  readonly start: ShardPosition
  readonly stopAtMs?: number
}

/** See the file's head. Main thread; one per attempt. */
export class ShardTracker {
  private readonly options: TrackerOptions
  private known = new Map<string, KnownShard>()
  /** Being read: the reader of each. */
  private readonly live = new Map<string, number>()
  private readonly finished = new Map<string, Finished>()
  private readonly retired = new Set<string>()
  /** Read to their ends before this attempt. */
  private readonly settled = new Set<string>()
  /** Those of them that we shall hear of again. */
  private readonly awaited = new Set<string>()
  /** In how many listings in a row a taken shard has been missing. */
  private readonly missing = new Map<string, number>()
  /** In which listing a shard was first seen without its parents. */
  private readonly orphanSince = new Map<string, number>()
  private fresh = true
  private listings = 0
  private lastTriggered = -Infinity
  private lastCompleted = -Infinity

  constructor(options: TrackerOptions) {
    this.options = options
  }

  /** Goes on from a checkpoint. `live`: the shards that are still being read, and by whom. */
  restore(taken: TakenShards, live: ReadonlyMap<string, number>): void {
    this.fresh = false
    for (const id of taken.retired) this.retired.add(id)
    for (const [id, subtask] of live) this.live.set(id, subtask)
    for (const id of taken.open) {
      if (live.has(id)) continue
      this.settled.add(id)
      this.awaited.add(id)
    }
  }

  /** A whole listing. */
  listing(shards: readonly ChildShard[]): void {
    this.listings++
    const listed = new Map<string, KnownShard>(shards.map((shard) => [shard.shardId, { ...shard, listed: true }]))
    for (const [id, shard] of this.known) if (!shard.listed && !listed.has(id)) listed.set(id, shard)
    this.known = listed
    for (const id of [...this.live.keys(), ...this.finished.keys(), ...this.retired]) {
      this.missing.set(id, listed.has(id) ? 0 : (this.missing.get(id) ?? 0) + 1)
    }
    for (const id of [...this.retired].filter((one) => this.isGone(one))) {
      this.retired.delete(id)
      this.missing.delete(id)
    }
    for (const id of this.orphanSince.keys()) if (!listed.has(id)) this.orphanSince.delete(id)
  }

  /** A shard is read to its end, and all of it is on its way. */
  shardFinished(subtask: number, split: ShardSplit, watermark: number): void {
    const { shardId, end } = split
    this.live.delete(shardId)
    this.awaited.delete(shardId)
    this.finished.set(shardId, { subtask, split, watermark, lastTriggered: this.lastTriggered })
    if (end?.by !== 'closed') return
    for (const child of end.children) {
      if (!this.known.has(child.shardId) && this.namesAllParents(child)) {
        this.known.set(child.shardId, { ...child, listed: false })
      }
    }
  }

  /** The end of one of two merged shards may name that one alone: the child has more hash keys, so a listing must tell. */
  private namesAllParents(child: ChildShard): boolean {
    const parents = child.parents.map((id) => this.known.get(id) ?? this.finished.get(id)?.split)
    const found = parents.filter((parent) => parent !== undefined)
    return found.length < parents.length || covers(found, child)
  }

  checkpointTriggered(id: number): void {
    this.lastTriggered = Math.max(this.lastTriggered, id)
  }

  checkpointCompleted(id: number): void {
    this.lastCompleted = Math.max(this.lastCompleted, id)
  }

  takenShards(): TakenShards {
    return {
      open: [...this.live.keys(), ...this.finished.keys(), ...this.awaited].sort(),
      retired: [...this.retired].sort(),
    }
  }

  /** A finished shard waits for children that nobody has named yet. */
  get waitsForListing(): boolean {
    return [...this.finished.values()].some(({ split }) => !this.isFollowed(split))
  }

  /** What can be done now; it counts as done. */
  next(): TrackerSteps {
    const assign: Assignment[] = []
    const orphans: string[] = []
    const older = ancestorsOf(
      [...this.live.keys(), ...this.finished.keys(), ...this.retired, ...this.awaited],
      this.known,
    )
    const waiting = [...this.known.values()].filter(({ shardId }) => !this.isTaken(shardId) && !older.has(shardId))
    // Decided before the first is taken: taking one makes its parents older.
    const ready = waiting.sort(byHash).map((shard) => ({ shard, parents: this.parentsOf(shard, older) }))
    for (const { shard, parents } of ready) {
      if (parents === undefined) continue
      const taken = parents.length > 0 ? this.childOf(shard, parents) : this.rootOf(shard, orphans)
      if (taken === undefined) continue
      this.live.set(shard.shardId, taken.subtask)
      this.orphanSince.delete(shard.shardId)
      assign.push(taken)
    }
    if (this.listings > 0) this.fresh = false
    const retire = this.retireFollowed()
    const done = !this.fresh && this.live.size + this.finished.size + this.awaited.size === 0
    return { assign, retire, orphans, done }
  }

  private isTaken(shardId: string): boolean {
    return (
      this.live.has(shardId) || this.finished.has(shardId) || this.retired.has(shardId) || this.awaited.has(shardId)
    )
  }

  /** The finished parents of a shard; none if they are gone or were never ours. Undefined: there is one to wait for. */
  private parentsOf(shard: KnownShard, older: ReadonlySet<string>): Finished[] | undefined {
    const done: Finished[] = []
    for (const id of shard.parents) {
      const parent = this.finished.get(id)
      if (parent === undefined) {
        if (this.isTaken(id) || (this.known.has(id) ? !older.has(id) : !shard.listed)) return undefined
      } else {
        // What follows a shard that was left before its end is not wanted.
        if (parent.split.end?.by === 'stopAt') return undefined
        done.push(parent)
      }
    }
    return done
  }

  private childOf(shard: KnownShard, parents: readonly Finished[]): Assignment | undefined {
    const behind = parents.reduce((a, b) => (b.watermark < a.watermark ? b : a))
    const apart = parents.some(({ subtask }) => subtask !== behind.subtask)
    if (apart && this.options.checkpointing && !parents.every((one) => this.isBehindCheckpoint(one))) return undefined
    return {
      subtask: behind.subtask,
      split: { id: shard.shardId, split: this.splitOf(shard, childPosition(parents)), watermark: behind.watermark },
    }
  }

  private isBehindCheckpoint({ split, lastTriggered }: Finished): boolean {
    return this.settled.has(split.shardId) || this.lastCompleted > lastTriggered
  }

  /** A shard without a parent to wait for: of a fresh start, or one that nobody has announced. */
  private rootOf(shard: KnownShard, orphans: string[]): Assignment | undefined {
    const { parents, shardId } = shard
    const orphan = !this.fresh && parents.length > 0 && !parents.some((id) => this.known.has(id))
    if (orphan) {
      const since = this.orphanSince.get(shardId) ?? this.listings
      this.orphanSince.set(shardId, since)
      if (this.listings - since < LISTINGS_TO_BELIEVE - 1) return undefined
      orphans.push(shardId)
    }
    // One whose parents closed before the start was only listed late.
    const position: ShardPosition =
      this.fresh || (!orphan && parents.length > 0) ? this.options.start : { at: 'horizon' }
    return { subtask: this.leastLoaded(), split: { id: shardId, split: this.splitOf(shard, position) } }
  }

  private splitOf(shard: KnownShard, position: ShardPosition): ShardSplit {
    const { shardId, firstHash, lastHash } = shard
    const { stopAtMs } = this.options
    return { shardId, firstHash, lastHash, position, ...(stopAtMs === undefined ? {} : { stopAtMs }) }
  }

  private leastLoaded(): number {
    const load = new Array<number>(this.options.parallelism).fill(0)
    for (const subtask of this.live.values()) load[subtask] = (load[subtask] ?? 0) + 1
    return load.indexOf(Math.min(...load))
  }

  private retireFollowed(): { subtask: number; shardId: string }[] {
    const followed = [...this.finished].filter(([, { split }]) => {
      if (!this.isFollowed(split)) return false
      const children = childrenOf(split.shardId, this.known)
      return split.end?.by === 'stopAt' || children.every((one) => this.isTaken(one.shardId) || this.isUnwanted(one))
    })
    for (const [shardId] of followed) {
      this.finished.delete(shardId)
      this.retired.add(shardId)
    }
    return followed.map(([shardId, { subtask }]) => ({ subtask, shardId }))
  }

  /** A shard that was left before its end comes before it: one is retired with a child that is not taken only then. */
  private isUnwanted({ parents }: KnownShard): boolean {
    if (this.options.stopAtMs === undefined) return false
    return parents.some((id) => this.retired.has(id) || this.finished.get(id)?.split.end?.by === 'stopAt')
  }

  /** Whether all that follows a finished shard is known. */
  private isFollowed(split: ShardSplit): boolean {
    // Its children may be gone as it is itself, unread.
    if (split.end?.by === 'stopAt' || this.isGone(split.shardId)) return true
    return allChildrenKnown(split, childrenOf(split.shardId, this.known))
  }

  private isGone(shardId: string): boolean {
    return (this.missing.get(shardId) ?? 0) >= LISTINGS_TO_BELIEVE
  }
}

/**
 * The oldest record. Where nothing has arrived in the parents since the time that they were to start at, that time still: not every service
 * leaves out of a listing what had closed before it.
 */
function childPosition(parents: readonly Finished[]): ShardPosition {
  const positions = parents.map(({ split }) => split.position)
  const readToMs = Math.min(...positions.map((one) => readToMsOf(one) ?? -Infinity))
  const known = readToMs === -Infinity ? {} : { readToMs }
  const [first] = positions
  if (first?.at === 'timestamp' && positions.every(({ at }) => at === 'timestamp')) {
    return { at: 'timestamp', timestampMs: first.timestampMs, ...known }
  }
  return { at: 'horizon', ...known }
}
