import { setTimeout as sleep } from 'node:timers/promises'
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordsCommand,
  type Shard,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { clientFor } from './emulators/aws-env.js'

/** A record of a stream, as it was read back. */
export interface StreamRecord {
  readonly data: string
  readonly partitionKey: string
  readonly shard: string
  readonly sequenceNumber: string
}

/** A record to put. */
export interface NewRecord {
  readonly data: string
  readonly key: string
}

const PUT_AT_ONCE = 200

/** A stream of an emulator, as a test sees it. */
export class TestStream {
  readonly name: string
  readonly client: KinesisClient

  private constructor(name: string, client: KinesisClient) {
    this.name = name
    this.client = client
  }

  /** Creates it and waits until it is ACTIVE. */
  static async create(emulator: { readonly endpoint: string }, name: string, shards = 1): Promise<TestStream> {
    // HTTP/1.1: every emulator speaks it.
    const client = new KinesisClient({ ...clientFor(emulator), requestHandler: new NodeHttpHandler() })
    await client.send(new CreateStreamCommand({ StreamName: name, ShardCount: shards }))
    const stream = new TestStream(name, client)
    await stream.#untilActive()
    return stream
  }

  async arn(): Promise<string> {
    const { StreamDescriptionSummary } = await this.client.send(
      new DescribeStreamSummaryCommand({ StreamName: this.name }),
    )
    return StreamDescriptionSummary?.StreamARN ?? ''
  }

  /** Puts records in order; throws if one is not accepted. */
  async put(records: readonly NewRecord[]): Promise<void> {
    for (let from = 0; from < records.length; from += PUT_AT_ONCE) {
      const { FailedRecordCount } = await this.client.send(
        new PutRecordsCommand({
          StreamName: this.name,
          Records: records
            .slice(from, from + PUT_AT_ONCE)
            .map(({ data, key }) => ({ Data: Buffer.from(data), PartitionKey: key })),
        }),
      )
      if (FailedRecordCount !== 0) throw new Error(`${FailedRecordCount} records were not accepted`)
    }
  }

  async shards(): Promise<Shard[]> {
    const { Shards = [] } = await this.client.send(new ListShardsCommand({ StreamName: this.name }))
    return Shards
  }

  /** Those that still take records, by the beginning of their range. */
  async openShards(): Promise<Shard[]> {
    const open = (await this.shards()).filter((shard) => shard.SequenceNumberRange?.EndingSequenceNumber === undefined)
    const start = ({ HashKeyRange }: Shard): bigint => BigInt(HashKeyRange?.StartingHashKey ?? 0)
    return open.sort((a, b) => (start(a) < start(b) ? -1 : 1))
  }

  /** Splits the open shard of that place in two. */
  async split(place = 0): Promise<void> {
    const shard = (await this.openShards())[place]!
    const { StartingHashKey = '0', EndingHashKey = '0' } = shard.HashKeyRange ?? {}
    const middle = (BigInt(StartingHashKey) + BigInt(EndingHashKey)) / 2n + 1n
    await this.client.send(
      new SplitShardCommand({ StreamName: this.name, ShardToSplit: shard.ShardId, NewStartingHashKey: String(middle) }),
    )
    await this.#untilActive()
  }

  /** Merges the open shard of that place with the one behind it. */
  async merge(place = 0): Promise<void> {
    const open = await this.openShards()
    await this.client.send(
      new MergeShardsCommand({
        StreamName: this.name,
        ShardToMerge: open[place]?.ShardId,
        AdjacentShardToMerge: open[place + 1]?.ShardId,
      }),
    )
    await this.#untilActive()
  }

  /** All records so far, shard by shard in order. */
  async read(): Promise<StreamRecord[]> {
    const records: StreamRecord[] = []
    for (const { ShardId: shard = '' } of await this.shards()) {
      const { ShardIterator } = await this.client.send(
        new GetShardIteratorCommand({
          StreamName: this.name,
          ShardId: shard,
          ShardIteratorType: 'TRIM_HORIZON',
        }),
      )
      let iterator = ShardIterator
      while (iterator !== undefined) {
        const {
          Records = [],
          NextShardIterator,
          MillisBehindLatest,
        } = await this.client.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 10_000 }))
        for (const { Data, PartitionKey = '', SequenceNumber = '' } of Records) {
          records.push({
            data: Buffer.from(Data ?? []).toString(),
            partitionKey: PartitionKey,
            shard,
            sequenceNumber: SequenceNumber,
          })
        }
        iterator = Records.length === 0 && MillisBehindLatest === 0 ? undefined : NextShardIterator
      }
    }
    return records
  }

  async #untilActive(): Promise<void> {
    for (;;) {
      const { StreamDescriptionSummary } = await this.client.send(
        new DescribeStreamSummaryCommand({ StreamName: this.name }),
      )
      if (StreamDescriptionSummary?.StreamStatus === 'ACTIVE') return
      await sleep(20)
    }
  }
}
