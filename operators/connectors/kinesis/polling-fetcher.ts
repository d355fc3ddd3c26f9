// One loop per shard: room -> pace -> iterator -> GetRecords -> queue. It ends at the shard's end, or with the error that `ready` gives.
import type { GetRecordsCommandOutput, GetShardIteratorInput, _Record } from '@aws-sdk/client-kinesis'
import { awsErrorFacts, isThrottled, isTransient } from '../../../runtime/aws/aws-errors.js'
import { backoffMs } from '../../../runtime/aws/backoff.js'
import type { Counter } from '../../../runtime/contract/metrics.js'
import { steadyTime } from '../../../runtime/contract/time.js'
import { childShards } from './child-shards.js'
import { Pause } from './pause.js'
import { isPowerOfTen } from './persistently.js'
import type { PollPace } from './poll-pace.js'
import type { ReadAheadMemory } from './read-ahead-memory.js'
import {
  type FetchContext,
  type FetchStart,
  PositionRefused,
  type ShardBatch,
  type ShardFetcher,
} from './shard-reader.js'
import { isTooEarly } from './too-early.js'

/** What the polling fetchers of one reader share. */
export interface PollingReader {
  readonly ctx: FetchContext
  readonly memory: ReadAheadMemory
  /** Records of one call at most: the service gives 10,000, or 10 MB. */
  readonly maxRecords: number
  readonly throttled: Counter
  newPace(): PollPace
}

const BACKOFF = { baseMs: 250, maxMs: 10_000 }
const REFUSED = ['InvalidArgumentException', 'ResourceNotFoundException', 'ValidationException']
/** What the size of records is guessed at before the first have come. */
const GUESSED_RECORD_BYTES = 4_096

/** Reads one shard by GetRecords, as far ahead as its share of the memory allows. Slot thread. */
export class PollingFetcher implements ShardFetcher {
  private readonly reader: PollingReader
  private readonly shardId: string
  private readonly pace: PollPace
  private readonly pause: Pause
  private readonly onClose: () => void
  private readonly batches: { readonly batch: ShardBatch; readonly bytes: number }[] = []
  private heldBytes = 0
  private recordBytes = GUESSED_RECORD_BYTES
  /** Where to go on without an iterator: with the last record once more, so that whoever takes it sees whether any were dropped since. */
  private start: FetchStart
  /** Where the iterator began, until it has brought an answer. */
  private begun: FetchStart | undefined
  private iterator: string | undefined
  private failures = 0
  private closed = false
  private failure: Error | undefined
  private wakeTaker: (() => void) | undefined
  private wakeFetcher: (() => void) | undefined

  constructor(reader: PollingReader, shardId: string, start: FetchStart, onClose: () => void) {
    this.reader = reader
    this.shardId = shardId
    this.start = start
    this.pace = reader.newPace()
    this.pause = new Pause(reader.ctx.clock)
    const leave = reader.memory.join()
    this.onClose = () => {
      leave()
      onClose()
    }
    void this.run()
  }

  take(): ShardBatch | undefined {
    const first = this.batches.shift()
    if (first === undefined) return undefined
    this.heldBytes -= first.bytes
    this.wakeFetcher?.()
    return first.batch
  }

  async ready(): Promise<void> {
    while (this.batches.length === 0) {
      if (this.failure !== undefined) throw this.failure
      await new Promise<void>((resolve) => (this.wakeTaker = resolve))
    }
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.onClose()
    this.wakeFetcher?.()
    this.pause.end()
  }

  private async run(): Promise<void> {
    try {
      while (!this.closed) {
        await this.room()
        await this.pause.wait(this.pace.waitMs(steadyTime(this.reader.ctx.clock)))
        if (this.closed || (await this.poll())) return
      }
    } catch (error) {
      this.failure = error as Error
      this.wakeTaker?.()
    }
  }

  private async room(): Promise<void> {
    while (!this.closed && this.batches.length > 0 && this.heldBytes >= this.reader.memory.shareBytes) {
      await new Promise<void>((resolve) => (this.wakeFetcher = resolve))
    }
    this.wakeFetcher = undefined
  }

  /** One call. True at the shard's end. */
  private async poll(): Promise<boolean> {
    const { clock } = this.reader.ctx
    try {
      if (this.iterator === undefined) {
        this.iterator = await this.newIterator()
        this.begun = this.start
      }
      const limit = this.limit()
      const sent = { atMs: clock.now(), steadyMs: steadyTime(clock) }
      const answer = await this.getRecords(this.iterator, limit)
      this.failures = 0
      return this.keep(answer, sent, limit)
    } catch (error) {
      this.survive(error)
      return false
    }
  }

  private keep(
    answer: GetRecordsCommandOutput,
    { atMs, steadyMs }: { readonly atMs: number; readonly steadyMs: number },
    limit: number,
  ): boolean {
    const records = answer.Records ?? []
    const { MillisBehindLatest: millisBehindLatest, NextShardIterator: next } = answer
    const bytes = this.weigh(records)
    this.pace.answered(steadyMs, records.length, bytes, (millisBehindLatest ?? 0) > 0 || records.length >= limit)
    const last = records[records.length - 1]
    if (last !== undefined) this.start = { type: 'AT_SEQUENCE_NUMBER', sequenceNumber: last.SequenceNumber! }
    const ended = next === undefined || next === null || next === ''
    this.iterator = ended ? undefined : next
    const before = this.batches[this.batches.length - 1]?.batch
    // What an empty answer said is said by the next one, unless that begins anew or is the end.
    const replaced = before?.records.length === 0 && this.begun === undefined && !ended ? before : undefined
    if (replaced !== undefined) this.batches.pop()
    const start = this.begun ?? replaced?.start
    this.begun = undefined
    const batch: ShardBatch = {
      records,
      ...(millisBehindLatest === undefined ? {} : { millisBehindLatest }),
      atMs,
      saidMs: atMs,
      ...(start === undefined ? {} : { start }),
      ...(ended ? { end: { children: childShards(answer.ChildShards) } } : {}),
    }
    const held = bytes + this.reader.memory.overheadBytes(records.length)
    this.batches.push({ batch, bytes: held })
    this.heldBytes += held
    this.wakeTaker?.()
    return ended
  }

  /** Bytes of data and keys, which is what the service counts. Learns how large records are. */
  private weigh(records: readonly _Record[]): number {
    if (records.length === 0) return 0
    let bytes = 0
    for (const { Data, PartitionKey } of records) bytes += (Data?.byteLength ?? 0) + (PartitionKey?.length ?? 0)
    // Larger ones are believed at once.
    const mean = bytes / records.length
    this.recordBytes = Math.max(mean, this.recordBytes + (mean - this.recordBytes) / 4)
    return bytes
  }

  /** So many that they are likely to have room. */
  private limit(): number {
    const { memory, maxRecords } = this.reader
    const roomBytes = Math.max(memory.shareBytes - this.heldBytes, memory.shareBytes / 2)
    const fit = Math.floor(roomBytes / (this.recordBytes + memory.overheadBytes(1)))
    return Math.max(1, Math.min(maxRecords, fit))
  }

  private async getRecords(iterator: string, limit: number): Promise<GetRecordsCommandOutput> {
    const { stream } = this.reader.ctx
    const { sdk, client } = await stream.access()
    const arn = 'StreamARN' in stream.target ? stream.target : {}
    return client.send(new sdk.GetRecordsCommand({ ...arn, ShardIterator: iterator, Limit: limit }))
  }

  private async newIterator(): Promise<string> {
    const { stream, clock } = this.reader.ctx
    const { sdk, client } = await stream.access()
    const { start } = this
    const input: GetShardIteratorInput = { ...stream.target, ShardId: this.shardId, ...iteratorFrom(start) }
    try {
      const { ShardIterator: iterator } = await client.send(new sdk.GetShardIteratorCommand(input))
      return iterator!
    } catch (error) {
      const early = start.type === 'AT_TIMESTAMP' && isTooEarly(error, start.timestampMs, clock)
      if (early) throw new TooEarly(error)
      if (REFUSED.includes(awsErrorFacts(error).name)) throw new PositionRefused(error, start)
      throw error
    }
  }

  /** What a call's failure means for the next one; throws what no call would mend. */
  private survive(error: unknown): void {
    const { ctx, throttled } = this.reader
    const nowMs = steadyTime(ctx.clock)
    const { name } = awsErrorFacts(error)
    if (name === 'ExpiredIteratorException') {
      // Backpressure has lasted longer than the five minutes that an iterator lives.
      this.iterator = undefined
      this.pace.failed(nowMs, 0)
    } else if (isThrottled(error)) {
      throttled.inc()
      this.pace.throttled(nowMs)
    } else if (isTransient(error) || error instanceof TooEarly) {
      this.failures++
      this.pace.failed(nowMs, backoffMs(this.failures, { ...BACKOFF, random: ctx.random }))
      if (isPowerOfTen(this.failures)) {
        const failure = ctx.stream.failure(error instanceof TooEarly ? error.cause : error, 'kinesis:GetRecords')
        ctx.warn(`${failure.message}; ${this.shardId} has been asked ${this.failures} times in vain, and is again`)
      }
    } else if (error instanceof PositionRefused) {
      throw error
    } else {
      const asked = this.iterator === undefined ? 'kinesis:GetShardIterator' : 'kinesis:GetRecords'
      throw ctx.stream.failure(error, asked)
    }
  }
}

/** This machine's clock is ahead of the service's: it will come to that time. */
class TooEarly extends Error {
  constructor(cause: unknown) {
    super('the timestamp is in the future')
    this.cause = cause
  }
}

function iteratorFrom(start: FetchStart): Omit<GetShardIteratorInput, 'ShardId'> {
  switch (start.type) {
    case 'TRIM_HORIZON':
      return { ShardIteratorType: start.type }
    case 'AT_TIMESTAMP':
      return { ShardIteratorType: start.type, Timestamp: new Date(start.timestampMs) }
    default:
      return { ShardIteratorType: start.type, StartingSequenceNumber: start.sequenceNumber }
  }
}
