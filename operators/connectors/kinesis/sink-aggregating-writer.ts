import type { SinkWriter, SinkWriterContext } from '../../../runtime/contract/sink.js'
import { Refusal } from '../batching/batching-options.js'
import type { BatchingWriter } from '../batching/batching-writer.js'
import type { AggregateBuilder } from './aggregation/aggregate-builder.js'
import { type Aggregate, aggregateOf, hashKeyOfEntry, type Member } from './sink-aggregate.js'
import { entryBytes, type KinesisEntry } from './sink-entry.js'
import type { ShardMap } from './sink-shard-map.js'

/** How aggregates are filled. */
export interface FillOptions<T> {
  readonly encode: (value: T, timestamp: number) => KinesisEntry | Refusal
  readonly newBuilder: () => AggregateBuilder
  readonly maxBytes: number
  readonly maxRecords: number
  /** The stream's limit of a record. */
  readonly maxEntryBytes: number
  /** Open aggregates with more bytes than this are sent as they are. */
  readonly maxOpenBytes: number
  readonly lingerMs: number
  /** Undefined: only records of one key share an aggregate. */
  readonly shards: ShardMap | undefined
}

interface Open {
  readonly builder: AggregateBuilder
  readonly members: Member[]
  readonly shardId: string | undefined
}

/**
 * Fills aggregated records, one for each shard or for each key at a time, and hands them to a batching writer when they are full, after
 * the linger time, and at each barrier. Slot thread.
 */
export class AggregatingWriter<T> implements SinkWriter<T> {
  private readonly ctx: SinkWriterContext
  private readonly options: FillOptions<T>
  private readonly sender: BatchingWriter<Aggregate, Aggregate>
  private readonly open = new Map<string, Open>()
  private openBytes = 0
  private cancelLinger: (() => void) | undefined

  constructor(ctx: SinkWriterContext, options: FillOptions<T>, sender: BatchingWriter<Aggregate, Aggregate>) {
    this.ctx = ctx
    this.options = options
    this.sender = sender
  }

  write(value: T, timestamp: number): void {
    const { encode, shards, maxEntryBytes, maxBytes, maxRecords } = this.options
    const entry = encode(value, timestamp)
    if (entry instanceof Refusal) return this.ctx.reject(value, timestamp, entry.reason)
    const bytes = entryBytes(entry)
    if (bytes > maxEntryBytes) {
      return this.ctx.reject(value, timestamp, `${bytes} bytes, over the limit of ${maxEntryBytes} bytes`)
    }
    const hashKey = shards === undefined ? undefined : hashKeyOfEntry(entry)
    const shardId = hashKey === undefined ? undefined : shards!.shardOf(hashKey)
    const group = shardId ?? `${entry.explicitHashKey ?? ''} ${entry.partitionKey}`
    const open = this.open.get(group)
    if (open !== undefined && open.builder.bytesWith(entry) > maxBytes) this.seal(group, open)
    const filling = this.open.get(group) ?? this.start(group, shardId)
    this.openBytes += bytes
    filling.builder.add(entry)
    filling.members.push({ entry, value, timestamp, hashKey })
    if (filling.members.length >= maxRecords || filling.builder.bytes >= maxBytes) this.seal(group, filling)
    else this.cancelLinger ??= this.ctx.clock.setTimeout(() => this.lingered(), this.options.lingerMs)
  }

  busy(): Promise<void> | undefined {
    if (this.openBytes >= this.options.maxOpenBytes) this.sealAll()
    return this.sender.busy()
  }

  async flush(): Promise<void> {
    this.sealAll()
    await this.sender.flush()
  }

  async close(): Promise<void> {
    this.cancelLinger?.()
    await this.sender.close()
  }

  private start(group: string, shardId: string | undefined): Open {
    const open = { builder: this.options.newBuilder(), members: [], shardId }
    this.open.set(group, open)
    return open
  }

  private seal(group: string, { builder, members, shardId }: Open): void {
    this.open.delete(group)
    for (const { entry } of members) this.openBytes -= entryBytes(entry)
    this.sender.write(aggregateOf(members, builder, shardId), members.at(-1)!.timestamp)
  }

  private lingered(): void {
    try {
      this.sealAll()
    } catch {
      // The sender has failed: the next call of write, busy or flush says so.
    }
  }

  private sealAll(): void {
    this.cancelLinger?.()
    this.cancelLinger = undefined
    for (const [group, open] of this.open) this.seal(group, open)
  }
}
