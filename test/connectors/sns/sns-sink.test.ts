import { describe, expect, it } from 'vitest'
import { parseLocator } from '../../../operators/api/locator.js'
import { contentId, snsSink, snsSinkFor, type SnsSinkOptions } from '../../../operators/connectors/sns/index.js'
import { checkOf, openSink, type OpenedSink } from '../batching/open-sink.js'
import { type ScriptedAnswer, ScriptedAws, type ScriptedCall } from '../batching/scripted-aws.js'

const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:alerts'
const FIFO = `${TOPIC}.fifo`

interface Failure {
  readonly code: string
  readonly senderFault: boolean
  readonly message?: string
}

/** A topic that keeps what is published. */
class TopicModel {
  readonly published: Record<string, string>[] = []
  /** Failures of the entries of each batch, in turn; a name fails the whole request. */
  readonly script: (string | readonly (Failure | undefined)[])[] = []
  readonly batches: string[][] = []
  readonly aws: ScriptedAws
  attributes = ''

  constructor() {
    this.aws = new ScriptedAws((call) => this.answer(call))
  }

  private answer({ operation, body }: ScriptedCall): ScriptedAnswer {
    if (operation === 'GetTopicAttributes') return { xml: `<Attributes>${this.attributes}</Attributes>` }
    const entries = entriesOf(body as Record<string, string>)
    this.batches.push(entries.map(({ Message }) => Message!))
    const failures = this.script.shift() ?? []
    if (typeof failures === 'string') return { __error: failures }
    let good = ''
    let bad = ''
    entries.forEach((entry, i) => {
      const failure = failures[i]
      if (failure === undefined) {
        this.published.push(entry)
        good += `<member><Id>${entry['Id']}</Id><MessageId>m</MessageId></member>`
        return
      }
      const { code, senderFault, message = 'scripted' } = failure
      bad += `<member><Id>${entry['Id']}</Id><Code>${code}</Code><Message>${message}</Message><SenderFault>${senderFault}</SenderFault></member>`
    })
    return { xml: `<Failed>${bad}</Failed><Successful>${good}</Successful>` }
  }
}

/** `PublishBatchRequestEntries.member.1.Message` and so on, an object for each entry. */
function entriesOf(body: Record<string, string>): Record<string, string>[] {
  const entries: Record<string, string>[] = []
  for (const [name, value] of Object.entries(body)) {
    const match = /^PublishBatchRequestEntries\.member\.(\d+)\.(.+)$/.exec(name)
    if (match !== null) (entries[Number(match[1]) - 1] ??= {})[match[2]!] = value
  }
  return entries
}

function open<T>(model: TopicModel, options: Partial<SnsSinkOptions<T>> = {}): Promise<OpenedSink<T>> {
  return openSink(snsSink<T>({ topic: TOPIC, aws: model.aws.options, maxInFlight: 1, random: () => 0.5, ...options }))
}

describe('snsSink', () => {
  it('publishes in batches of ten: texts and UTF-8 bytes as they are, anything else as JSON', async () => {
    const model = new TopicModel()
    const { writer, flush } = await open<unknown>(model)
    for (let i = 0; i < 23; i++)
      writer.write(i % 3 === 0 ? `text ${i}` : i % 3 === 1 ? Buffer.from(`bytes ${i}`) : { i }, 0)
    await flush()
    expect(model.batches.map((batch) => batch.length)).toEqual([10, 10, 3])
    expect(model.published.slice(0, 3).map(({ Message }) => Message)).toEqual(['text 0', 'bytes 1', '{"i":2}'])
  })

  it('gives subject, attributes and group', async () => {
    const model = new TopicModel()
    const { writer, flush } = await open<{ speed: number }>(model, {
      subject: 'Turbine',
      attributes: ({ speed }) => ({ kind: 'alert', speed, tags: ['a', 1], raw: Buffer.from('x') }),
    })
    writer.write({ speed: 7 }, 0)
    await flush()
    expect(model.published[0]).toMatchObject({
      Subject: 'Turbine',
      'MessageAttributes.entry.1.Name': 'kind',
      'MessageAttributes.entry.1.Value.DataType': 'String',
      'MessageAttributes.entry.2.Value.DataType': 'Number',
      'MessageAttributes.entry.2.Value.StringValue': '7',
      'MessageAttributes.entry.3.Value.DataType': 'String.Array',
      'MessageAttributes.entry.3.Value.StringValue': '["a",1]',
      'MessageAttributes.entry.4.Value.BinaryValue': Buffer.from('x').toString('base64'),
    })
  })

  it('messages that failed by the service are published again alone; those at fault themselves are rejected', async () => {
    const model = new TopicModel()
    model.script.push([
      undefined,
      { code: 'InternalError', senderFault: false },
      { code: 'InvalidParameter', senderFault: true, message: 'bad attribute' },
      { code: 'Throttled', senderFault: true },
      { code: 'ThrottledException', senderFault: true },
    ])
    const { ctx, writer, flush } = await open<string>(model)
    for (const value of 'abcde') writer.write(value, 4)
    await flush()
    expect(model.batches).toEqual([
      ['a', 'b', 'c', 'd', 'e'],
      ['b', 'e'],
    ])
    expect(ctx.rejected).toEqual([
      { value: 'c', timestamp: 4, reason: 'InvalidParameter: bad attribute' },
      { value: 'd', timestamp: 4, reason: 'Throttled: scripted' },
    ])
  })

  it.each(['InvalidParameter', 'BatchRequestTooLong'])('%s of a batch is looked for by halves', async (name) => {
    const model = new TopicModel()
    model.script.push(name, [], name)
    const { ctx, writer, flush } = await open<string>(model)
    for (const value of 'ab') writer.write(value, 0)
    await flush()
    expect(model.published.map(({ Message }) => Message)).toEqual(['a'])
    expect(ctx.rejected.map(({ value }) => value)).toEqual(['b'])
  })

  it('the limit is that of the topic, attributes included', async () => {
    for (const [attributes, limit] of [
      ['', 262_144],
      ['<entry><key>MaximumMessageSize</key><value>1048576</value></entry>', 1_048_576],
    ] as const) {
      const model = new TopicModel()
      model.attributes = attributes
      const { ctx, writer, flush } = await open<number>(model, {
        encode: (length) => 'x'.repeat(length),
        attributes: () => ({ k: 'v' }),
      })
      const attributeBytes = 'k'.length + 'String'.length + 'v'.length
      writer.write(limit - attributeBytes, 0)
      writer.write(limit - attributeBytes + 1, 0)
      await flush()
      expect(model.published).toHaveLength(1)
      expect(ctx.rejected.map(({ reason }) => reason)).toEqual([`${limit + 1} bytes, over the limit of ${limit} bytes`])
    }
  })

  it('an empty message, or bytes that are no text, are rejected', async () => {
    const { ctx, writer } = await open<unknown>(new TopicModel())
    writer.write('', 0)
    writer.write(Buffer.from([0xff]), 0)
    expect(ctx.rejected.map(({ reason }) => reason)).toEqual(['the message is empty', 'the bytes are not UTF-8 text'])
  })

  it('FIFO: of a group one message is under way, and the deduplication id is the same each time', async () => {
    const model = new TopicModel()
    model.script.push([{ code: 'InternalError', senderFault: false }])
    const { writer, flush } = await open<string>(model, { topic: FIFO, messageGroupId: (value) => value[0]! })
    for (const value of ['a1', 'a2', 'b1', 'a3']) writer.write(value, 9)
    await flush()
    const ofA = model.published.filter(({ MessageGroupId }) => MessageGroupId === 'a')
    expect(ofA.map(({ Message }) => Message)).toEqual(['a1', 'a2', 'a3'])
    expect(ofA[0]!['MessageDeduplicationId']).toBe(contentId('job', 'out', 9, 'a1'))
    for (const batch of model.batches) expect(new Set(batch.map((text) => text[0])).size).toBe(batch.length)
  })

  it.each([
    [{ topic: 'alerts' }, /is no ARN of a topic/],
    [{ topic: FIFO }, /no messageGroupId/],
    [{ topic: TOPIC, deduplicationId: () => 'x' }, /no FIFO topic/],
    [{ topic: TOPIC, giveUpMs: 0 }, /giveUpMs/],
  ])('refuses %j', (options, message) => {
    expect(() => snsSink(options)).toThrow(message)
  })

  it.each([
    ['NotFound', 'SNS topic "alerts": does not exist in region eu-west-1'],
    ['AuthorizationError', 'SNS topic "alerts": access denied (AuthorizationErrorException)'],
  ])('check: %s is one clear error', async (name, message) => {
    const aws = new ScriptedAws(() => ({ __error: name, status: name === 'NotFound' ? 404 : 403 }))
    const checked = checkOf(snsSink({ topic: TOPIC, aws: aws.options }))
    await expect(checked).rejects.toMatchObject({ code: 'MILLRACE_OUTPUT', message })
  })
})

describe('snsSinkFor', () => {
  it('takes the ARN of a topic', () => {
    const sink = snsSinkFor(parseLocator(`sns://${TOPIC}?subject=Turbine`)!)
    expect([sink.describe, sink.guarantee]).toEqual([`sns://${TOPIC}`, 'at-least-once'])
  })

  it.each([
    ['sns://', /names no topic/],
    ['sns://alerts', /names no topic by its ARN/],
    [`sns://${FIFO}`, /has no message group/],
    [`sns://${FIFO}?messageGroupId=a&messageGroupIdField=b`, /messageGroupId and messageGroupIdField/],
    [`sns://${TOPIC}?topic=x`, /unknown option "topic"/],
  ])('refuses %s', (text, message) => {
    expect(() => snsSinkFor(parseLocator(text)!)).toThrow(message)
  })
})
