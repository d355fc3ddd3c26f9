import type { SinkWriter, SinkWriterContext } from '../../../runtime/contract/sink.js'
import type { BatchingOptions, SendOutcome } from '../batching/batching-options.js'
import { BatchingWriter } from '../batching/batching-writer.js'
import { requestRefusal } from '../batching/request-refusal.js'
import { tuned } from '../batching/tuned-limits.js'
import type { AggregateBuilder } from './aggregation/aggregate-builder.js'
import type { KinesisStream } from './kinesis-stream.js'
import { type Aggregate, aggregateOf, misplaced } from './sink-aggregate.js'
import { AggregatingWriter } from './sink-aggregating-writer.js'
import { entryBytes, entryEncoder, type KinesisEntry } from './sink-entry.js'
import type { AggregateOptions, KinesisSinkOptions } from './sink-options.js'
import { ShardMap } from './sink-shard-map.js'
import { putRecords, type PutOutcome, type StreamLimits, streamLimits } from './sink-stream.js'

/** PutRecords refuses a whole request for the sake of a record in it. */
const REFUSED_REQUESTS = ['InvalidArgumentException', 'ValidationException']
const DEFAULT_AGGREGATE_BYTES = 51_200
const DEFAULT_LINGER_MS = 100
const DEFAULT_BUFFERED_BYTES = 32 * 1024 * 1024

/** Opens a sink's writer in one subtask. Rejects with MILLRACE_OUTPUT if the stream cannot be described. */
export async function openWriter<T>(
  stream: KinesisStream,
  options: KinesisSinkOptions<T>,
  ctx: SinkWriterContext,
): Promise<SinkWriter<T>> {
  try {
    const limits = await streamLimits(stream, ctx.clock, options.random ?? Math.random)
    const { region } = await stream.access()
    const { aggregate = false } = options
    if (aggregate === false) return plainWriter(stream, region, limits, options, ctx)
    return await aggregatingWriter(stream, region, limits, options, aggregate === true ? {} : aggregate, ctx)
  } catch (error) {
    await stream.close()
    throw error
  }
}

/** What both writers tell the batching mechanism. */
function common<T, Entry extends KinesisEntry>(
  stream: KinesisStream,
  region: string,
  limits: StreamLimits,
  options: KinesisSinkOptions<T>,
): Omit<BatchingOptions<never, Entry>, 'encode' | 'send'> {
  const { ordered = false, random } = options
  return {
    about: { code: 'MILLRACE_OUTPUT', resource: stream.resource, region, permission: 'kinesis:PutRecords' },
    ...tuned(limits, options),
    sizeOf: entryBytes,
    refusalOf: requestRefusal(REFUSED_REQUESTS),
    ...(ordered ? { orderKey: ({ partitionKey }: Entry) => partitionKey } : {}),
    ...(random === undefined ? {} : { random }),
    close: () => stream.close(),
  }
}

function plainWriter<T>(
  stream: KinesisStream,
  region: string,
  limits: StreamLimits,
  options: KinesisSinkOptions<T>,
  ctx: SinkWriterContext,
): BatchingWriter<T, KinesisEntry> {
  return new BatchingWriter<T, KinesisEntry>(ctx, {
    ...common<T, KinesisEntry>(stream, region, limits, options),
    encode: entryEncoder(options, ctx),
    send: async (entries, signal) => (await putRecords(stream, entries, signal)).map(({ outcome }) => outcome),
  })
}

async function aggregatingWriter<T>(
  stream: KinesisStream,
  region: string,
  limits: StreamLimits,
  options: KinesisSinkOptions<T>,
  { maxBytes = DEFAULT_AGGREGATE_BYTES, maxRecords = Infinity }: AggregateOptions,
  ctx: SinkWriterContext,
): Promise<AggregatingWriter<T>> {
  const { AggregateBuilder: Builder } = await import('./aggregation/aggregate-builder.js')
  const { ordered = false, random = Math.random, lingerMs = DEFAULT_LINGER_MS, maxBufferedBytes } = options
  const shards = ordered ? undefined : new ShardMap(stream, ctx.clock, random)
  await shards?.refresh().catch((error: unknown) => {
    throw stream.failure(error, 'kinesis:ListShards')
  })
  const base = common<T, Aggregate>(stream, region, limits, { ...options, lingerMs: lingerMs / 2 })
  const sender = new BatchingWriter<Aggregate, Aggregate>(ctx, {
    ...base,
    encode: (aggregate) => aggregate,
    countOf: ({ count }) => count,
    send: async (entries, signal) => {
      const outcomes = await putRecords(stream, entries, signal)
      return Promise.all(outcomes.map((put, i) => placed(put, entries[i]!, shards, () => new Builder())))
    },
    reject: (_entry, { members }, _timestamp, reason) => {
      for (const { value, timestamp } of members) ctx.reject(value, timestamp, reason)
    },
  })
  const fill = {
    encode: entryEncoder(options, ctx),
    newBuilder: () => new Builder(),
    // Room for the partition key of the whole.
    maxBytes: Math.min(maxBytes, limits.maxEntryBytes - 1024),
    maxRecords,
    maxEntryBytes: limits.maxEntryBytes,
    maxOpenBytes: (maxBufferedBytes ?? DEFAULT_BUFFERED_BYTES) / 2,
    lingerMs: lingerMs / 2,
    shards,
  }
  return new AggregatingWriter(ctx, fill, sender)
}

/**
 * After a split an aggregate can land in a shard that is not that of all its members: consumers drop the others, so they are sent again,
 * as the Kinesis Producer Library does.
 */
async function placed(
  { outcome, shardId }: PutOutcome,
  aggregate: Aggregate,
  shards: ShardMap | undefined,
  newBuilder: () => AggregateBuilder,
): Promise<SendOutcome<Aggregate>> {
  const { members, count, shardId: expected } = aggregate
  if (outcome.kind !== 'delivered' || shards === undefined || members.length === 1 || shardId === undefined)
    return outcome
  if (shardId === expected) return outcome
  if (shards.rangeOf(shardId) === undefined) await shards.refresh()
  const range = shards.rangeOf(shardId)
  const rest = misplaced(members, range)
  if (rest.length === 0) return outcome
  const builder = newBuilder()
  for (const { entry } of rest) builder.add(entry)
  const next = shards.shardOf(rest[0]!.hashKey!)
  return {
    kind: 'retry',
    reason: 'the shards have changed',
    entry: aggregateOf(rest, builder, next, count),
    throttled: false,
    failed: range === undefined,
  }
}
