import type { MessageAttributeValue, PublishBatchRequestEntry } from '@aws-sdk/client-sns'
import { Refusal } from '../batching/batching-options.js'
import { contentId } from '../batching/content-id.js'
import { textPayloadEncoder } from '../batching/text-payload.js'
import type { SnsAttribute, SnsSinkOptions } from './sns-options.js'

const FIFO_SUFFIX = '.fifo'

/** A message, without its place in a request. */
export type SnsEntry = Omit<PublishBatchRequestEntry, 'Id'> & { readonly Message: string }

/** FIFO topics are told by their names. */
export function isFifo(topic: string): boolean {
  return topic.endsWith(FIFO_SUFFIX)
}

/** Makes messages of values. */
export function entryEncoder<T>(
  options: SnsSinkOptions<T>,
  job: { readonly jobId: string; readonly uid: string },
): (value: T, timestamp: number) => SnsEntry | Refusal {
  const encode = textPayloadEncoder(options, job)
  const fifo = isFifo(options.topic)
  return (value, timestamp) => {
    const message = encode(value, timestamp)
    if (message instanceof Refusal) return message
    if (message === '') return new Refusal('the message is empty')
    const { subject, attributes, messageGroupId, deduplicationId } = options
    const title = typeof subject === 'function' ? subject(value, timestamp) : subject
    const group = typeof messageGroupId === 'function' ? messageGroupId(value, timestamp) : messageGroupId
    const given = attributes?.(value, timestamp)
    const entry: SnsEntry = {
      Message: message,
      ...(title === undefined ? {} : { Subject: title }),
      ...(group === undefined ? {} : { MessageGroupId: group }),
      ...(given === undefined ? {} : { MessageAttributes: attributesOf(given) }),
    }
    if (!fifo) return entry
    const id = deduplicationId?.(value, timestamp) ?? contentId(job.jobId, job.uid, timestamp, message)
    return { ...entry, MessageDeduplicationId: id }
  }
}

/** Bytes that count against the topic's limit: the message, its subject, and its attributes' names, types and values. */
export function entryBytes({ Message, Subject = '', MessageAttributes = {} }: SnsEntry): number {
  let bytes = Buffer.byteLength(Message) + Buffer.byteLength(Subject)
  for (const [name, { DataType = '', StringValue = '', BinaryValue }] of Object.entries(MessageAttributes)) {
    bytes += Buffer.byteLength(name) + DataType.length + Buffer.byteLength(StringValue) + (BinaryValue?.length ?? 0)
  }
  return bytes
}

function attributesOf(given: Readonly<Record<string, SnsAttribute>>): Record<string, MessageAttributeValue> {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, attributeOf(value)]))
}

function attributeOf(value: SnsAttribute): MessageAttributeValue {
  if (typeof value === 'string') return { DataType: 'String', StringValue: value }
  if (value instanceof Uint8Array) return { DataType: 'Binary', BinaryValue: Buffer.from(value) }
  if (typeof value === 'object') return { DataType: 'String.Array', StringValue: JSON.stringify(value) }
  return { DataType: 'Number', StringValue: String(value) }
}
