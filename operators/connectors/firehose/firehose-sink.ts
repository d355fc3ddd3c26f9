import type { FirehoseClient } from '@aws-sdk/client-firehose'
import { parseArn } from '../../../runtime/aws/arn.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { Sink, SinkWriterContext } from '../../../runtime/contract/sink.js'
import { DELIVERED, Refusal, type SendOutcome } from '../batching/batching-options.js'
import { BatchingWriter } from '../batching/batching-writer.js'
import { payloadEncoder } from '../batching/payload.js'
import { requestRefusal } from '../batching/request-refusal.js'
import { requireTuning } from '../batching/require-tuning.js'
import { ServiceClient } from '../batching/service-client.js'
import { tuned } from '../batching/tuned-limits.js'
import type { FirehoseSinkOptions } from './firehose-options.js'

const MOST_RECORDS = 500
const REQUEST_BYTES = 4 * 1024 * 1024
const RECORD_BYTES = 1000 * 1024
const LINE_FEED = 0x0a
const REFUSED_REQUESTS = ['InvalidArgumentException', 'ValidationException']

type Sdk = typeof import('@aws-sdk/client-firehose')
type FirehoseStream = ServiceClient<Sdk, FirehoseClient>

/**
 * Writes records into a Firehose stream, at least once: what was written since the last checkpoint is written again after a restart, and a
 * request whose answer was lost is sent again. Requests hold 500 records and 4 MiB, a record 1,000 KiB; what a request leaves out is sent
 * again alone; each barrier waits until Firehose has everything before it. Records over the limit go to the sink's `rejected` output.
 * Needs firehose:PutRecordBatch and firehose:DescribeDeliveryStream. As Flink's KinesisFirehoseSink.
 */
export function firehoseSink<T = unknown>(options: FirehoseSinkOptions<T>): Sink<T> {
  const { stream } = options
  if (stream === '') refuse('firehoseSink has an empty stream', 'name a Firehose stream, or give its ARN')
  requireTuning('firehoseSink', options)
  const arn = parseArn(stream)
  // The service takes names only.
  const name = arn === undefined ? stream : arn.resource.replace(/^deliverystream\//, '')
  const region = arn === undefined ? {} : { region: arn.region }
  const connect = (): FirehoseStream =>
    new ServiceClient(`Firehose stream "${name}"`, { ...region, ...options.aws }, async (settings) => {
      const sdk = await import('@aws-sdk/client-firehose')
      return { sdk, client: new sdk.FirehoseClient(settings) }
    })
  return {
    name: 'firehose',
    guarantee: 'at-least-once',
    describe: `firehose://${stream}`,
    check: async () => {
      const service = connect()
      try {
        await checkStream(service, name)
      } finally {
        await service.close()
      }
    },
    createWriter: (ctx) => openWriter(connect(), name, options, ctx),
  }
}

async function checkStream(service: FirehoseStream, name: string): Promise<void> {
  const status = await service.ask('firehose:DescribeDeliveryStream', async ({ sdk, client }) => {
    const answer = await client.send(new sdk.DescribeDeliveryStreamCommand({ DeliveryStreamName: name }))
    return answer.DeliveryStreamDescription?.DeliveryStreamStatus
  })
  if (status === 'ACTIVE') return
  throw new MillraceError('MILLRACE_OUTPUT', `${service.resource}: is ${status}`, {
    hint: status === 'CREATING' ? 'submit the job when it is ACTIVE' : 'create it again, or name another one',
  })
}

async function openWriter<T>(
  service: FirehoseStream,
  name: string,
  options: FirehoseSinkOptions<T>,
  ctx: SinkWriterContext,
): Promise<BatchingWriter<T, Uint8Array>> {
  await service.ask('firehose:PutRecordBatch', async () => undefined)
  const { random } = options
  return new BatchingWriter<T, Uint8Array>(ctx, {
    about: service.about('firehose:PutRecordBatch'),
    ...tuned({ maxEntries: MOST_RECORDS, maxRequestBytes: REQUEST_BYTES, maxEntryBytes: RECORD_BYTES }, options),
    encode: entryEncoder(options, ctx),
    sizeOf: ({ length }) => length,
    send: (entries, signal) => putRecords(service, name, entries, signal),
    refusalOf: requestRefusal(REFUSED_REQUESTS),
    ...(random === undefined ? {} : { random }),
    close: () => service.close(),
  })
}

function entryEncoder<T>(
  options: FirehoseSinkOptions<T>,
  job: { readonly jobId: string; readonly uid: string },
): (value: T, timestamp: number) => Uint8Array | Refusal {
  const encode = payloadEncoder(options, job)
  const { newline = true } = options
  return (value, timestamp) => {
    const payload = encode(value, timestamp)
    if (payload instanceof Refusal) return payload
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    return !newline || bytes.at(-1) === LINE_FEED ? bytes : Buffer.concat([bytes, Buffer.of(LINE_FEED)])
  }
}

async function putRecords(
  service: FirehoseStream,
  name: string,
  entries: readonly Uint8Array[],
  signal: AbortSignal,
): Promise<readonly SendOutcome<Uint8Array>[]> {
  const { sdk, client } = await service.access()
  const request = new sdk.PutRecordBatchCommand({
    DeliveryStreamName: name,
    Records: entries.map((entry) => ({ Data: entry })),
  })
  const { RequestResponses: answers = [] } = await client.send(request, { abortSignal: signal })
  // ServiceUnavailableException or InternalFailure: both pass.
  return answers.map(({ ErrorCode: code = '' }) => (code === '' ? DELIVERED : { kind: 'retry', reason: code }))
}

function refuse(message: string, hint: string): never {
  throw new MillraceError('MILLRACE_GRAPH', message, { hint })
}
