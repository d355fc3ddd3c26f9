import { awsErrorFacts } from '../../../runtime/aws/aws-errors.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { KinesisStream } from './kinesis-stream.js'
import { type Patience, persistently } from './persistently.js'
import type { FetchStart } from './shard-reader.js'
import type { ShardPosition } from './shard-split.js'

/** `fail`: the job fails. `trim-horizon`: it warns and goes on with the oldest record there is; those between are lost. */
export type OnExpiredPosition = 'fail' | 'trim-horizon'

const HOUR_MS = 3_600_000
/** Streams keep records at least so long. */
const LEAST_RETENTION_MS = 24 * HOUR_MS
/** The service's clock and those of the machines that read, and the time that an answer takes. */
const CLOCKS_APART_MS = 60_000

/** Where fetching starts so that a position can be told from one that has expired. */
export function startOf(position: ShardPosition): FetchStart {
  switch (position.at) {
    case 'horizon':
      return { type: 'TRIM_HORIZON' }
    case 'timestamp':
      return { type: 'AT_TIMESTAMP', timestampMs: position.timestampMs }
    // The record itself once more: if it does not come, it is not there any more. The service would not say so.
    case 'after':
    case 'within':
      return { type: 'AT_SEQUENCE_NUMBER', sequenceNumber: position.sequenceNumber }
    case 'continuation':
      return { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: position.sequenceNumber }
  }
}

/**
 * What makes a position doubtful: its record did not come, the service refuses it, it is so old that what is behind it may have been
 * dropped, or not even the shard's oldest record can be asked for.
 */
export type Doubt = 'absent' | 'refused' | 'age' | 'gone'

/** Everything that arrived before that time lies before the position: see {@link ShardPosition}. Epoch milliseconds; undefined: unknown. */
export function readToMsOf(position: ShardPosition): number | undefined {
  if (position.at === 'within') return position.arrivalMs
  const { readToMs } = position
  return position.at === 'after' ? Math.max(position.arrivalMs, readToMs ?? -Infinity) : readToMs
}

/** Whether what is behind the position may have been dropped by then, for all that is known without asking how long it is kept. */
export function isOld(position: ShardPosition, atMs: number): boolean {
  const readToMs = readToMsOf(position)
  // 0: of a service that does not tell when records arrived.
  return readToMs !== undefined && readToMs > 0 && isBeyondLeastRetention(readToMs, atMs)
}

/** Whether records of that time may not have been kept until `atMs`, whatever the stream. */
export function isBeyondLeastRetention(timeMs: number, atMs: number): boolean {
  return timeMs < atMs - LEAST_RETENTION_MS + CLOCKS_APART_MS
}

/**
 * Whether records behind a doubtful position may be lost. None is if everything from before the time to which records are kept had been
 * read, and the position's own record was dropped for its age. A record that should be kept and is not leaves no trust in the rest.
 */
export function isExpired(position: ShardPosition, horizonMs: number, doubt: Doubt): boolean {
  if (doubt === 'gone') return true
  if (doubt !== 'age') {
    if (position.at === 'within') return true
    if (position.at === 'after' && position.arrivalMs >= horizonMs) return true
  }
  return (readToMsOf(position) ?? Infinity) < horizonMs
}

/** Records that had arrived before that time may not have been kept at `atMs`. Epoch milliseconds. Rejects with one clear error. */
export async function horizonOf(stream: KinesisStream, atMs: number, patience: Patience): Promise<number> {
  try {
    const { retentionHours } = await persistently(() => stream.describe(), patience)
    return atMs - retentionHours * HOUR_MS + CLOCKS_APART_MS
  } catch (error) {
    throw stream.failure(error, 'kinesis:DescribeStreamSummary')
  }
}

/** The error of a position that has expired. `cause`: what the service said, if it said anything. */
export function expiredPosition(
  stream: KinesisStream,
  shardId: string,
  position: ShardPosition,
  cause?: unknown,
): MillraceError {
  const said = cause === undefined ? '' : ` (${awsErrorFacts(cause).name})`
  return new MillraceError(
    'MILLRACE_INPUT',
    `${stream.resource}: the position ${describePosition(position)} in ${shardId} has expired: the records behind it are not kept any more${said}`,
    {
      hint: "records are lost: start anew, or go on with the oldest ones by onExpiredPosition: 'trim-horizon' (onExpiredPosition=trim-horizon in a locator)",
    },
  )
}

function describePosition(position: ShardPosition): string {
  switch (position.at) {
    case 'horizon':
      return 'TRIM_HORIZON'
    case 'timestamp':
      return new Date(position.timestampMs).toISOString()
    case 'within':
      return `${position.sequenceNumber}:${position.subSequence}`
    default:
      return position.sequenceNumber
  }
}
