import type { LineDecoder } from './decode-lines.js'
import { isDynamoNumber } from './dynamo-number.js'
import { field } from './json-field.js'
import { isWellFormed } from './well-formed.js'

/** A turbine's wind speed, as a change of the table says it. */
export interface TurbineReading {
  readonly turbineID: string
  /** The number as DynamoDB wrote it: nothing is lost. */
  readonly speed: string
  /** When the change was made, epoch milliseconds. */
  readonly time: number
  /** The record as it came; only where somebody wants to see it. */
  readonly line?: string
}

/** Neither a reading nor wrong: a blank line, or an item that was removed. */
export const SKIPPED = 'skipped'

/** Why a text is no reading; the words are the reason in the invalid output. */
export interface Refusal {
  readonly reason: string
}

/** The furthest a JavaScript date goes, in milliseconds: windows around it still have exact bounds. */
const MAX_TIME_MS = 8.64e15

/**
 * Decodes the data of the records that DynamoDB writes to Kinesis: one JSON text for each change of the table. What is no change of a
 * turbine's item goes to the invalid output.
 */
export function turbineReading({ keepLine }: { keepLine: boolean }): LineDecoder<TurbineReading> {
  return (line, out) => {
    const reading = parseReading(line)
    if (reading === SKIPPED) return
    if ('reason' in reading) out.invalid(reading.reason)
    else out.emit(keepLine ? { ...reading, line } : reading)
  }
}

/** The reading in a change record. */
export function parseReading(line: string): TurbineReading | typeof SKIPPED | Refusal {
  let change: unknown
  try {
    change = JSON.parse(line)
  } catch {
    return line.trim() === '' ? SKIPPED : { reason: 'not JSON' }
  }
  const eventName = field(change, 'eventName')
  if (eventName === 'REMOVE') return SKIPPED
  if (eventName !== 'INSERT' && eventName !== 'MODIFY') return { reason: 'eventName is not INSERT, MODIFY or REMOVE' }

  const dynamodb = field(change, 'dynamodb')
  const image = field(dynamodb, 'NewImage')
  const turbineID = field(field(image, 'deviceID'), 'S')
  if (typeof turbineID !== 'string') return { reason: 'dynamodb.NewImage.deviceID.S is not a string' }
  if (!isWellFormed(turbineID)) return { reason: 'dynamodb.NewImage.deviceID.S has half of a surrogate pair' }

  const speed = field(field(image, 'value'), 'N')
  if (typeof speed !== 'string' || !isDynamoNumber(speed)) {
    return { reason: 'dynamodb.NewImage.value.N is not a number of DynamoDB' }
  }
  const time = changeTime(field(dynamodb, 'ApproximateCreationDateTime'), dynamodb)
  if (typeof time !== 'number') return time
  return { turbineID, speed, time }
}

/** Epoch milliseconds, whole; microseconds are rounded down. */
function changeTime(time: unknown, dynamodb: unknown): number | Refusal {
  const precision = field(dynamodb, 'ApproximateCreationDateTimePrecision')
  if (precision !== undefined && precision !== 'MILLISECOND' && precision !== 'MICROSECOND') {
    return { reason: 'dynamodb.ApproximateCreationDateTimePrecision is not MILLISECOND or MICROSECOND' }
  }
  if (typeof time === 'number' && Number.isSafeInteger(time)) {
    const timeMs = precision === 'MICROSECOND' ? Math.floor(time / 1000) : time
    if (Math.abs(timeMs) <= MAX_TIME_MS) return timeMs
  }
  const unit = precision === 'MICROSECOND' ? 'microseconds' : 'milliseconds'
  return { reason: `dynamodb.ApproximateCreationDateTime is not a whole number of ${unit}` }
}
