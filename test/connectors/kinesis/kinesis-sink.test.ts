import { describe, expect, it, onTestFinished } from 'vitest'
import { parseLocator } from '../../../operators/api/locator.js'
import { deaggregate } from '../../../operators/connectors/kinesis/aggregation/deaggregate.js'
import { hashKeyOf } from '../../../operators/connectors/kinesis/aggregation/hash-key.js'
import {
  contentId,
  kinesisSink,
  kinesisSinkFor,
  type KinesisSinkOptions,
} from '../../../operators/connectors/kinesis/index.js'
import type { SinkWriter } from '../../../runtime/contract/sink.js'
import { checkOf } from '../batching/open-sink.js'
import { type ScriptedAnswer, ScriptedAws, type ScriptedCall } from '../batching/scripted-aws.js'
import { settle, sinkContext, type TestSinkContext, until } from '../batching/support.js'

interface PutRecord {
  readonly Data: string
  readonly PartitionKey: string
  readonly ExplicitHashKey?: string
}

const LAST_HASH = (1n << 128n) - 1n
const HALF = 1n << 127n

/** A stream of shards with fixed hash ranges, that keeps what it is sent. */
class StreamModel {
  readonly stored: (PutRecord & { readonly shardId: string })[] = []
  shards: {
    readonly id: string
    readonly start: bigint
    readonly end: bigint
    readonly parent?: string
    open: boolean
  }[] = [
    { id: 'shard-0', start: 0n, end: HALF - 1n, open: true },
    { id: 'shard-1', start: HALF, end: LAST_HASH, open: true },
  ]
  /** Error codes for the records of each PutRecords, in turn; a name instead fails the whole request. */
  readonly script: (string | readonly (string | undefined)[])[] = []
  readonly aws: ScriptedAws
  maxRecordKiB: number | undefined
  private number = 0

  constructor() {
    this.aws = new ScriptedAws((call) => this.answer(call))
  }

  get puts(): string[][] {
    return this.aws.bodies('PutRecords').map(({ Records }) => (Records as PutRecord[]).map(textOf))
  }

  /** User records by shard, as a consumer of the Kinesis Client Library sees them. */
  consumed(): { readonly shardId: string; readonly key: string; readonly text: string }[] {
    return this.stored.flatMap(({ shardId, Data, PartitionKey }) => {
      const { start, end } = this.shards.find(({ id }) => id === shardId)!
      const users = deaggregate(Buffer.from(Data, 'base64'), { start, end })
      if (users === undefined) return [{ shardId, key: PartitionKey, text: Buffer.from(Data, 'base64').toString() }]
      return users.map(({ partitionKey, data }) => ({ shardId, key: partitionKey, text: Buffer.from(data).toString() }))
    })
  }

  split(id: string): void {
    const parent = this.shards.find((shard) => shard.id === id)!
    parent.open = false
    const middle = (parent.start + parent.end) / 2n
    this.shards.push({ id: `${id}-a`, start: parent.start, end: middle, parent: id, open: true })
    this.shards.push({ id: `${id}-b`, start: middle + 1n, end: parent.end, parent: id, open: true })
  }

  private answer({ operation, body }: ScriptedCall): ScriptedAnswer {
    if (operation === 'DescribeStreamSummary') {
      return {
        StreamDescriptionSummary: {
          StreamName: 'turbines',
          StreamStatus: 'ACTIVE',
          ...(this.maxRecordKiB === undefined ? {} : { MaxRecordSizeInKiB: this.maxRecordKiB }),
        },
      }
    }
    if (operation === 'ListShards') {
      return {
        Shards: this.shards.map(({ id, start, end, parent }) => ({
          ShardId: id,
          HashKeyRange: { StartingHashKey: String(start), EndingHashKey: String(end) },
          ...(parent === undefined ? {} : { ParentShardId: parent }),
        })),
      }
    }
    return this.put(body.Records as PutRecord[])
  }

  private put(records: readonly PutRecord[]): ScriptedAnswer {
    const codes = this.script.shift() ?? []
    if (typeof codes === 'string') return { __error: codes }
    return {
      Records: records.map((record, i) => {
        if (codes[i] !== undefined) return { ErrorCode: codes[i], ErrorMessage: 'scripted' }
        const hash =
          record.ExplicitHashKey === undefined ? hashKeyOf(record.PartitionKey) : BigInt(record.ExplicitHashKey)
        const { id } = this.shards.find((shard) => shard.open && shard.start <= hash && hash <= shard.end)!
        this.stored.push({ ...record, shardId: id })
        return { ShardId: id, SequenceNumber: String(++this.number) }
      }),
    }
  }
}

function textOf({ Data }: PutRecord): string {
  return Buffer.from(Data, 'base64').toString()
}

async function open<T>(
  model: StreamModel,
  options: Partial<KinesisSinkOptions<T>> = {},
): Promise<{ ctx: TestSinkContext; writer: SinkWriter<T> }> {
  const ctx = sinkContext()
  const sink = kinesisSink<T>({
    stream: 'turbines',
    aws: model.aws.options,
    maxInFlight: 1,
    random: () => 0.5,
    ...options,
  })
  const writer = await sink.createWriter(ctx)
  onTestFinished(async () => writer.close?.())
  return { ctx, writer }
}

async function flush(writer: SinkWriter<never>, ctx: TestSinkContext): Promise<void> {
  await until(Promise.resolve(writer.flush(1)), ctx.clock)
}

describe('what is written', () => {
  it('strings and bytes are written as they are, anything else as JSON, without a line end', async () => {
    const model = new StreamModel()
    const { ctx, writer } = await open<unknown>(model)
    for (const value of ['text', Buffer.from('bytes'), { a: 1 }, [1, null], 7]) writer.write(value, 0)
    await flush(writer, ctx)
    expect(model.stored.map(textOf)).toEqual(['text', 'bytes', '{"a":1}', '[1,null]', '7'])
  })

  it('bytes are copied: who wrote the record may use them again', async () => {
    const model = new StreamModel()
    const { ctx, writer } = await open<Uint8Array>(model)
    const bytes = Buffer.from('first')
    writer.write(bytes, 0)
    bytes.write('later')
    await flush(writer, ctx)
    expect(model.stored.map(textOf)).toEqual(['first'])
  })

  it('keys come from the functions; without one a hash of the payload, the same each time', async () => {
    const model = new StreamModel()
    const keyed = await open<{ id: string; hash: bigint }>(model, {
      partitionKey: ({ id }) => `turbine-${id}`,
      explicitHashKey: ({ hash }) => hash,
      encode: ({ id }) => id,
    })
    keyed.writer.write({ id: '7', hash: 99n }, 0)
    await flush(keyed.writer, keyed.ctx)
    const hashed = await open<string>(model)
    for (const value of ['a', 'b', 'a']) hashed.writer.write(value, 0)
    await flush(hashed.writer, hashed.ctx)
    expect(model.stored[0]).toMatchObject({ PartitionKey: 'turbine-7', ExplicitHashKey: '99' })
    const keys = model.stored.slice(1).map(({ PartitionKey }) => PartitionKey)
    expect(keys[0]).toBe(keys[2])
    expect(keys[0]).not.toBe(keys[1])
  })

  it.each([
    ['an empty key', '', 'the partition key is empty'],
    ['a long key', 'k'.repeat(257), 'the partition key has 257 characters, over the limit of 256'],
    ['a key that is no text', 7, 'the partition key is no string but of type number'],
    ['a lone surrogate', '\ud800', 'the partition key has a lone surrogate and cannot be written in UTF-8'],
  ])('a record with %s is rejected with the reason, the others are written', async (_, key, reason) => {
    const model = new StreamModel()
    const { ctx, writer } = await open<string>(model, {
      partitionKey: (value) => (value === 'bad' ? (key as string) : 'good'),
    })
    writer.write('bad', 5)
    writer.write('good', 6)
    await flush(writer, ctx)
    expect(ctx.rejected).toEqual([{ value: 'bad', timestamp: 5, reason }])
    expect(model.stored.map(textOf)).toEqual(['good'])
  })

  it('an explicit hash key that is none is rejected', async () => {
    const model = new StreamModel()
    const { ctx, writer } = await open<string>(model, { explicitHashKey: () => String(1n << 128n) })
    writer.write('a', 0)
    expect(ctx.rejected[0]?.reason).toMatch(/^the explicit hash key "\d+" is not a number below 2\^128$/)
  })

  it('the limit of a record is that of the stream, its key included', async () => {
    for (const [kib, limit] of [
      [undefined, 1024],
      [2048, 2048],
    ] as const) {
      const model = new StreamModel()
      model.maxRecordKiB = kib
      const { ctx, writer } = await open<string>(model, {
        partitionKey: 'key',
        encode: (value) => 'x'.repeat(Number(value)),
      })
      writer.write(String(limit * 1024 - 3), 0)
      writer.write(String(limit * 1024 - 2), 0)
      await flush(writer, ctx)
      expect(model.stored).toHaveLength(1)
      expect(ctx.rejected.map(({ reason }) => reason)).toEqual([
        `${limit * 1024 + 1} bytes, over the limit of ${limit * 1024} bytes`,
      ])
    }
  })

  it('requests hold 500 records at most, and 5 MiB where the service knows no large records', async () => {
    const model = new StreamModel()
    const { ctx, writer } = await open<string>(model, { partitionKey: 'k' })
    for (let i = 0; i < 1200; i++) writer.write(String(i), 0)
    await flush(writer, ctx)
    expect(model.puts.map((put) => put.length)).toEqual([500, 500, 200])
    const large = new StreamModel()
    const second = await open<string>(large, { partitionKey: 'k' })
    for (let i = 0; i < 12; i++) second.writer.write('x'.repeat(1_000_000), 0)
    await flush(second.writer, second.ctx)
    expect(large.puts.map((put) => put.length)).toEqual([5, 5, 2])
  })
})

describe('record ids', () => {
  it('go into each payload, the same each time for the same record', async () => {
    const model = new StreamModel()
    for (let run = 0; run < 2; run++) {
      const { ctx, writer } = await open<object>(model, { recordId: { field: 'recordId' } })
      writer.write({ speed: 12 }, 1000)
      writer.write({ speed: 12 }, 2000)
      writer.write({}, 1000)
      await flush(writer, ctx)
    }
    const records = model.stored.map((record) => JSON.parse(textOf(record)) as { speed?: number; recordId: string })
    expect(records.slice(0, 3)).toEqual(records.slice(3))
    expect(new Set(records.map(({ recordId }) => recordId)).size).toBe(3)
    expect(records[0]).toEqual({ speed: 12, recordId: contentId('job', 'out', 1000, '{"speed":12}') })
  })

  it('may be a business key, and overwrite a field of the name', async () => {
    const model = new StreamModel()
    const { ctx, writer } = await open<{ order: string; id: string }>(model, {
      recordId: { field: 'id', of: ({ order }) => order },
    })
    writer.write({ order: 'o-1', id: 'old' }, 0)
    await flush(writer, ctx)
    expect(JSON.parse(textOf(model.stored[0]!))).toEqual({ order: 'o-1', id: 'o-1' })
  })

  it('have no room in a payload that is no JSON object: it is rejected', async () => {
    const { ctx, writer } = await open<string>(new StreamModel(), { recordId: { field: 'id' } })
    writer.write('plain', 0)
    expect(ctx.rejected.map(({ reason }) => reason)).toEqual(['is no JSON object: no room for id'])
  })
})

describe('failures', () => {
  it('records that were not taken are sent again alone', async () => {
    const model = new StreamModel()
    model.script.push([undefined, 'ProvisionedThroughputExceededException', undefined, 'InternalFailure'])
    const { ctx, writer } = await open<string>(model, { partitionKey: 'k' })
    for (const value of 'abcd') writer.write(value, 0)
    await flush(writer, ctx)
    expect(model.puts).toEqual([
      ['a', 'b', 'c', 'd'],
      ['b', 'd'],
    ])
    expect(model.stored.map(textOf).toSorted()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('a request refused for one record is sent in halves; that record is rejected', async () => {
    const model = new StreamModel()
    const { ctx, writer } = await open<string>(model, { partitionKey: 'k' })
    model.script.push('ValidationException', [], 'ValidationException', 'ValidationException', [])
    for (const value of 'abcd') writer.write(value, 0)
    await flush(writer, ctx)
    expect(model.puts).toEqual([['a', 'b', 'c', 'd'], ['a', 'b'], ['c', 'd'], ['c'], ['d']])
    expect(ctx.rejected).toEqual([{ value: 'c', timestamp: 0, reason: 'ValidationException: scripted' }])
  })

  it('denied access fails the job with one line', async () => {
    const model = new StreamModel()
    const { ctx, writer } = await open<string>(model)
    model.script.push('AccessDeniedException')
    writer.write('a', 0)
    await expect(flush(writer, ctx)).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message: 'Kinesis stream "turbines": access denied (AccessDeniedException)',
      hint: "the credentials' role must allow kinesis:PutRecords on it",
    })
  })

  it('ordered: a key has one record under way, and its order survives retries', async () => {
    const model = new StreamModel()
    model.script.push(['InternalFailure'], ['ProvisionedThroughputExceededException'])
    const { ctx, writer } = await open<string>(model, { partitionKey: (value) => value[0]!, ordered: true })
    for (const value of ['a1', 'b1', 'a2', 'b2', 'a3', 'c1']) writer.write(value, 0)
    await flush(writer, ctx)
    for (const key of 'abc') {
      const texts = model.stored.map(textOf).filter((text) => text[0] === key)
      expect(texts).toEqual(texts.toSorted())
    }
    for (const put of model.puts) expect(new Set(put.map((text) => text[0])).size).toBe(put.length)
    expect(model.stored).toHaveLength(6)
  })
})

describe('aggregation', () => {
  const values = Array.from({ length: 200 }, (_, i) => `value ${i}`)
  const keyOf = (value: string): string => `key-${Number(value.split(' ')[1]) % 20}`

  it('fills one record for each shard, with members of that shard only', async () => {
    const model = new StreamModel()
    const { ctx, writer } = await open<string>(model, { aggregate: true, partitionKey: keyOf })
    for (const value of values) writer.write(value, 0)
    await flush(writer, ctx)
    expect(model.stored).toHaveLength(2)
    const consumed = model.consumed()
    expect(consumed.map(({ text }) => text).toSorted()).toEqual(values.toSorted())
    for (const { key, text } of consumed) expect(key).toBe(keyOf(text))
    expect(ctx.metrics.counter('numRecordsSend').count).toBe(200)
  })

  it('an aggregate is full by bytes or by records', async () => {
    const model = new StreamModel()
    const byRecords = await open<string>(model, { aggregate: { maxRecords: 10 }, partitionKey: 'k' })
    for (const value of values.slice(0, 25)) byRecords.writer.write(value, 0)
    await flush(byRecords.writer, byRecords.ctx)
    const counts = model.stored.map(({ Data }) => deaggregate(Buffer.from(Data, 'base64'))?.length)
    expect(counts).toEqual([10, 10, 5])
    const second = new StreamModel()
    const byBytes = await open<string>(second, { aggregate: { maxBytes: 300 }, partitionKey: 'k' })
    for (const value of values) byBytes.writer.write(value, 0)
    await flush(byBytes.writer, byBytes.ctx)
    for (const { Data } of second.stored) expect(Buffer.from(Data, 'base64').length).toBeLessThanOrEqual(300)
    expect(second.stored.length).toBeGreaterThan(5)
    expect(second.consumed().map(({ text }) => text)).toEqual(values)
  })

  it('a single record travels as it is, and so does one that is larger than an aggregate', async () => {
    const model = new StreamModel()
    const { ctx, writer } = await open<string>(model, { aggregate: { maxBytes: 100 }, partitionKey: 'k' })
    const large = 'x'.repeat(500)
    for (const value of ['a', large, 'b']) writer.write(value, 0)
    await flush(writer, ctx)
    expect(model.stored.map(textOf)).toEqual(['a', large, 'b'])
  })

  it('after a split, members that landed in a shard that is not theirs are sent again', async () => {
    const model = new StreamModel()
    const { ctx, writer } = await open<string>(model, { aggregate: true, partitionKey: keyOf })
    for (const value of values) writer.write(value, 0)
    model.split('shard-0')
    model.split('shard-1')
    await flush(writer, ctx)
    expect(
      model
        .consumed()
        .map(({ text }) => text)
        .toSorted(),
    ).toEqual(values.toSorted())
    expect(model.aws.bodies('ListShards')).toHaveLength(2)
    // From then on it knows the new shards.
    const before = model.stored.length
    for (const value of values) writer.write(value, 0)
    await flush(writer, ctx)
    expect(model.stored.length - before).toBe(4)
    expect(ctx.metrics.counter('numRecordsSend').count).toBe(400)
  })

  it('ordered: only records of one key share an aggregate, and no two of a key are under way', async () => {
    const model = new StreamModel()
    model.script.push(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 'InternalFailure' : undefined)))
    const { ctx, writer } = await open<string>(model, {
      aggregate: { maxRecords: 3 },
      ordered: true,
      partitionKey: keyOf,
    })
    for (const value of values) writer.write(value, 0)
    model.split('shard-0')
    await flush(writer, ctx)
    const consumed = model.consumed()
    expect(consumed).toHaveLength(200)
    for (let key = 0; key < 20; key++) {
      const texts = consumed.filter((record) => record.key === `key-${key}`).map(({ text }) => text)
      expect(texts).toEqual(values.filter((value) => keyOf(value) === `key-${key}`))
    }
    expect(model.aws.bodies('ListShards')).toHaveLength(0)
  })

  it('a refused aggregate rejects each of its records', async () => {
    const model = new StreamModel()
    model.script.push('ValidationException')
    const { ctx, writer } = await open<string>(model, { aggregate: true, partitionKey: 'k' })
    for (const value of ['a', 'b', 'c']) writer.write(value, 3)
    await flush(writer, ctx)
    expect(ctx.rejected.map(({ value, timestamp }) => [value, timestamp])).toEqual([
      ['a', 3],
      ['b', 3],
      ['c', 3],
    ])
  })

  it('open aggregates leave after the linger time', async () => {
    const model = new StreamModel()
    const { ctx, writer } = await open<string>(model, { aggregate: true, partitionKey: 'k', lingerMs: 100 })
    writer.write('a', 0)
    writer.write('b', 0)
    ctx.clock.advance(49)
    await settle()
    expect(model.stored).toHaveLength(0)
    ctx.clock.advance(1)
    ctx.clock.advance(50)
    await settle()
    expect(model.consumed().map(({ text }) => text)).toEqual(['a', 'b'])
  })
})

describe('kinesisSink', () => {
  it('says its guarantee and its place', () => {
    const sink = kinesisSink({ stream: 'turbines' })
    expect([sink.name, sink.guarantee, sink.describe]).toEqual(['kinesis', 'at-least-once', 'kinesis://turbines'])
  })

  it.each([
    [{ stream: '' }, /empty stream/],
    [{ stream: 's', partitionKey: 'k'.repeat(257) }, /257 characters/],
    [{ stream: 's', maxInFlight: 0 }, /maxInFlight is not a positive number/],
    [{ stream: 's', lingerMs: -1 }, /lingerMs is not a number/],
    [{ stream: 's', aggregate: { maxBytes: 0 } }, /aggregate\.maxBytes/],
  ])('refuses %j', (options, message) => {
    expect(() => kinesisSink(options)).toThrow(message)
  })

  it.each([
    [{ __error: 'ResourceNotFoundException' }, 'Kinesis stream "turbines": does not exist in region eu-west-1'],
    [{ __error: 'AccessDeniedException' }, 'Kinesis stream "turbines": access denied (AccessDeniedException)'],
    [{ StreamDescriptionSummary: { StreamStatus: 'DELETING' } }, 'Kinesis stream "turbines" is DELETING, not ACTIVE'],
  ])('check: %j is one clear error', async (answer, message) => {
    const aws = new ScriptedAws(() => answer)
    const sink = kinesisSink({ stream: 'turbines', aws: aws.options })
    await expect(checkOf(sink)).rejects.toMatchObject({
      code: 'MILLRACE_OUTPUT',
      message,
    })
  })
})

describe('kinesisSinkFor', () => {
  it('takes a name or an ARN, and what the options say', async () => {
    expect(kinesisSinkFor(parseLocator('kinesis://turbines?ordered=true')!).describe).toBe('kinesis://turbines')
    const arn = 'arn:aws:kinesis:eu-west-1:123456789012:stream/turbines'
    expect(kinesisSinkFor(parseLocator(`kinesis://${arn}?partitionKeyField=id`)!).describe).toBe(`kinesis://${arn}`)
  })

  it.each([
    ['kinesis://', /names no stream/],
    ['kinesis://s?shards=3', /unknown option "shards"/],
    ['kinesis://s?ordered=maybe', /ordered=maybe is not known/],
    ['kinesis://s?partitionKey=a&partitionKeyField=b', /partitionKey and partitionKeyField/],
  ])('refuses %s', (text, message) => {
    expect(() => kinesisSinkFor(parseLocator(text)!)).toThrow(message)
  })
})
