import { createHash } from 'node:crypto'
import type {
  _Record,
  ChildShard,
  GetRecordsOutput,
  KinesisClient,
  Shard,
  SubscribeToShardEventStream,
} from '@aws-sdk/client-kinesis'
import * as sdk from '@aws-sdk/client-kinesis'
import { type KinesisAccess, KinesisStream } from '../../../../operators/connectors/kinesis/kinesis-stream.js'
import type { Clock } from '../../../../runtime/contract/time.js'
import { AggregateBuilder } from '../../../../operators/connectors/kinesis/aggregation/aggregate-builder.js'

const ALL_HASHES = 2n ** 128n
const ITERATOR_LIFE_MS = 300_000
const HOUR_MS = 3_600_000

interface Stored {
  readonly sequence: bigint
  readonly partitionKey: string
  readonly data: Uint8Array
  readonly arrivalMs: number
}

interface SimulatedShard {
  readonly id: string
  readonly parents: readonly string[]
  readonly first: bigint
  readonly last: bigint
  readonly createdMs: number
  readonly startSequence: bigint
  readonly records: Stored[]
  /** Of `records`: gone. */
  trimmed: number
  closedMs: number | undefined
  calls: number[]
}

/** How unkind the service is. Probabilities are of each call. */
export interface Unkindness {
  readonly throttle?: number
  readonly fail?: number
  readonly expireIterator?: number
  /** An answer without records although there are some. */
  readonly empty?: number
  /** Ends of shards do not name their children. */
  readonly hideChildren?: boolean
  /** A closed shard says that it is at its end only in the answer after its last records. */
  readonly lateEnd?: boolean
  /** How long ListShards does not show a new shard. Milliseconds. */
  readonly listingDelayMs?: number
  readonly pageSize?: number
  /** ListShards shows all shards, whatever the filter. */
  readonly ignoreFilter?: boolean
}

/** Kinesis in memory, as the service behaves: shards, reshards, limits, trimming, faults. Deterministic. */
export class SimulatedKinesis {
  readonly shards: SimulatedShard[] = []
  readonly calls: Record<string, number> = {}
  unkindness: Unkindness = {}
  status = 'ACTIVE'
  createdAtMs: number
  retentionHours = 24
  /** An old service refuses sequence numbers it has dropped; today's goes on with the oldest record and says nothing. */
  refuseTrimmed = false
  private readonly clock: Clock
  private readonly random: () => number
  // Sequence numbers of different lengths: 97, 98, ... 104.
  private sequence = 90n

  constructor(clock: Clock, random: () => number, shardCount: number) {
    this.clock = clock
    this.random = random
    this.createdAtMs = clock.now()
    const width = ALL_HASHES / BigInt(shardCount)
    for (let i = 0; i < shardCount; i++) {
      const last = i === shardCount - 1 ? ALL_HASHES - 1n : width * BigInt(i + 1) - 1n
      this.addShard([], width * BigInt(i), last)
    }
  }

  /** A stream whose client is this. */
  stream(nameOrArn = 'turbines'): KinesisStream {
    return new SimulatedStream(nameOrArn, this)
  }

  put(partitionKey: string, data: Uint8Array): { readonly shardId: string; readonly sequence: string } {
    const shard = this.openShards().find(({ first, last }) => contains(first, last, hashOf(partitionKey)))!
    const stored = { sequence: this.nextSequence(), partitionKey, data, arrivalMs: this.clock.now() }
    shard.records.push(stored)
    return { shardId: shard.id, sequence: String(stored.sequence) }
  }

  /** All user records of one key, in one aggregated record. */
  putAggregated(partitionKey: string, payloads: readonly Uint8Array[]): void {
    const builder = new AggregateBuilder()
    for (const data of payloads) builder.add({ data, partitionKey })
    this.put(partitionKey, builder.build())
  }

  split(id: string): void {
    const shard = this.shard(id)
    const middle = (shard.first + shard.last) / 2n
    shard.closedMs = this.clock.now()
    this.addShard([id], shard.first, middle)
    this.addShard([id], middle + 1n, shard.last)
  }

  merge(id: string, adjacent: string): void {
    const pair = [this.shard(id), this.shard(adjacent)].sort((a, b) => (a.first < b.first ? -1 : 1))
    for (const shard of pair) shard.closedMs = this.clock.now()
    this.addShard([id, adjacent], pair[0]!.first, pair[1]!.last)
  }

  openShards(): SimulatedShard[] {
    return this.shards.filter(({ closedMs }) => closedMs === undefined)
  }

  /** Drops the oldest records of a shard; all without a count. */
  trim(id: string, count = Infinity): void {
    const shard = this.shard(id)
    shard.trimmed = Math.min(shard.records.length, shard.trimmed + count)
  }

  /** As when a closed shard's records are all past their time. */
  remove(id: string): void {
    this.shards.splice(this.shards.indexOf(this.shard(id)), 1)
  }

  async send(command: { readonly constructor: { readonly name: string }; readonly input: object }): Promise<object> {
    const name = command.constructor.name.replace(/Command$/, '')
    this.calls[name] = (this.calls[name] ?? 0) + 1
    // An answer is never there at once.
    await Promise.resolve()
    const { fail = 0, throttle = 0 } = this.unkindness
    if (this.random() < fail) throw failure('InternalFailure', 500)
    if (name !== 'GetRecords' && this.random() < throttle) throw failure('LimitExceededException')
    const input = command.input as Record<string, never>
    switch (name) {
      case 'DescribeStreamSummary':
        return this.summary()
      case 'ListShards':
        return this.list(input)
      case 'GetShardIterator':
        return { ShardIterator: this.iterator(input) }
      case 'GetRecords':
        return this.getRecords(input)
      case 'SubscribeToShard':
        return { EventStream: this.events(input) }
      default:
        throw failure('UnknownOperationException')
    }
  }

  private summary(): object {
    return {
      StreamDescriptionSummary: {
        StreamName: 'turbines',
        StreamARN: 'arn:aws:kinesis:eu-west-1:123456789012:stream/turbines',
        StreamStatus: this.status,
        RetentionPeriodHours: this.retentionHours,
        StreamCreationTimestamp: new Date(this.createdAtMs),
      },
    }
  }

  private list(input: { ShardFilter?: { Timestamp?: Date }; NextToken?: string }): object {
    const { listingDelayMs = 0, pageSize = Infinity, ignoreFilter = false } = this.unkindness
    const [text, fromText] = (input.NextToken ?? ':').split(':')
    const begin = Number(text)
    const fromMs = input.NextToken === undefined ? input.ShardFilter?.Timestamp?.getTime() : Number(fromText || -1)
    const now = this.clock.now()
    const listed = this.shards.filter(
      ({ createdMs, closedMs }) =>
        createdMs + listingDelayMs <= Math.max(now, this.createdAtMs + listingDelayMs) &&
        (ignoreFilter || fromMs === undefined || closedMs === undefined || closedMs >= fromMs),
    )
    const page = listed.slice(begin, begin + pageSize)
    const more = begin + pageSize < listed.length
    return { Shards: page.map(toSdkShard), ...(more ? { NextToken: `${begin + pageSize}:${fromMs ?? ''}` } : {}) }
  }

  private iterator(input: {
    ShardId?: string
    ShardIteratorType?: string
    StartingSequenceNumber?: string
    Timestamp?: Date
  }): string {
    const shard = this.shards.find(({ id }) => id === input.ShardId)
    if (shard === undefined) throw failure('ResourceNotFoundException')
    return `${shard.id}/${this.indexOf(shard, input)}/${this.clock.now()}`
  }

  private indexOf(
    shard: SimulatedShard,
    input: { ShardIteratorType?: string; StartingSequenceNumber?: string; Timestamp?: Date },
  ): number {
    const { records, trimmed } = shard
    const at = (found: number): number => Math.max(trimmed, found < 0 ? records.length : found)
    switch (input.ShardIteratorType) {
      case 'TRIM_HORIZON':
        return trimmed
      case 'LATEST':
        return records.length
      case 'AT_TIMESTAMP': {
        const fromMs = input.Timestamp!.getTime()
        if (fromMs > this.clock.now()) throw failure('InvalidArgumentException')
        return at(records.findIndex(({ arrivalMs }) => arrivalMs >= fromMs))
      }
      default: {
        const wanted = BigInt(input.StartingSequenceNumber!)
        const after = input.ShardIteratorType === 'AFTER_SEQUENCE_NUMBER'
        const oldest = records[trimmed]?.sequence ?? ALL_HASHES
        if (this.refuseTrimmed && wanted < oldest) throw failure('InvalidArgumentException')
        return at(records.findIndex(({ sequence }) => (after ? sequence > wanted : sequence >= wanted)))
      }
    }
  }

  private getRecords(input: { ShardIterator?: string; Limit?: number }): GetRecordsOutput {
    const [id, index, madeMs] = input.ShardIterator!.split('/') as [string, string, string]
    const now = this.clock.now()
    const { throttle = 0, expireIterator = 0, empty = 0 } = this.unkindness
    if (now - Number(madeMs) > ITERATOR_LIFE_MS || this.random() < expireIterator) {
      throw failure('ExpiredIteratorException')
    }
    const shard = this.shard(id)
    shard.calls = [...shard.calls.filter((atMs) => atMs > now - 1_000), now]
    if (shard.calls.length > 5 || this.random() < throttle) throw failure('ProvisionedThroughputExceededException')
    return this.answer(shard, Math.max(Number(index), shard.trimmed), input.Limit ?? 10_000, this.random() < empty)
  }

  /** At once while there are records, else every five seconds, for five minutes. */
  private async *events(input: {
    ShardId?: string
    StartingPosition?: { Type?: string; SequenceNumber?: string; Timestamp?: Date }
  }): AsyncGenerator<SubscribeToShardEventStream, undefined> {
    const { Type, SequenceNumber, Timestamp } = input.StartingPosition!
    const at = { ShardIteratorType: Type, StartingSequenceNumber: SequenceNumber, Timestamp }
    let index = Number(this.iterator({ ShardId: input.ShardId, ...at } as never).split('/')[1])
    const endMs = this.clock.now() + ITERATOR_LIFE_MS
    while (this.clock.now() < endMs) {
      const shard = this.shard(input.ShardId!)
      const answer = this.answer(shard, index, 5, false)
      const records = answer.Records ?? []
      index += records.length
      const last = records.at(-1)?.SequenceNumber
      const continuation = index < shard.records.length ? (last ?? String(shard.startSequence)) : String(this.sequence)
      yield {
        SubscribeToShardEvent: {
          Records: records,
          MillisBehindLatest: answer.MillisBehindLatest,
          ContinuationSequenceNumber: answer.NextShardIterator === undefined ? undefined : continuation,
          ChildShards: answer.ChildShards,
        },
      }
      if (answer.NextShardIterator === undefined) return undefined
      if (index < shard.records.length) continue
      await new Promise<void>((resolve) => void this.clock.setTimeout(resolve, 5_000))
    }
    return undefined
  }

  private answer(shard: SimulatedShard, from: number, limit: number, empty: boolean): GetRecordsOutput {
    const now = this.clock.now()
    const records = empty ? [] : shard.records.slice(from, from + limit)
    const next = from + records.length
    const { hideChildren = false, lateEnd = false } = this.unkindness
    const atEnd = shard.closedMs !== undefined && next >= shard.records.length
    const ended = atEnd && !(lateEnd && records.length > 0)
    const unread = shard.records[next]
    return {
      Records: records.map(toSdkRecord),
      MillisBehindLatest: unread === undefined ? 0 : Math.max(1, now - unread.arrivalMs),
      ...(ended ? {} : { NextShardIterator: `${shard.id}/${next}/${now}` }),
      ...(ended && !hideChildren ? { ChildShards: this.childrenOf(shard.id) } : {}),
    }
  }

  private childrenOf(id: string): ChildShard[] {
    return this.shards
      .filter(({ parents }) => parents.includes(id))
      .map((child) => ({
        ShardId: child.id,
        ParentShards: [...child.parents],
        HashKeyRange: { StartingHashKey: String(child.first), EndingHashKey: String(child.last) },
      }))
  }

  private shard(id: string): SimulatedShard {
    const shard = this.shards.find((one) => one.id === id)
    if (shard === undefined) throw failure('ResourceNotFoundException')
    return shard
  }

  private addShard(parents: readonly string[], first: bigint, last: bigint): void {
    this.shards.push({
      id: `shardId-${String(this.made++).padStart(12, '0')}`,
      parents,
      first,
      last,
      createdMs: this.clock.now(),
      startSequence: this.nextSequence(),
      records: [],
      trimmed: 0,
      closedMs: undefined,
      calls: [],
    })
  }

  private made = 0

  private nextSequence(): bigint {
    this.sequence += BigInt(1 + Math.floor(this.random() * 3))
    return this.sequence
  }

  /** Time passes: what is older than the stream keeps is gone, and so are closed shards of which nothing is left. */
  expire(): void {
    const horizonMs = this.clock.now() - this.retentionHours * HOUR_MS
    for (const shard of [...this.shards]) {
      while (shard.trimmed < shard.records.length && shard.records[shard.trimmed]!.arrivalMs < horizonMs)
        shard.trimmed++
      if (shard.closedMs !== undefined && shard.closedMs < horizonMs) this.remove(shard.id)
    }
  }
}

class SimulatedStream extends KinesisStream {
  private readonly simulated: KinesisAccess

  constructor(nameOrArn: string, kinesis: SimulatedKinesis) {
    super(nameOrArn, { region: 'eu-west-1' })
    const client = { send: (command: never) => kinesis.send(command) } as unknown as KinesisClient
    this.simulated = { sdk, client, region: 'eu-west-1' }
  }

  override access(): Promise<KinesisAccess> {
    return Promise.resolve(this.simulated)
  }
}

/** An error as the SDK throws it. */
export function failure(name: string, httpStatusCode = 400): Error {
  return Object.assign(new Error(name), { name, $metadata: { httpStatusCode } })
}

export function hashOf(partitionKey: string): bigint {
  return BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`)
}

function contains(first: bigint, last: bigint, hash: bigint): boolean {
  return first <= hash && hash <= last
}

function toSdkRecord({ sequence, partitionKey, data, arrivalMs }: Stored): _Record {
  return {
    SequenceNumber: String(sequence),
    PartitionKey: partitionKey,
    Data: data,
    ApproximateArrivalTimestamp: new Date(arrivalMs),
  }
}

function toSdkShard({ id, parents, first, last, startSequence }: SimulatedShard): Shard {
  return {
    ShardId: id,
    ...(parents[0] === undefined ? {} : { ParentShardId: parents[0] }),
    ...(parents[1] === undefined ? {} : { AdjacentParentShardId: parents[1] }),
    HashKeyRange: { StartingHashKey: String(first), EndingHashKey: String(last) },
    SequenceNumberRange: { StartingSequenceNumber: String(startSequence) },
  }
}
