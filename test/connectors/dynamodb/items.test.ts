import { marshall } from '@aws-sdk/util-dynamodb'
import { describe, expect, it } from 'vitest'
import { parseLocator } from '../../../operators/api/locator.js'
import { Refusal } from '../../../operators/connectors/batching/batching-options.js'
import { dynamoDbSinkFor, dynamoDbUpsertSink, dynamoDbBatchSink } from '../../../operators/connectors/dynamodb/index.js'
import { itemEncoder } from '../../../operators/connectors/dynamodb/item-encoder.js'
import { itemBytes } from '../../../operators/connectors/dynamodb/item-size.js'
import type { TableKey } from '../../../operators/connectors/dynamodb/table-keys.js'

const KEYS: readonly TableKey[] = [
  { name: 'id', kind: 'HASH', type: 'S' },
  { name: 'time', kind: 'RANGE', type: 'N' },
]
const encode = itemEncoder<unknown>({}, KEYS, { marshall })

describe('the item of a record', () => {
  it('has the key of its table', () => {
    expect(encode({ id: 'a', time: 1, speed: 2.5 }, 0)).toMatchObject({
      item: { id: { S: 'a' }, time: { N: '1' }, speed: { N: '2.5' } },
      key: { id: { S: 'a' }, time: { N: '1' } },
      deletes: false,
    })
  })

  it('is that of an object or of its JSON text; fields that are undefined are left out', () => {
    expect(encode('{"id":"a","time":1}', 0)).toEqual(encode({ id: 'a', time: 1, gone: undefined }, 0))
  })

  it('has equal key texts for equal keys only', () => {
    const text = (value: unknown): string => (encode(value, 0) as { keyText: string }).keyText
    expect(text({ id: 'a', time: 1, speed: 3 })).toBe(text({ time: 1, id: 'a' }))
    expect(text({ id: 'a', time: 11 })).not.toBe(text({ id: 'a1', time: 1 }))
  })

  it.each([
    [{}, 'the partition key id is missing'],
    [{ time: 1, speed: 7 }, 'the partition key id is missing; it has time, speed'],
    [{ id: 'a' }, 'the sort key time is missing; it has id'],
    [{ id: 5, time: 1 }, 'the partition key id is not of type S'],
    [{ id: '', time: 1 }, 'the partition key id is empty'],
    [{ id: 'x'.repeat(2_049), time: 1 }, 'the partition key id has 2049 bytes, over the limit of 2048'],
    ['not JSON', 'is no object'],
    ['[]', 'is no object'],
    [7, 'is no object'],
    [null, 'is no object'],
  ])('is refused where %j has no such key', (value, reason) => {
    expect(encode(value, 0)).toEqual(new Refusal(reason))
  })

  it('is refused where a value would be altered', () => {
    expect(encode({ id: 'a', time: 1, count: 2 ** 53 }, 0)).toBeInstanceOf(Refusal)
    expect(encode({ id: 'a', time: 1, when: new Date(0) }, 0)).toBeInstanceOf(Refusal)
    expect(encode({ id: 'a', time: 1, count: 2n ** 64n }, 0)).not.toBeInstanceOf(Refusal)
  })

  it.each([
    [{}, 0],
    [{ a: { S: 'é' } }, 3],
    [{ ab: { BOOL: true } }, 3],
    [{ a: { NULL: true } }, 2],
    [{ a: { B: new Uint8Array(10) } }, 11],
    [{ a: { N: '12345' } }, 5],
    [{ a: { L: [{ S: 'x' }, { S: 'yz' }] } }, 9],
    [{ a: { M: { b: { S: 'x' } } } }, 7],
    [{ a: { SS: ['x', 'yz'] } }, 4],
  ])('has by the rules of the service: %j -> %i bytes', (item, bytes) => {
    expect(itemBytes(item as Parameters<typeof itemBytes>[0])).toBe(bytes)
  })
})

describe('a DynamoDB locator', () => {
  const sinkOf = (text: string): ReturnType<typeof dynamoDbSinkFor> => dynamoDbSinkFor(parseLocator(text)!)

  it.each(['dynamodb://turbines', 'dynamodb://turbines?mode=replace&version=time', 'dynamodb://turbines?mode=merge'])(
    'names a sink that is exactly-once by key: %s',
    (text) => {
      expect(sinkOf(text)).toMatchObject({
        name: 'dynamodb',
        guarantee: 'exactly-once',
        describe: 'dynamodb://turbines',
      })
    },
  )

  it('takes an ARN', () => {
    const arn = 'arn:aws:dynamodb:eu-west-1:123456789012:table/turbines'
    expect(sinkOf(`dynamodb://${arn}`).describe).toBe(`dynamodb://${arn}`)
  })

  it.each([
    ['dynamodb://', /names no table/],
    ['dynamodb://t?mode=insert', /mode=insert is not known/],
    ['dynamodb://t?ttl=5', /unknown option "ttl"/],
    ['dynamodb://t?version=time', /has a version/],
  ])('%s is refused', (text, message) => {
    expect(() => sinkOf(text)).toThrow(message)
  })

  it('and its options must make sense', () => {
    expect(() => dynamoDbBatchSink({ table: '' })).toThrow(/names no table/)
    expect(() => dynamoDbUpsertSink({ table: 't', mode: 'insert' as 'merge' })).toThrow(/has mode "insert"/)
    expect(() => dynamoDbUpsertSink({ table: 't', giveUpMs: 0 })).toThrow(/giveUpMs/)
  })
})
