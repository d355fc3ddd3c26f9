// A source of shards whose records are aggregates of several: the reader of Kinesis shards over a shard in memory.
import type { _Record } from '@aws-sdk/client-kinesis'
import type { UserRecord } from '../../operators/connectors/kinesis/aggregation/deaggregate.js'
import type { KinesisRecord } from '../../operators/connectors/kinesis/kinesis-record.js'
import type { FetchStart, ShardFetcher } from '../../operators/connectors/kinesis/shard-reader.js'
import type { ShardSplit } from '../../operators/connectors/kinesis/shard-split.js'
import { ShardSplitReader, type ShardHost } from '../../operators/connectors/kinesis/shard-split-reader.js'
import { MillraceError } from '../../runtime/contract/errors.js'
import type { Source } from '../../runtime/contract/source.js'
import type { Clock } from '../../runtime/contract/time.js'

const MAGIC = Buffer.from([0xf3, 0x89, 0x9a, 0xc2])
const RECORDS_A_BATCH = 3
const ANSWER_MS = 3
const ARRIVED_MS = 1_600_000_000_000

/** Of each shard its aggregates, of each aggregate its values; each value becomes a record. */
export function aggregatesOf<T>(
  shards: readonly (readonly (readonly T[])[])[],
): Source<KinesisRecord, ShardSplit, null> {
  const stored = shards.map((aggregates) => aggregates.map(recordOf))
  return {
    name: 'aggregates',
    bounded: true,
    describe: `aggregates:${shards.length}`,
    createEnumerator: (ctx) => ({
      start(restored) {
        if (restored === undefined) {
          stored.forEach((_, n) => ctx.assignSplits(n % ctx.parallelism, [{ id: String(n), split: firstSplit(n) }]))
        }
        ctx.signalNoMoreSplits()
      },
      snapshotState: () => null,
    }),
    createReader: ({ clock }) => ({
      openSplit: ({ split }) => new ShardSplitReader(split, hostOf(stored, clock)),
    }),
  }
}

/** The values of a record as `aggregatesOf` made it. */
export function valueIn<T>({ bytes }: KinesisRecord): T {
  return JSON.parse(Buffer.from(bytes).toString()) as T
}

function firstSplit(n: number): ShardSplit {
  return { shardId: String(n), firstHash: '0', lastHash: '0', position: { at: 'horizon' } }
}

function recordOf(values: readonly unknown[], n: number): _Record {
  return {
    SequenceNumber: String(n + 1),
    PartitionKey: 'any',
    Data: Buffer.concat([MAGIC, Buffer.from(JSON.stringify(values))]),
    ApproximateArrivalTimestamp: new Date(ARRIVED_MS + n),
  }
}

function usersOf(data: Uint8Array): readonly UserRecord[] {
  const values = JSON.parse(Buffer.from(data.subarray(MAGIC.length)).toString()) as unknown[]
  return values.map((value, subSequence) => ({
    data: Buffer.from(JSON.stringify(value)),
    partitionKey: 'any',
    subSequence,
  }))
}

function hostOf(stored: readonly (readonly _Record[])[], clock: Clock): ShardHost {
  return {
    streamName: 'aggregates',
    deaggregate: usersOf,
    now: () => clock.now(),
    fetch: (shardId, start) => fetcherOf(stored[Number(shardId)]!, start, clock),
    lagOf: () => ({ behindMs: NaN, sinceMs: undefined }),
    judge: (_split, position) =>
      Promise.reject(new MillraceError('MILLRACE_INPUT', `the position ${JSON.stringify(position)} is doubted`)),
    closed: () => undefined,
  }
}

function fetcherOf(records: readonly _Record[], start: FetchStart, clock: Clock): ShardFetcher {
  let next = indexOf(records, start)
  let first = true
  let waited = false
  return {
    take() {
      if (!waited || next > records.length) return undefined
      const batch = records.slice(next, next + RECORDS_A_BATCH)
      const at = { atMs: clock.now(), saidMs: clock.now(), ...(first ? { start } : {}) }
      next += RECORDS_A_BATCH
      waited = first = false
      return { records: batch, ...at, ...(next >= records.length ? { end: { children: [] } } : {}) }
    },
    async ready() {
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, ANSWER_MS))
      waited = true
    },
    close: () => undefined,
  }
}

function indexOf(records: readonly _Record[], start: FetchStart): number {
  switch (start.type) {
    case 'TRIM_HORIZON':
      return 0
    case 'AT_SEQUENCE_NUMBER':
      return Number(start.sequenceNumber) - 1
    case 'AFTER_SEQUENCE_NUMBER':
      return Number(start.sequenceNumber)
    case 'AT_TIMESTAMP':
      return records.findIndex((record) => record.ApproximateArrivalTimestamp!.getTime() >= start.timestampMs)
  }
}
