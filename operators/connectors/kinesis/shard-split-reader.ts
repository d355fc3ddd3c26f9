// The way of a Kinesis record: a fetcher has batches ready, `poll` moves one `MovingRecord` over the batch at hand. An aggregated record
// is taken apart when its turn comes.
//
//     batch      r0 r1 [r2: u0 u1 u2] r3 ...
//     next              ^ index, userIndex: first record not yet handed over
//
// Invariant between polls: everything before `next` has been handed over, nothing behind it; `position` says so in terms that outlive the
// batch: the last record handed over, or the aggregated one that is being handed over.
import type { _Record } from '@aws-sdk/client-kinesis'
import type { PollStatus, RawOutput, SplitReader } from '../../../runtime/contract/source.js'
import { NO_TIMESTAMP } from '../../../runtime/contract/time.js'
import type { UserRecord } from './aggregation/deaggregate.js'
import { type Doubt, startOf } from './expired-position.js'
import { isAfter, isBehind } from './sequence-number.js'
import { MovingRecord, type KinesisRecord } from './kinesis-record.js'
import { isAtTip, PositionProof } from './position-proof.js'
import type { Lag } from './shard-lag.js'
import { type FetchStart, PositionRefused, type ShardBatch, type ShardFetcher } from './shard-reader.js'
import type { ShardEnd, ShardPosition, ShardSplit } from './shard-split.js'

/** Why a position is doubted, and when that was seen. */
export interface Doubted {
  readonly doubt: Doubt
  /** Epoch milliseconds. */
  readonly atMs: number
  /** What the service said, if it refused. */
  readonly cause?: unknown
}

/** What the shard readers of one subtask share. Slot thread. */
export interface ShardHost {
  readonly streamName: string
  /** The user records of an aggregated record; undefined if it is none. */
  readonly deaggregate: ((data: Uint8Array, split: ShardSplit) => readonly UserRecord[] | undefined) | undefined
  now(): number
  fetch(shardId: string, start: FetchStart): ShardFetcher
  lagOf(shardId: string): Lag
  /**
   * Whether a doubtful position has expired, and reading is to go on with the oldest record there is; false: nothing behind the position is
   * lost. Rejects with what the job fails with.
   */
  judge(split: ShardSplit, position: ShardPosition, doubted: Doubted): Promise<boolean>
  closed(shardId: string): void
}

/** Reads one shard, whatever fetches its records. Slot thread. */
export class ShardSplitReader implements SplitReader<KinesisRecord, ShardSplit> {
  private readonly split: ShardSplit
  private readonly host: ShardHost
  private readonly record: MovingRecord
  private readonly lag: Lag
  private readonly stopAtMs: number
  private fetcher: ShardFetcher | undefined
  /** Where reading goes on if nothing of `batch` is handed over. */
  private base: ShardPosition
  private batch: ShardBatch | undefined
  private index = 0
  /** Of the aggregated record at `index`. */
  private users: readonly UserRecord[] | undefined
  private userIndex = 0
  /** What is known of whether the start that was last fetched from still holds; undefined: it does. */
  private proof: PositionProof | undefined
  private doubted: Doubted | undefined
  /** What came first, where it left the position in doubt. */
  private doubtful: ShardBatch | undefined
  private end: ShardEnd | undefined

  constructor(split: ShardSplit, host: ShardHost) {
    this.split = split
    this.host = host
    this.record = new MovingRecord(host.streamName, split.shardId)
    this.lag = host.lagOf(split.shardId)
    this.stopAtMs = split.stopAtMs ?? Infinity
    this.base = split.position
    this.end = split.end
    if (this.end !== undefined) return
    this.fetchFrom(startOf(this.base))
  }

  poll(out: RawOutput<KinesisRecord>, max: number): PollStatus {
    let handed = 0
    while (this.end === undefined) {
      if (handed >= max) return 'more'
      if (this.batch !== undefined) handed += this.drain(this.batch, out, max - handed)
      else if (!this.takeBatch()) return 'wait'
    }
    return 'end'
  }

  async available(): Promise<void> {
    while (this.end === undefined && this.batch === undefined) {
      if (this.doubted !== undefined) {
        await this.settle(this.doubted)
        continue
      }
      if (this.fetcher === undefined) return
      try {
        await this.fetcher.ready()
      } catch (error) {
        if (!(error instanceof PositionRefused)) throw error
        const doubt = error.start.type === 'TRIM_HORIZON' ? 'gone' : 'refused'
        this.doubted = { doubt, atMs: this.host.now(), cause: error.cause }
        continue
      }
      if (this.takeBatch()) return
    }
  }

  position(): ShardSplit {
    const position = this.currentPosition()
    return { ...this.split, position, ...(this.end === undefined ? {} : { end: this.end }) }
  }

  async close(): Promise<void> {
    const { fetcher } = this
    this.fetcher = undefined
    this.batch = this.doubtful = this.users = undefined
    this.host.closed(this.split.shardId)
    await fetcher?.close()
  }

  private fetchFrom(start: FetchStart): void {
    this.fetcher = this.host.fetch(this.split.shardId, start)
  }

  /** The position is refused, too old, or its record is not there: goes on behind it if nothing is lost, else with the oldest record if it may. */
  private async settle(doubted: Doubted): Promise<void> {
    const { doubtful } = this
    const expired = await this.host.judge(this.split, this.base, doubted)
    this.doubted = this.doubtful = this.proof = undefined
    if (doubtful !== undefined) {
      // What came is the oldest there is, or what follows the position.
      this.begin(doubtful)
      return
    }
    await this.fetcher?.close()
    if (doubted.doubt === 'gone') return this.finish({ by: 'closed', children: [] })
    // A number that was dropped for its age: what is there lies behind it. `begin` drops what does not.
    if (expired) this.base = { at: 'horizon' }
    this.fetchFrom({ type: 'TRIM_HORIZON' })
  }

  private takeBatch(): boolean {
    while (this.doubted === undefined) {
      const batch = this.fetcher?.take()
      if (batch === undefined) return false
      if (batch.start !== undefined) this.proof = new PositionProof(batch.start, this.base)
      const doubt = this.proof?.next(batch)
      // Until it holds nothing counts: an answer without records may hide that they are lost.
      if (doubt === 'open') continue
      if (doubt !== undefined) {
        this.doubtful = batch
        this.doubted = { doubt, atMs: batch.atMs }
        return false
      }
      this.proof = undefined
      this.begin(batch)
      if (this.batch !== undefined || this.end !== undefined) return true
    }
    return false
  }

  /** Makes it the batch at hand, without what was handed over before. */
  private begin(batch: ShardBatch): void {
    const { base, lag } = this
    let index = 0
    if (base.at === 'within') {
      while (index < batch.records.length && isBehind(batch.records[index]!.SequenceNumber!, base.sequenceNumber))
        index++
    } else if (base.at === 'after' || base.at === 'continuation') {
      while (index < batch.records.length && !isAfter(batch.records[index]!.SequenceNumber!, base.sequenceNumber))
        index++
    } else if (base.at === 'timestamp') {
      while (index < batch.records.length && isBefore(batch.records[index]!, base.timestampMs)) index++
    }
    this.batch = batch
    this.index = index
    lag.behindMs = batch.millisBehindLatest ?? NaN
    lag.sinceMs = batch.atMs
    if (index === batch.records.length) this.finishBatch(batch)
  }

  private drain(batch: ShardBatch, out: RawOutput<KinesisRecord>, max: number): number {
    const { records } = batch
    const { record, stopAtMs } = this
    const { deaggregate } = this.host
    let handed = 0
    while (handed < max && this.index < records.length) {
      const raw = records[this.index]!
      const arrivalMs = raw.ApproximateArrivalTimestamp?.getTime() ?? NaN
      if (arrivalMs > stopAtMs) {
        this.finish({ by: 'stopAt' })
        return handed
      }
      record.sequenceNumber = raw.SequenceNumber!
      record.approximateArrivalMs = arrivalMs
      const data = raw.Data ?? NOTHING
      if (data[0] === MAGIC_0 && data[1] === MAGIC_1 && deaggregate !== undefined) {
        const users = this.usersOf(raw, deaggregate)
        if (users !== undefined) {
          handed += this.drainUsers(users, out, max - handed, arrivalMs)
          continue
        }
      }
      record.bytes = data
      record.partitionKey = raw.PartitionKey ?? ''
      record.subSequence = undefined
      this.index++
      handed++
      out.collect(record, Number.isNaN(arrivalMs) ? NO_TIMESTAMP : arrivalMs)
    }
    if (this.index === records.length) this.finishBatch(batch)
    return handed
  }

  /** The user records of the aggregated record at hand; the first time those that were handed over before a restore are skipped. */
  private usersOf(raw: _Record, deaggregate: NonNullable<ShardHost['deaggregate']>): readonly UserRecord[] | undefined {
    if (this.users !== undefined) return this.users
    const users = deaggregate(raw.Data ?? NOTHING, this.split)
    if (users === undefined) return undefined
    const { base } = this
    this.userIndex = 0
    if (base.at === 'within' && base.sequenceNumber === raw.SequenceNumber) {
      while (this.userIndex < users.length && users[this.userIndex]!.subSequence < base.subSequence) this.userIndex++
    }
    return (this.users = users)
  }

  private drainUsers(
    users: readonly UserRecord[],
    out: RawOutput<KinesisRecord>,
    max: number,
    arrivalMs: number,
  ): number {
    const { record } = this
    const timestamp = Number.isNaN(arrivalMs) ? NO_TIMESTAMP : arrivalMs
    let handed = 0
    while (handed < max && this.userIndex < users.length) {
      const user = users[this.userIndex++]!
      record.bytes = user.data
      record.partitionKey = user.partitionKey
      record.subSequence = user.subSequence
      handed++
      out.collect(record, timestamp)
    }
    if (this.userIndex === users.length) {
      this.users = undefined
      this.index++
    }
    return handed
  }

  private finishBatch(batch: ShardBatch): void {
    this.base = this.currentPosition()
    this.batch = this.users = undefined
    this.index = 0
    this.lag.sinceMs = undefined
    if (batch.end !== undefined) this.finish({ by: 'closed', children: batch.end.children })
    // A closed shard may be at its tip before it says that it is at its end: only an empty answer counts.
    else if (batch.records.length === 0 && batch.millisBehindLatest === 0 && batch.saidMs >= this.stopAtMs) {
      this.finish({ by: 'stopAt' })
    }
  }

  private finish(end: ShardEnd): void {
    this.base = this.currentPosition()
    this.end = end
    this.batch = this.users = undefined
    // Nothing of it is left to read: it is not behind.
    this.lag.behindMs = NaN
  }

  private currentPosition(): ShardPosition {
    const { batch, index, base } = this
    if (batch === undefined) return base
    if (this.users !== undefined && this.userIndex > 0) {
      const raw = batch.records[index]!
      const subSequence = this.users[this.userIndex]!.subSequence
      return { at: 'within', sequenceNumber: raw.SequenceNumber!, arrivalMs: arrivalOf(raw), subSequence }
    }
    const last = index === 0 ? undefined : batch.records[index - 1]!
    const handed = last === undefined ? base : this.behind(last)
    return index < batch.records.length ? handed : behindBatch(handed, batch)
  }

  /** Behind a record of the batch; one that was dropped because it came twice does not move the position back. */
  private behind(last: _Record): ShardPosition {
    const { base } = this
    const sequenceNumber = last.SequenceNumber!
    if ((base.at === 'after' || base.at === 'continuation') && !isAfter(sequenceNumber, base.sequenceNumber))
      return base
    if (base.at === 'within' && isBehind(sequenceNumber, base.sequenceNumber)) return base
    if (base.at === 'timestamp' && isBefore(last, base.timestampMs)) return base
    const arrivalMs = arrivalOf(last)
    return { at: 'after', sequenceNumber, arrivalMs, ...claimOf(base) }
  }
}

/** Of the four bytes that an aggregated record begins with; whoever takes it apart looks at all. */
const MAGIC_0 = 0xf3
const MAGIC_1 = 0x89
const NOTHING = new Uint8Array(0)

/** All of a batch has been handed over: one without records says that there were none until then. */
function behindBatch(handed: ShardPosition, batch: ShardBatch): ShardPosition {
  const { continuation, saidMs: readToMs } = batch
  if (handed.at === 'within' || !isAtTip(batch)) return handed
  const behind = handed.at === 'after' || handed.at === 'continuation' ? handed.sequenceNumber : undefined
  if (continuation !== undefined && (behind === undefined || isAfter(continuation, behind))) {
    return { at: 'continuation', sequenceNumber: continuation, readToMs }
  }
  return { ...handed, readToMs: Math.max(readToMs, handed.readToMs ?? readToMs) }
}

function claimOf(position: ShardPosition): { readonly readToMs?: number } {
  if (position.at === 'within' || position.readToMs === undefined) return {}
  return { readToMs: position.readToMs }
}

/**
 * Not every service leaves out what arrived before the time it was asked for when nothing has since. One that tells whole seconds only gets
 * the benefit of the doubt.
 */
function isBefore({ ApproximateArrivalTimestamp }: _Record, timestampMs: number): boolean {
  const arrivalMs = ApproximateArrivalTimestamp?.getTime()
  if (arrivalMs === undefined) return false
  return (arrivalMs % 1_000 === 0 ? arrivalMs + 999 : arrivalMs) < timestampMs
}

/** A record whose arrival the service does not tell counts as old: its absence proves nothing. */
function arrivalOf(raw: _Record): number {
  return raw.ApproximateArrivalTimestamp?.getTime() ?? 0
}
