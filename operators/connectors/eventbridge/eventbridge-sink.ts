import type { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { parseArn } from '../../../runtime/aws/arn.js'
import { MillraceError } from '../../../runtime/contract/errors.js'
import type { Sink, SinkWriterContext } from '../../../runtime/contract/sink.js'
import { DELIVERED, type SendOutcome } from '../batching/batching-options.js'
import { BatchingWriter } from '../batching/batching-writer.js'
import { requestRefusal } from '../batching/request-refusal.js'
import { requireTuning } from '../batching/require-tuning.js'
import { ServiceClient } from '../batching/service-client.js'
import { tuned } from '../batching/tuned-limits.js'
import { entryBytes, entryEncoder, type EventEntry } from './eventbridge-entry.js'
import type { EventBridgeSinkOptions } from './eventbridge-options.js'

const MOST_EVENTS = 10
const REQUEST_BYTES = 1024 * 1024
const REFUSED_REQUESTS = ['ValidationException', 'InvalidArgument', 'InvalidArgumentException']
/** Of a single event, in a request that went well otherwise. */
const REFUSED_EVENTS = /^(MalformedDetail|InvalidArgument|InvalidAccountId|NotAuthorizedFor|AccessDenied|Validation)/

type Sdk = typeof import('@aws-sdk/client-eventbridge')
type EventBus = ServiceClient<Sdk, EventBridgeClient>

/**
 * Puts records as events on an EventBridge bus, at least once: what was put since the last checkpoint is put again after a restart, and a
 * request whose answer was lost is sent again. Requests hold 10 events and 1 MiB; what a request leaves out is sent again alone; each
 * barrier waits until everything before it is on the bus. What the service refuses goes to the sink's `rejected` output. Needs
 * events:PutEvents and events:DescribeEventBus.
 */
export function eventBridgeSink<T = unknown>(options: EventBridgeSinkOptions<T>): Sink<T> {
  const { bus = 'default', source, detailType } = options
  if (bus === '') refuse('eventBridgeSink has an empty bus', 'name a bus, or leave it out for the default bus')
  if (source === '' || detailType === '') {
    refuse(`eventBridgeSink has an empty ${source === '' ? 'source' : 'detailType'}`, 'rules match by it: give a text')
  }
  if (typeof source === 'string' && source.startsWith('aws.')) {
    refuse(`eventBridgeSink source ${source} begins with aws.`, 'these are for AWS itself: choose another')
  }
  requireTuning('eventBridgeSink', options)
  const connect = (): EventBus => connectBus(bus, options)
  return {
    name: 'eventbridge',
    guarantee: 'at-least-once',
    describe: `eventbridge://${bus}`,
    check: async () => {
      const service = connect()
      try {
        await service.ask('events:DescribeEventBus', ({ sdk, client }) =>
          client.send(new sdk.DescribeEventBusCommand({ Name: bus })),
        )
      } finally {
        await service.close()
      }
    },
    createWriter: (ctx) => openWriter(connect(), bus, options, ctx),
  }
}

function connectBus(bus: string, { aws }: Pick<EventBridgeSinkOptions<never>, 'aws'>): EventBus {
  const arn = parseArn(bus)
  const name = arn === undefined ? bus : arn.resource.replace(/^event-bus\//, '')
  const region = arn === undefined ? {} : { region: arn.region }
  return new ServiceClient(`EventBridge bus "${name}"`, { ...region, ...aws }, async (settings) => {
    const sdk = await import('@aws-sdk/client-eventbridge')
    return { sdk, client: new sdk.EventBridgeClient(settings) }
  })
}

async function openWriter<T>(
  service: EventBus,
  bus: string,
  options: EventBridgeSinkOptions<T>,
  ctx: SinkWriterContext,
): Promise<BatchingWriter<T, EventEntry>> {
  await service.ask('events:PutEvents', async () => undefined)
  const { random } = options
  return new BatchingWriter<T, EventEntry>(ctx, {
    about: service.about('events:PutEvents'),
    ...tuned({ maxEntries: MOST_EVENTS, maxRequestBytes: REQUEST_BYTES }, options),
    encode: entryEncoder(options, ctx),
    sizeOf: entryBytes,
    send: (entries, signal) => putEvents(service, bus, entries, signal),
    refusalOf: requestRefusal(REFUSED_REQUESTS),
    ...(random === undefined ? {} : { random }),
    close: () => service.close(),
  })
}

async function putEvents(
  service: EventBus,
  bus: string,
  entries: readonly EventEntry[],
  signal: AbortSignal,
): Promise<readonly SendOutcome<EventEntry>[]> {
  const { sdk, client } = await service.access()
  const request = new sdk.PutEventsCommand({ Entries: entries.map((entry) => ({ ...entry, EventBusName: bus })) })
  const { Entries: answers = [] } = await client.send(request, { abortSignal: signal })
  return answers.map(({ ErrorCode: code = '', ErrorMessage: message = '' }) => {
    if (code === '') return DELIVERED
    if (!REFUSED_EVENTS.test(code)) return { kind: 'retry', reason: code }
    return { kind: 'refused', reason: message === '' ? code : `${code}: ${message}` }
  })
}

function refuse(message: string, hint: string): never {
  throw new MillraceError('MILLRACE_GRAPH', message, { hint })
}
