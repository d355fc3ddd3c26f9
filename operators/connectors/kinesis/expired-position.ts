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

/** The record that must come first after {@link startOf}; undefined if any may. */
export function expectedRecord(position: ShardPosition): string | undefined {
  return position.at === 'after' || position.at === 'within' ? position.sequenceNumber : undefined
}

/** Whether a position is so old that it must be judged before anything is read: no record shows whether it still holds. */
export function isSuspect(position: ShardPosition, nowMs: number): boolean {
  if (position.at === 'within' || position.at === 'after') return false
  return position.readToMs !== undefined && position.readToMs < nowMs - LEAST_RETENTION_MS
}

/**
 * Whether records behind a position may be lost: it is suspect, its record is not there, or the service refuses it (`refused`). Nothing is
 * if the shard was read to its tip within the time that records are kept, and the record was only dropped for its age.
 */
export function isExpired(position: ShardPosition, horizonMs: number, refused: boolean): boolean {
  if (position.at === 'within') return true
  if (position.at !== 'after') return refused || position.readToMs === undefined || position.readToMs < horizonMs
  const tooYoung = position.arrivalMs >= horizonMs
  return tooYoung || position.readToMs === undefined || position.readToMs < horizonMs
}

/** Records that arrived before that time are not kept any more. Epoch milliseconds. Rejects with one clear error. */
export async function horizonOf(stream: KinesisStream, patience: Patience): Promise<number> {
  try {
    const { retentionHours } = await persistently(() => stream.describe(), patience)
    return patience.clock.now() - retentionHours * HOUR_MS
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
