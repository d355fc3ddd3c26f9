import type { SNSClient } from '@aws-sdk/client-sns'
import { parseArn } from '../../../runtime/aws/arn.js'
import { isThrottled } from '../../../runtime/aws/aws-errors.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { Sink, SinkWriterContext } from '../../../runtime/contract/sink.js'
import { DELIVERED, type SendOutcome } from '../batching/batching-options.js'
import { BatchingWriter } from '../batching/batching-writer.js'
import { requestRefusal } from '../batching/request-refusal.js'
import { requireTuning } from '../batching/require-tuning.js'
import { ServiceClient } from '../batching/service-client.js'
import { tuned } from '../batching/tuned-limits.js'
import { entryBytes, entryEncoder, isFifo, type SnsEntry } from './sns-entry.js'
import type { SnsSinkOptions } from './sns-options.js'

const MOST_MESSAGES = 10
const DEFAULT_MESSAGE_BYTES = 256 * 1024
const REFUSED_REQUESTS = [
  'InvalidParameter',
  'InvalidParameterException',
  'InvalidParameterValueException',
  'ParameterValueInvalid',
  'BatchRequestTooLong',
  'BatchRequestTooLongException',
  'ValidationException',
]

type Sdk = typeof import('@aws-sdk/client-sns')
type SnsTopic = ServiceClient<Sdk, SNSClient>

/**
 * Publishes records to an SNS topic, at least once: what was published since the last checkpoint is published again after a restart, and a
 * request whose answer was lost is sent again. A FIFO topic drops what it has seen within five minutes. Batches of 10 messages within the
 * topic's message size; what a batch leaves out is sent again alone; each barrier waits until everything before it is published. What the
 * topic refuses goes to the sink's `rejected` output. Needs sns:Publish and sns:GetTopicAttributes.
 */
export function snsSink<T = unknown>(options: SnsSinkOptions<T>): Sink<T> {
  const { topic } = options
  const arn = parseArn(topic)
  if (arn?.service !== 'sns') refuse(`snsSink topic ${JSON.stringify(topic)} is no ARN of a topic`, ARN_HINT)
  if (isFifo(topic) && options.messageGroupId === undefined) {
    refuse(
      'snsSink has no messageGroupId',
      'a FIFO topic orders messages by group: give a function, or one group for all',
    )
  }
  if (!isFifo(topic) && options.deduplicationId !== undefined) {
    refuse('snsSink has a deduplicationId, but the topic is no FIFO topic', 'leave it out: only FIFO topics have them')
  }
  requireTuning('snsSink', options)
  const connect = (): SnsTopic =>
    new ServiceClient(`SNS topic "${arn.resource}"`, { region: arn.region, ...options.aws }, async (settings) => {
      const sdk = await import('@aws-sdk/client-sns')
      return { sdk, client: new sdk.SNSClient(settings) }
    })
  return {
    name: 'sns',
    guarantee: 'at-least-once',
    describe: `sns://${topic}`,
    check: async () => {
      const service = connect()
      try {
        await messageBytes(service, topic)
      } finally {
        await service.close()
      }
    },
    createWriter: (ctx) => openWriter(connect(), options, ctx),
  }
}

const ARN_HINT = 'give arn:aws:sns:REGION:ACCOUNT:NAME'

async function openWriter<T>(
  service: SnsTopic,
  options: SnsSinkOptions<T>,
  ctx: SinkWriterContext,
): Promise<BatchingWriter<T, SnsEntry>> {
  const { topic, random } = options
  const bytes = await messageBytes(service, topic).catch(async (error: unknown) => {
    await service.close()
    throw error
  })
  return new BatchingWriter<T, SnsEntry>(ctx, {
    about: service.about('sns:Publish'),
    // A batch has no more room than a message.
    ...tuned({ maxEntries: MOST_MESSAGES, maxRequestBytes: bytes, maxEntryBytes: bytes }, options),
    encode: entryEncoder(options, ctx),
    sizeOf: entryBytes,
    ...(isFifo(topic) ? { orderKey: (entry: SnsEntry) => entry.MessageGroupId ?? '' } : {}),
    send: (entries, signal) => publish(service, topic, entries, signal),
    refusalOf: requestRefusal(REFUSED_REQUESTS),
    ...(random === undefined ? {} : { random }),
    close: () => service.close(),
  })
}

/** The topic's limit of a message: 256 KiB unless it was set. */
function messageBytes(service: SnsTopic, topic: string): Promise<number> {
  return service.ask('sns:GetTopicAttributes', async ({ sdk, client }) => {
    const { Attributes = {} } = await client.send(new sdk.GetTopicAttributesCommand({ TopicArn: topic }))
    return Number(Attributes['MaximumMessageSize'] ?? DEFAULT_MESSAGE_BYTES)
  })
}

async function publish(
  service: SnsTopic,
  topic: string,
  entries: readonly SnsEntry[],
  signal: AbortSignal,
): Promise<readonly SendOutcome<SnsEntry>[]> {
  const { sdk, client } = await service.access()
  const request = new sdk.PublishBatchCommand({
    TopicArn: topic,
    PublishBatchRequestEntries: entries.map((entry, i) => ({ Id: String(i), ...entry })),
  })
  const { Successful = [], Failed = [] } = await client.send(request, { abortSignal: signal })
  // An entry the answer does not name was not taken, as far as anybody knows.
  const outcomes: SendOutcome<SnsEntry>[] = entries.map(() => ({ kind: 'retry', reason: 'no answer' }))
  for (const { Id: id } of Successful) outcomes[Number(id)] = DELIVERED
  for (const { Id: id, Code: code = 'Failed', Message: message = '', SenderFault: fault = false } of Failed) {
    const mayPass = !fault || isThrottled({ name: code })
    outcomes[Number(id)] = mayPass
      ? { kind: 'retry', reason: code }
      : { kind: 'refused', reason: message === '' ? code : `${code}: ${message}` }
  }
  return outcomes
}

function refuse(message: string, hint: string): never {
  throw new MillraceError('MILLRACE_GRAPH', message, { hint })
}
