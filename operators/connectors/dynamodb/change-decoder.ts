import type { Decoder, RawRecord } from '../../../runtime/contract/source.js'
import { isLossless, NOT_UTF8 } from '../../formats/raw-text.js'
import { attributeReader, type AttributeReader, type NumberForm, type PlainItem } from './attribute-reader.js'

/** A change of a table, as plain values. */
export interface DynamoDbChange {
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE'
  /** Where the record has one. A change may come more than once, with the same id, time and images: deduplicate where that matters. */
  readonly eventId?: string
  readonly tableName?: string
  readonly keys: PlainItem
  /** The item after the change; not there if it was removed, or the stream's view has no such images. */
  readonly newImage?: PlainItem
  readonly oldImage?: PlainItem
  /** When the change was made, epoch milliseconds; microseconds are rounded down. Nearly: changes of one item may have equal times. */
  readonly timeMs: number
  /** The same in epoch microseconds, where the table's destination is set to them; else `timeMs * 1000`. */
  readonly timeMicros: number
  /** Removed by the table's time to live, not by a request. */
  readonly expired: boolean
}

/** What {@link dynamoDbChanges} does with what it finds. */
export interface DynamoDbChangesOptions {
  /** How numbers come. Default `exact`. */
  readonly numbers?: NumberForm
}

const EVENTS = ['INSERT', 'MODIFY', 'REMOVE'] as const
const PRECISIONS = [undefined, 'MILLISECOND', 'MICROSECOND']
/** The furthest a JavaScript date goes. */
const MAX_TIME_MS = 8.64e15

/**
 * Decodes the records that DynamoDB writes to a table's Kinesis destination: one JSON text for each change. Sets come as arrays and
 * binary values as bytes; what is no such record goes to the source's `invalid` output, blank lines are
 * skipped.
 */
export function dynamoDbChanges(options: DynamoDbChangesOptions = {}): Decoder<RawRecord, DynamoDbChange> {
  const reader = attributeReader(options.numbers ?? 'exact')
  return {
    decode(raw, out) {
      const text = raw.text()
      if (text.trim() === '') return
      let change: unknown
      try {
        change = JSON.parse(text)
      } catch {
        return out.invalid(isLossless(raw, text) ? 'not JSON' : NOT_UTF8)
      }
      if (!isLossless(raw, text)) return out.invalid(NOT_UTF8)
      try {
        out.emit(changeOf(change, reader))
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        out.invalid(error.message)
      }
    },
  }
}

function changeOf(change: unknown, reader: AttributeReader): DynamoDbChange {
  const eventName = EVENTS.find((name) => name === field(change, 'eventName'))
  if (eventName === undefined) throw new RangeError('eventName is not INSERT, MODIFY or REMOVE')
  const dynamodb = field(change, 'dynamodb')
  const image = (name: string): PlainItem | undefined => {
    const found = field(dynamodb, name)
    return found === undefined || found === null ? undefined : imageOf(found, name, reader)
  }
  const keys = image('Keys')
  if (keys === undefined) throw new RangeError('dynamodb.Keys is missing')
  const [newImage, oldImage] = [image('NewImage'), image('OldImage')]
  const [eventId, tableName] = [field(change, 'eventID'), field(change, 'tableName')]
  return {
    eventName,
    ...(typeof eventId === 'string' ? { eventId } : {}),
    ...(typeof tableName === 'string' ? { tableName } : {}),
    keys,
    ...(newImage === undefined ? {} : { newImage }),
    ...(oldImage === undefined ? {} : { oldImage }),
    ...timeOf(dynamodb),
    expired: field(field(change, 'userIdentity'), 'principalId') === 'dynamodb.amazonaws.com',
  }
}

function imageOf(attributes: unknown, name: string, reader: AttributeReader): PlainItem {
  try {
    return reader.item(attributes as Record<string, unknown>)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new RangeError(error.message.replace(/^item/, `dynamodb.${name}`))
  }
}

function timeOf(dynamodb: unknown): Pick<DynamoDbChange, 'timeMs' | 'timeMicros'> {
  const precision = field(dynamodb, 'ApproximateCreationDateTimePrecision')
  if (!PRECISIONS.includes(precision as string | undefined)) {
    throw new RangeError('dynamodb.ApproximateCreationDateTimePrecision is not MILLISECOND or MICROSECOND')
  }
  const micros = precision === 'MICROSECOND'
  const time = field(dynamodb, 'ApproximateCreationDateTime')
  if (typeof time === 'number' && Number.isSafeInteger(time)) {
    const timeMs = micros ? Math.floor(time / 1_000) : time
    if (Math.abs(timeMs) <= MAX_TIME_MS) return { timeMs, timeMicros: micros ? time : time * 1_000 }
  }
  const unit = micros ? 'microseconds' : 'milliseconds'
  throw new RangeError(`dynamodb.ApproximateCreationDateTime is not a whole number of ${unit}`)
}

/** A field of its own of an object; undefined if there is none. */
function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}
