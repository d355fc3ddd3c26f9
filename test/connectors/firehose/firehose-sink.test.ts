import { describe, expect, it } from 'vitest'
import { parseLocator } from '../../../operators/api/locator.js'
import {
  firehoseSink,
  firehoseSinkFor,
  type FirehoseSinkOptions,
} from '../../../operators/connectors/firehose/index.js'
import { checkOf, openSink, type OpenedSink } from '../batching/open-sink.js'
import { type ScriptedAnswer, ScriptedAws } from '../batching/scripted-aws.js'

/** A Firehose stream that keeps what is put. */
class FirehoseModel {
  readonly records: string[] = []
  readonly script: (string | readonly (string | undefined)[])[] = []
  readonly aws: ScriptedAws = new ScriptedAws(({ body }) => this.put(textsOf(body)))

  get batches(): string[][] {
    return this.aws.bodies('PutRecordBatch').map(textsOf)
  }

  private put(texts: readonly string[]): ScriptedAnswer {
    const codes = this.script.shift() ?? []
    if (typeof codes === 'string') return { __error: codes }
    return {
      FailedPutCount: codes.filter((code) => code !== undefined).length,
      RequestResponses: texts.map((text, i) => {
        if (codes[i] !== undefined) return { ErrorCode: codes[i], ErrorMessage: 'scripted' }
        this.records.push(text)
        return { RecordId: String(i) }
      }),
    }
  }
}

function textsOf({ Records }: { Records: readonly { Data: string }[] }): string[] {
  return Records.map(({ Data }) => Buffer.from(Data, 'base64').toString())
}

function open<T>(model: FirehoseModel, options: Partial<FirehoseSinkOptions<T>> = {}): Promise<OpenedSink<T>> {
  return openSink(
    firehoseSink<T>({ stream: 'lake', aws: model.aws.options, maxInFlight: 1, random: () => 0.5, ...options }),
  )
}

describe('firehoseSink', () => {
  it('puts 500 records or 4 MiB a request, each with a line end', async () => {
    const model = new FirehoseModel()
    const { writer, flush } = await open<unknown>(model)
    for (let i = 0; i < 510; i++) writer.write({ i }, 0)
    await flush()
    for (let i = 0; i < 5; i++) writer.write('x'.repeat(1_000_000), 0)
    await flush()
    expect(model.batches.map((batch) => batch.length)).toEqual([500, 10, 4, 1])
    expect(model.records.slice(0, 2)).toEqual(['{"i":0}\n', '{"i":1}\n'])
  })

  it('adds no second line end, and none at all when told so', async () => {
    const model = new FirehoseModel()
    const first = await open<string>(model)
    first.writer.write('line\n', 0)
    await first.flush()
    const second = await open<string>(model, { newline: false })
    second.writer.write('bare', 0)
    await second.flush()
    expect(model.records).toEqual(['line\n', 'bare'])
  })

  it('records that were not taken are put again alone', async () => {
    const model = new FirehoseModel()
    model.script.push([undefined, 'ServiceUnavailableException', undefined])
    const { writer, flush } = await open<string>(model)
    for (const value of 'abc') writer.write(value, 0)
    await flush()
    expect(model.batches).toEqual([['a\n', 'b\n', 'c\n'], ['b\n']])
  })

  it('a record over 1,000 KiB, its line end included, is rejected with its size', async () => {
    const model = new FirehoseModel()
    const { ctx, writer, flush } = await open<string>(model)
    writer.write('x'.repeat(1_024_000), 3)
    writer.write('x'.repeat(1_023_999), 3)
    await flush()
    expect(ctx.rejected.map(({ reason }) => reason)).toEqual(['1024001 bytes, over the limit of 1024000 bytes'])
    expect(model.records).toHaveLength(1)
  })

  it('a request refused for one record is put in halves', async () => {
    const model = new FirehoseModel()
    model.script.push('InvalidArgumentException', 'InvalidArgumentException', [])
    const { ctx, writer, flush } = await open<string>(model)
    for (const value of 'ab') writer.write(value, 0)
    await flush()
    expect([model.records, ctx.rejected.map(({ value }) => value)]).toEqual([['b\n'], ['a']])
  })

  it.each([
    [{ __error: 'ResourceNotFoundException' }, 'Firehose stream "lake": does not exist in region eu-west-1'],
    [
      { DeliveryStreamDescription: { DeliveryStreamStatus: 'CREATING_FAILED' } },
      'Firehose stream "lake": is CREATING_FAILED',
    ],
  ])('check: %j is one clear error', async (answer, message) => {
    const aws = new ScriptedAws(() => answer)
    const stream = 'arn:aws:firehose:eu-west-1:123456789012:deliverystream/lake'
    const checked = checkOf(firehoseSink({ stream, aws: aws.options }))
    await expect(checked).rejects.toMatchObject({ code: 'MILLRACE_OUTPUT', message })
    expect(aws.calls[0]?.body).toEqual({ DeliveryStreamName: 'lake' })
  })

  it('refuses an empty stream', () => {
    expect(() => firehoseSink({ stream: '' })).toThrow(/empty stream/)
  })
})

describe('firehoseSinkFor', () => {
  it('takes a name', () => {
    const sink = firehoseSinkFor(parseLocator('firehose://lake?newline=false')!)
    expect([sink.describe, sink.guarantee]).toEqual(['firehose://lake', 'at-least-once'])
  })

  it.each([
    ['firehose://', /names no Firehose stream/],
    ['firehose://lake?newline=no', /newline=no is not known/],
    ['firehose://lake?prefix=x', /unknown option "prefix"/],
  ])('refuses %s', (text, message) => {
    expect(() => firehoseSinkFor(parseLocator(text)!)).toThrow(message)
  })
})
