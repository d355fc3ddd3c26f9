import { createHmac } from 'node:crypto'
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { MillraceError } from '../../../runtime/contract/errors.js'
import { durationMs } from '../../api/duration.js'
import { contentId } from '../batching/content-id.js'
import type { DynamoSdk } from './dynamo-table.js'
import { EXPIRES_AT, OWNER, type ClaimOptions } from './dedup-options.js'
import { itemBytes, MAX_ITEM_BYTES } from './item-size.js'

/** What a record asks of the table; made of the record alone. */
export interface Claim {
  /** The salted hash of its id. */
  readonly key: string
  readonly position: string
  /** 128 bits in hexadecimal digits: whose claim it is. */
  readonly owner: string
  readonly item: Record<string, AttributeValue>
  readonly bytes: number
  /** The record's time, epoch seconds: claims that ended before do not count. */
  readonly timeS: number
}

/** Why a record has no claim. */
export interface Unclaimable {
  readonly reason: string
}

/** Where claims are made: the operator. */
export interface ClaimPlace {
  readonly jobId: string
  readonly uid: string
}

/** Makes claims of records. MILLRACE_USER for a record without position or time: the job's functions are wrong then. */
export function claimMaker<T>(
  options: ClaimOptions<T>,
  { jobId, uid }: ClaimPlace,
  sdk: Pick<DynamoSdk, 'marshall'>,
): (record: T, timestamp: number) => Claim | Unclaimable {
  const { namespace = `${jobId}/${uid}`, partitionKey = 'pk' } = options
  const ttlMs = durationMs(options.ttl, '`ttl` of deduplicateByTransaction()')
  return (record, timestamp) => {
    const id = options.id(record)
    if (id === undefined || id === '') return { reason: 'has no id' }
    const position = positionOf(options.position(record))
    const timeMs = timeOf(options.time === undefined ? timestamp : options.time(record), position)
    const owner = contentId(jobId, uid, position)
    const key = hashOf(options.salt, namespace, id)
    let extra: Record<string, AttributeValue>
    try {
      extra = sdk.marshall(options.attributes?.(record) ?? {}, { removeUndefinedValues: true })
    } catch (error) {
      return { reason: `its attributes cannot be stored: ${error instanceof Error ? error.message : String(error)}` }
    }
    const item = {
      ...extra,
      [partitionKey]: { S: key },
      [OWNER]: { S: owner },
      [EXPIRES_AT]: { N: String(Math.ceil((timeMs + ttlMs) / 1_000)) },
    }
    const bytes = itemBytes(item)
    if (bytes > MAX_ITEM_BYTES) return { reason: `its item has ${bytes} bytes, over the limit of ${MAX_ITEM_BYTES}` }
    return { key, position, owner, item, bytes, timeS: Math.floor(timeMs / 1_000) }
  }
}

/** Numbers and texts that look the same are not. 256 bits. */
function hashOf(salt: string, namespace: string, id: string | number | bigint): string {
  const kind = typeof id === 'string' ? 's' : 'n'
  return createHmac('sha256', salt).update(`${namespace.length}:${namespace}${kind}:${id}`).digest('base64url')
}

function positionOf(position: unknown): string {
  if (typeof position === 'string' && position !== '') return position
  throw new MillraceError('MILLRACE_USER', '`position` of deduplicateByTransaction() gave no text', {
    hint: 'carry the place that a record was read from in the record: RawRecord.position() in a decoder',
  })
}

function timeOf(timeMs: number, position: string): number {
  if (Number.isFinite(timeMs)) return timeMs
  throw new MillraceError(
    'MILLRACE_USER',
    `the record at ${position} has no event time, so its claim would never end`,
    {
      hint: 'give the source a timestamp, or deduplicateByTransaction() a `time`',
    },
  )
}
