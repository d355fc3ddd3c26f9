import type { Clock } from '../../../runtime/contract/time.js'
import type { SendOutcome } from '../batching/batching-options.js'
import { DELIVERED } from '../batching/batching-options.js'
import { KinesisStream } from './kinesis-stream.js'
import { persistently } from './persistently.js'
import type { KinesisEntry } from './sink-entry.js'
import type { KinesisSinkOptions } from './sink-options.js'

const KIB = 1024
const MIB = 1024 * KIB
const MOST_RECORDS = 500
const ATTEMPTS = 10

/** What a stream takes. */
export interface StreamLimits {
  readonly maxEntries: number
  readonly maxEntryBytes: number
  readonly maxRequestBytes: number
}

/** What became of a record, and the shard it went to. */
export interface PutOutcome {
  readonly outcome: SendOutcome<never>
  readonly shardId: string | undefined
}

/** The stream that a sink writes to. */
export function sinkStream(options: Pick<KinesisSinkOptions<never>, 'stream' | 'aws'>): KinesisStream {
  return new KinesisStream(options.stream, options.aws ?? {}, 'MILLRACE_OUTPUT')
}

/**
 * The limits of this stream: records of 1 MiB, or of what it was set to (UpdateMaxRecordSize, to 10 MiB). Where the service knows large
 * records a request has 10 MiB, else 5. Keys count.
 */
export async function streamLimits(stream: KinesisStream, clock: Clock, random: () => number): Promise<StreamLimits> {
  try {
    const { sdk, client } = await stream.access()
    const describe = new sdk.DescribeStreamSummaryCommand(stream.target)
    const answer = await persistently(() => client.send(describe), { clock, random, attempts: ATTEMPTS })
    const recordKiB = answer.StreamDescriptionSummary?.MaxRecordSizeInKiB
    return {
      maxEntries: MOST_RECORDS,
      maxEntryBytes: (recordKiB ?? KIB) * KIB,
      maxRequestBytes: recordKiB === undefined ? 5 * MIB : 10 * MIB,
    }
  } catch (error) {
    throw stream.failure(error, 'kinesis:DescribeStreamSummary')
  }
}

/** One PutRecords: an outcome for each record. */
export async function putRecords(
  stream: KinesisStream,
  entries: readonly KinesisEntry[],
  signal: AbortSignal,
): Promise<readonly PutOutcome[]> {
  const { sdk, client } = await stream.access()
  const put = new sdk.PutRecordsCommand({
    ...stream.target,
    Records: entries.map(({ data, partitionKey, explicitHashKey }) => ({
      Data: data,
      PartitionKey: partitionKey,
      ...(explicitHashKey === undefined ? {} : { ExplicitHashKey: explicitHashKey }),
    })),
  })
  const { Records: answers = [] } = await client.send(put, { abortSignal: signal })
  return answers.map(({ ErrorCode: code = '', ShardId: shardId }) => ({
    // ProvisionedThroughputExceededException or InternalFailure: both pass.
    outcome: code === '' ? DELIVERED : { kind: 'retry', reason: code },
    shardId,
  }))
}
