import type { PutEventsRequestEntry } from '@aws-sdk/client-eventbridge'
import { Refusal } from '../batching/batching-options.js'
import { textPayloadEncoder } from '../batching/text-payload.js'
import type { EventBridgeSinkOptions } from './eventbridge-options.js'

const TIME_BYTES = 14
/** Beyond it there is no date. */
const LAST_DATE_MS = 8.64e15

/** An event, without its bus. */
export type EventEntry = PutEventsRequestEntry & {
  readonly Source: string
  readonly DetailType: string
  readonly Detail: string
}

/** Makes events of values. */
export function entryEncoder<T>(
  options: EventBridgeSinkOptions<T>,
  job: { readonly jobId: string; readonly uid: string },
): (value: T, timestamp: number) => EventEntry | Refusal {
  const encode = textPayloadEncoder(options, job)
  const { source, detailType, resources, time = eventTime } = options
  return (value, timestamp) => {
    const detail = encode(value, timestamp)
    if (detail instanceof Refusal) return detail
    if (!detail.trimStart().startsWith('{')) return new Refusal('the detail is no JSON object')
    const at = time(value, timestamp)
    const about = resources?.(value, timestamp)
    const from = typeof source === 'function' ? source(value, timestamp) : source
    const what = typeof detailType === 'function' ? detailType(value, timestamp) : detailType
    if (from === '' || what === '') return new Refusal(`the event's ${from === '' ? 'source' : 'detail type'} is empty`)
    return {
      Source: from,
      DetailType: what,
      Detail: detail,
      ...(at === undefined || !(Math.abs(at) <= LAST_DATE_MS) ? {} : { Time: new Date(at) }),
      ...(about === undefined ? {} : { Resources: [...about] }),
    }
  }
}

function eventTime(_value: unknown, timestamp: number): number {
  return timestamp
}

/** An event's bytes as the service counts them (its guide: calculating PutEvents event entry size). */
export function entryBytes({ Source, DetailType, Detail, Time, Resources = [] }: EventEntry): number {
  const texts = [Source, DetailType, Detail, ...Resources]
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), Time === undefined ? 0 : TIME_BYTES)
}
