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
import { isSuspect, expectedRecord, startOf } from './expired-position.js'
import { isAfter, isBehind } from './sequence-number.js'
import { MovingRecord, type KinesisRecord } from './kinesis-record.js'
import type { Lag } from './shard-lag.js'
import { type FetchStart, PositionRefused, type ShardBatch, type ShardFetcher } from './shard-reader.js'
import type { ShardEnd, ShardPosition, ShardSplit } from './shard-split.js'

/** What the shard readers of one subtask share. Slot thread. */
export interface ShardHost {
  readonly streamName: string
  /** The user records of an aggregated record; undefined if it is none. */
  readonly deaggregate: ((data: Uint8Array, split: ShardSplit) => readonly UserRecord[] | undefined) | undefined
  now(): number
  fetch(shardId: string, start: FetchStart): ShardFetcher
  lagOf(shardId: string): Lag
  /** Resolves if reading may go on behind a position whose record is gone; rejects with what the job fails with. */
  judge(split: ShardSplit, position: ShardPosition, cause: unknown): Promise<void>
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
  /** The record that must come first, or the position has expired. */
  private expected: string | undefined
  /** Something else has come first. */
  private unexpected: ShardBatch | undefined
  private refusal: { readonly cause: unknown } | undefined
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
    if (isSuspect(this.base, host.now())) this.refusal = { cause: undefined }
    else this.fetchFrom(startOf(this.base), expectedRecord(this.base))
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
      if (this.refusal !== undefined || this.unexpected !== undefined) {
        await this.settle()
        continue
      }
      if (this.fetcher === undefined) return
      try {
        await this.fetcher.ready()
      } catch (error) {
        if (!(error instanceof PositionRefused)) throw error
        this.refusal = { cause: error.cause }
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
    this.batch = this.unexpected = this.users = undefined
    this.host.closed(this.split.shardId)
    await fetcher?.close()
  }

  private fetchFrom(start: FetchStart, expected: string | undefined): void {
    this.expected = expected
    this.fetcher = this.host.fetch(this.split.shardId, start)
  }

  /** The position is refused, too old, or its record is not there: goes on if it may. */
  private async settle(): Promise<void> {
    const { refusal, unexpected, base } = this
    await this.host.judge(this.split, base, refusal?.cause)
    this.refusal = this.unexpected = undefined
    if (unexpected !== undefined) {
      // What came is the oldest there is.
      this.expected = undefined
      this.begin(unexpected)
      return
    }
    await this.fetcher?.close()
    // Not even its oldest record can be asked for: the shard is gone.
    if (base.at === 'horizon' && refusal?.cause !== undefined) return this.finish({ by: 'closed', children: [] })
    this.base = { at: 'horizon' }
    this.fetchFrom({ type: 'TRIM_HORIZON' }, undefined)
  }

  private takeBatch(): boolean {
    while (this.unexpected === undefined && this.refusal === undefined) {
      const batch = this.fetcher?.take()
      if (batch === undefined) return false
      if (this.expected !== undefined && !this.meets(batch)) return false
      this.begin(batch)
      if (this.batch !== undefined || this.end !== undefined) return true
    }
    return false
  }

  /** Whether the batch may follow the position: it begins with the record before, or has nothing yet. */
  private meets(batch: ShardBatch): boolean {
    const expected = this.expected!
    const first = batch.records.find(({ SequenceNumber }) => !isBehind(SequenceNumber!, expected))
    if (first === undefined && batch.end === undefined) return true
    if (first?.SequenceNumber === expected) {
      this.expected = undefined
      return true
    }
    this.unexpected = batch
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
    else if (batch.records.length === 0 && batch.millisBehindLatest === 0 && batch.atMs >= this.stopAtMs) {
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
    const arrivalMs = arrivalOf(last)
    return { at: 'after', sequenceNumber, arrivalMs, ...readTo(readToMsOf(base)) }
  }
}

/** Of the four bytes that an aggregated record begins with; whoever takes it apart looks at all. */
const MAGIC_0 = 0xf3
const MAGIC_1 = 0x89
const NOTHING = new Uint8Array(0)

/** All of a batch has been handed over, so its own word on how far it is counts. */
function behindBatch(handed: ShardPosition, { continuation, millisBehindLatest, atMs }: ShardBatch): ShardPosition {
  const behind = handed.at === 'after' || handed.at === 'continuation' ? handed.sequenceNumber : undefined
  const within = handed.at === 'within'
  const readToMs = millisBehindLatest === undefined ? undefined : atMs - millisBehindLatest
  if (continuation !== undefined && readToMs !== undefined && !within) {
    if (behind === undefined || isAfter(continuation, behind)) {
      return { at: 'continuation', sequenceNumber: continuation, readToMs }
    }
  }
  if (within || readToMs === undefined || (millisBehindLatest !== 0 && handed.at === 'after')) return handed
  return { ...handed, readToMs }
}

function readToMsOf(position: ShardPosition): number | undefined {
  return position.at === 'within' ? undefined : position.readToMs
}

function readTo(readToMs: number | undefined): { readonly readToMs?: number } {
  return readToMs === undefined ? {} : { readToMs }
}

/** A record whose arrival the service does not tell counts as old: its absence proves nothing. */
function arrivalOf(raw: _Record): number {
  return raw.ApproximateArrivalTimestamp?.getTime() ?? 0
}
