import { describe, expect, it } from 'vitest'
import { parseLocator } from '../../../operators/api/locator.js'
import {
  eventBridgeSink,
  eventBridgeSinkFor,
  type EventBridgeSinkOptions,
} from '../../../operators/connectors/eventbridge/index.js'
import { NO_TIMESTAMP } from '../../../runtime/contract/time.js'
import { checkOf, openSink, type OpenedSink } from '../batching/open-sink.js'
import { type ScriptedAnswer, ScriptedAws } from '../batching/scripted-aws.js'

interface Put {
  readonly Source: string
  readonly DetailType: string
  readonly Detail: string
  readonly EventBusName: string
  readonly Time?: number
  readonly Resources?: readonly string[]
}

/** A bus that keeps what is put. */
class BusModel {
  readonly events: Put[] = []
  readonly script: (string | readonly (string | undefined)[])[] = []
  readonly aws: ScriptedAws = new ScriptedAws(({ operation, body }) =>
    operation === 'DescribeEventBus' ? {} : this.put(body.Entries as Put[]),
  )

  get batches(): string[][] {
    return this.aws.bodies('PutEvents').map(({ Entries }) => (Entries as Put[]).map(({ Detail }) => Detail))
  }

  private put(entries: readonly Put[]): ScriptedAnswer {
    const codes = this.script.shift() ?? []
    if (typeof codes === 'string') return { __error: codes }
    return {
      FailedEntryCount: codes.filter((code) => code !== undefined).length,
      Entries: entries.map((entry, i) => {
        if (codes[i] !== undefined) return { ErrorCode: codes[i], ErrorMessage: 'scripted' }
        this.events.push(entry)
        return { EventId: String(i) }
      }),
    }
  }
}

function open<T>(model: BusModel, options: Partial<EventBridgeSinkOptions<T>> = {}): Promise<OpenedSink<T>> {
  const sink = eventBridgeSink<T>({
    bus: 'plant',
    source: 'com.example.turbines',
    detailType: 'TurbineStopped',
    aws: model.aws.options,
    maxInFlight: 1,
    random: () => 0.5,
    ...options,
  })
  return openSink(sink)
}

describe('eventBridgeSink', () => {
  it('puts ten events a request, with source, type, detail, resources and the time of the record', async () => {
    const model = new BusModel()
    const { writer, flush } = await open<{ id: number }>(model, {
      detailType: ({ id }) => `Type${id % 2}`,
      resources: ({ id }) => [`arn:aws:iot:eu-west-1:123456789012:thing/${id}`],
    })
    for (let id = 0; id < 12; id++) writer.write({ id }, 1_700_000_000_000 + id * 1000)
    await flush()
    expect(model.batches.map((batch) => batch.length)).toEqual([10, 2])
    expect(model.events[1]).toEqual({
      EventBusName: 'plant',
      Source: 'com.example.turbines',
      DetailType: 'Type1',
      Detail: '{"id":1}',
      Resources: ['arn:aws:iot:eu-west-1:123456789012:thing/1'],
      Time: 1_700_000_001,
    })
  })

  it('a record without event time gets none: the service sets it', async () => {
    const model = new BusModel()
    const { writer, flush } = await open<object>(model)
    writer.write({}, NO_TIMESTAMP)
    await flush()
    expect(model.events[0]).not.toHaveProperty('Time')
  })

  it('events that were not taken are put again alone; malformed ones are rejected with the reason', async () => {
    const model = new BusModel()
    model.script.push([undefined, 'ThrottlingException', 'MalformedDetail', 'InternalFailure'])
    const { ctx, writer, flush } = await open<object>(model)
    for (const id of [1, 2, 3, 4]) writer.write({ id }, 5)
    await flush()
    expect(model.batches[1]).toEqual(['{"id":2}', '{"id":4}'])
    expect(ctx.rejected).toEqual([{ value: { id: 3 }, timestamp: 5, reason: 'MalformedDetail: scripted' }])
  })

  it('a request over the service’s limit is put in halves', async () => {
    const model = new BusModel()
    model.script.push('ValidationException', [], 'ValidationException')
    const { ctx, writer, flush } = await open<object>(model)
    for (const id of [1, 2]) writer.write({ id }, 0)
    await flush()
    expect(model.events.map(({ Detail }) => Detail)).toEqual(['{"id":1}'])
    expect(ctx.rejected.map(({ value }) => value)).toEqual([{ id: 2 }])
  })

  it('what cannot be an event is rejected', async () => {
    const { ctx, writer } = await open<unknown>(new BusModel(), {
      detailType: (value) => (value === 'empty' ? '' : 'T'),
    })
    writer.write('no object', 0)
    writer.write([1], 0)
    writer.write({ long: 'x'.repeat(1024 * 1024) }, 0)
    expect(ctx.rejected.map(({ reason }) => reason)).toEqual([
      'the detail is no JSON object',
      'the detail is no JSON object',
      '1048622 bytes, over the limit of 1048576 bytes',
    ])
  })

  it.each([
    [{ source: '' }, /empty source/],
    [{ detailType: '' }, /empty detailType/],
    [{ source: 'aws.ec2' }, /begins with aws\./],
    [{ bus: '' }, /empty bus/],
    [{ maxBufferedBytes: -1 }, /maxBufferedBytes/],
  ])('refuses %j', (options, message) => {
    expect(() => eventBridgeSink({ source: 's', detailType: 't', ...options })).toThrow(message)
  })

  it('check: a bus that is not there is one clear error', async () => {
    const aws = new ScriptedAws(() => ({ __error: 'ResourceNotFoundException' }))
    const bus = 'arn:aws:events:eu-west-1:123456789012:event-bus/plant'
    const sink = eventBridgeSink({ bus, source: 's', detailType: 't', aws: aws.options })
    expect([sink.guarantee, sink.describe]).toEqual(['at-least-once', `eventbridge://${bus}`])
    await expect(checkOf(sink)).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: 'EventBridge bus "plant": does not exist in region eu-west-1',
    })
  })
})

describe('eventBridgeSinkFor', () => {
  it('takes a bus, a source and a type', () => {
    const sink = eventBridgeSinkFor(parseLocator('eventbridge://plant?source=com.example&detailTypeField=kind')!)
    expect(sink.describe).toBe('eventbridge://plant')
  })

  it.each([
    ['eventbridge://?source=s&detailType=t', /names no bus/],
    ['eventbridge://plant?detailType=t', /has no source/],
    ['eventbridge://plant?source=s', /has no detail type/],
    ['eventbridge://plant?source=s&detailType=t&detailTypeField=f', /has no detail type, or two/],
    ['eventbridge://plant?source=s&detailType=t&time=now', /unknown option "time"/],
  ])('refuses %s', (text, message) => {
    expect(() => eventBridgeSinkFor(parseLocator(text)!)).toThrow(message)
  })
})
