import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import protobuf from 'protobufjs/minimal.js'
import { describe, expect, it } from 'vitest'
import {
  AggregateBuilder,
  type AggregatedInput,
} from '../../../operators/connectors/kinesis/aggregation/aggregate-builder.js'
import { deaggregate } from '../../../operators/connectors/kinesis/aggregation/deaggregate.js'
import { hashKeyOf, parseHashKey } from '../../../operators/connectors/kinesis/aggregation/hash-key.js'

interface Vector {
  readonly name: string
  readonly aggregate: string
  readonly input?: readonly VectorRecord[]
  readonly records: readonly VectorRecord[]
}

interface VectorRecord {
  readonly partitionKey: string
  readonly explicitHashKey: string | null
  readonly data: string
}

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/aggregation-vectors.json'), 'utf8'),
) as readonly Vector[]

describe('aggregated records of AWS', () => {
  it.each(vectors)('$name is taken apart as its own library does', ({ aggregate, records }) => {
    const users = deaggregate(Buffer.from(aggregate, 'base64'))
    expect(users?.map(plain)).toEqual(records)
    expect(users?.map(({ subSequence }) => subSequence)).toEqual(records.map((_, i) => i))
  })

  it.each(vectors.filter(({ input }) => input !== undefined))(
    '$name is built byte for byte',
    ({ aggregate, input }) => {
      expect(build(input!.map(inputOf)).equals(Buffer.from(aggregate, 'base64'))).toBe(true)
    },
  )
})

describe('deaggregate', () => {
  const inputs: AggregatedInput[] = ['a', 'b', 'a', 'c'].map((partitionKey, i) => ({
    partitionKey,
    data: Buffer.from(`value ${i}`),
  }))
  const good = build(inputs)

  it('leaves a plain record alone', () => {
    expect(deaggregate(Buffer.from('a plain record'))).toBeUndefined()
    expect(deaggregate(Buffer.alloc(0))).toBeUndefined()
    expect(deaggregate(good.subarray(0, 20))).toBeUndefined()
  })

  it('takes a record with a wrong checksum for a plain one', () => {
    for (const at of [5, good.length - 1]) {
      const bad = Buffer.from(good)
      bad[at]! ^= 1
      expect(deaggregate(bad)).toBeUndefined()
    }
  })

  it.each([
    ['cut short', (message: Buffer) => message.subarray(0, -1)],
    ['of nonsense', () => Buffer.from('ffffffffffff', 'hex')],
    ['whose record lacks its data', () => Buffer.from([0x0a, 1, 0x61, 0x1a, 2, 0x08, 0])],
    ['whose record lacks its key', () => Buffer.from([0x0a, 1, 0x61, 0x1a, 3, 0x1a, 1, 0x61])],
    ['whose record names a key that is not there', () => Buffer.from([0x0a, 1, 0x61, 0x1a, 5, 0x08, 1, 0x1a, 1, 0x61])],
    ['whose record is longer than itself', () => Buffer.from([0x0a, 1, 0x61, 0x1a, 9, 0x08, 0, 0x1a, 1, 0x61])],
    ['whose field is longer than its record', () => Buffer.from([0x1a, 4, 0x08, 0, 0x1a, 3, 0x0a, 1, 0x61])],
  ])('takes a message %s for a plain record, though its checksum is right', (_, spoil) => {
    expect(deaggregate(sealed(spoil(good.subarray(4, -16))))).toBeUndefined()
  })

  it('reads records that come before the keys, and skips fields it does not know', () => {
    const writer = protobuf.Writer.create()
    writer.uint32(99 << 3).uint32(7)
    writer.uint32((3 << 3) | 2).fork()
    writer.uint32(1 << 3).uint32(0)
    writer.uint32((3 << 3) | 2).bytes(Buffer.from('late'))
    writer.uint32((4 << 3) | 2).bytes(Buffer.from('0a016b', 'hex'))
    writer.uint32(98 << 3).uint32(1)
    writer.ldelim()
    writer.uint32((1 << 3) | 2).string('key')
    const users = deaggregate(sealed(Buffer.from(writer.finish())))
    expect(users?.map(plain)).toEqual([
      { partitionKey: 'key', explicitHashKey: null, data: Buffer.from('late').toString('base64') },
    ])
  })

  it('reads a record whose explicit hash key is not in the table, by its partition key', () => {
    const message = Buffer.from([0x0a, 1, 0x61, 0x1a, 7, 0x08, 0, 0x10, 4, 0x1a, 1, 0x62])
    const key = hashKeyOf('a')
    expect(deaggregate(sealed(message), { start: key, end: key })).toHaveLength(1)
    expect(deaggregate(sealed(message), { start: key + 1n, end: key + 1n })).toHaveLength(0)
  })

  it('drops user records that hash outside the shard, and keeps the places of the others', () => {
    const only = { start: hashKeyOf('a'), end: hashKeyOf('a') }
    expect(deaggregate(good, only)?.map(({ partitionKey, subSequence }) => [partitionKey, subSequence])).toEqual([
      ['a', 0],
      ['a', 2],
    ])
  })

  it('goes by the explicit hash key where there is one, both ends of the range included', () => {
    const aggregate = build(
      ['99', '100', '200', '201'].map((explicitHashKey) => ({
        partitionKey: 'same',
        explicitHashKey,
        data: Buffer.from(explicitHashKey),
      })),
    )
    const kept = deaggregate(aggregate, { start: 100n, end: 200n })
    expect(kept?.map(({ explicitHashKey, subSequence }) => [explicitHashKey, subSequence])).toEqual([
      ['100', 1],
      ['200', 2],
    ])
  })

  it('takes bytes that lie inside others', () => {
    const padded = Buffer.concat([Buffer.from('before'), good, Buffer.from('after')])
    const inside = new Uint8Array(padded.buffer, padded.byteOffset + 6, good.length)
    expect(deaggregate(inside)?.map(({ data }) => Buffer.from(data).toString())).toEqual(
      inputs.map((_, i) => `value ${i}`),
    )
  })
})

describe('AggregateBuilder', () => {
  it('writes what is read back, and knows its size before it writes', () => {
    const input = fc.record(
      {
        data: fc.uint8Array({ maxLength: 300 }),
        partitionKey: fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }),
        explicitHashKey: fc.bigInt(0n, (1n << 128n) - 1n).map(String),
      },
      { requiredKeys: ['data', 'partitionKey'] },
    )
    fc.assert(
      fc.property(fc.array(input, { minLength: 1, maxLength: 200 }), (inputs) => {
        const builder = new AggregateBuilder()
        for (const one of inputs) {
          const foreseen = builder.bytesWith(one)
          builder.add(one)
          expect(builder.bytes).toBe(foreseen)
        }
        const bytes = builder.build()
        expect(bytes.length).toBe(builder.bytes)
        expect(deaggregate(bytes)?.map(plain)).toEqual(inputs.map(plain))
      }),
      { numRuns: 50 },
    )
  })

  it('counts the bytes of tags', () => {
    const builder = new AggregateBuilder()
    builder.add({ data: Buffer.from('x'), partitionKey: 'k', tags: [{ key: 'ä', value: '1' }, { key: 'only' }] })
    expect(builder.build().length).toBe(builder.bytes)
    expect(deaggregate(builder.build())).toHaveLength(1)
  })
})

describe('hash keys', () => {
  it('are the MD5 of the partition key in UTF-8, big-endian', () => {
    expect(hashKeyOf('a')).toBe(BigInt('0x0cc175b9c0f1b6a831c399e269772661'))
    expect(hashKeyOf('ü')).toBe(BigInt(`0x${createHash('md5').update('ü', 'utf8').digest('hex')}`))
  })

  it.each(['', '-1', '01', '1e3', 'x', String(1n << 128n)])('%j is no explicit hash key', (text) => {
    expect(parseHashKey(text)).toBeUndefined()
  })

  it('are below 2^128', () => {
    expect(parseHashKey('0')).toBe(0n)
    expect(parseHashKey(String((1n << 128n) - 1n))).toBe((1n << 128n) - 1n)
  })
})

function build(inputs: readonly AggregatedInput[]): Buffer {
  const builder = new AggregateBuilder()
  for (const input of inputs) builder.add(input)
  return Buffer.from(builder.build())
}

function sealed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.from('f3899ac2', 'hex'), message, createHash('md5').update(message).digest()])
}

function inputOf({ partitionKey, explicitHashKey, data }: VectorRecord): AggregatedInput {
  const key = explicitHashKey === null ? {} : { explicitHashKey }
  return { partitionKey, data: Buffer.from(data, 'base64'), ...key }
}

function plain(record: { data: Uint8Array; partitionKey: string; explicitHashKey?: string }): VectorRecord {
  const { data, partitionKey, explicitHashKey = null } = record
  return { partitionKey, explicitHashKey, data: Buffer.from(data).toString('base64') }
}
