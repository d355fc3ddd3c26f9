import { marshall } from '@aws-sdk/util-dynamodb'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { attributeReader } from '../../../operators/connectors/dynamodb/attribute-reader.js'
import { dynamoDbChanges, type DynamoDbChange, type NumberForm } from '../../../operators/connectors/dynamodb/index.js'

const TIME = 1_705_298_396_914

function decode(change: unknown, numbers?: NumberForm): DynamoDbChange | string {
  const text = typeof change === 'string' ? change : JSON.stringify(change)
  const found: (DynamoDbChange | string)[] = []
  const raw = { bytes: Buffer.from(text), text: () => text, position: () => 'shard:1' }
  const decoder = dynamoDbChanges(numbers === undefined ? {} : { numbers })
  decoder.decode(raw, { emit: (value) => found.push(value), invalid: (reason) => found.push(reason) })
  expect(found).toHaveLength(1)
  return found[0]!
}

function change(dynamodb: object = {}, others: object = {}): object {
  return {
    awsRegion: 'eu-west-1',
    eventID: '1a2b',
    eventName: 'MODIFY',
    userIdentity: null,
    recordFormat: 'application/json',
    tableName: 'turbines',
    dynamodb: {
      ApproximateCreationDateTime: TIME,
      Keys: { id: { S: 't-1' } },
      NewImage: { id: { S: 't-1' }, speed: { N: '61.5' } },
      OldImage: { id: { S: 't-1' }, speed: { N: '60' } },
      SizeBytes: 40,
      ...dynamodb,
    },
    eventSource: 'aws:dynamodb',
    ...others,
  }
}

describe('dynamoDbChanges', () => {
  it('gives a change as plain values', () => {
    expect(decode(change())).toEqual({
      eventName: 'MODIFY',
      eventId: '1a2b',
      tableName: 'turbines',
      keys: { id: 't-1' },
      newImage: { id: 't-1', speed: 61.5 },
      oldImage: { id: 't-1', speed: 60 },
      timeMs: TIME,
      timeMicros: TIME * 1_000,
      expired: false,
    })
  })

  it('reads every type: sets as arrays, binary values as bytes', () => {
    const NewImage = {
      s: { S: '' },
      n: { N: '-0.5' },
      b: { B: 'AAEC/w==' },
      yes: { BOOL: true },
      no: { NULL: true },
      ss: { SS: ['a', 'b'] },
      ns: { NS: ['1', '2'] },
      bs: { BS: ['AA=='] },
      l: { L: [{ S: 'x' }, { M: { y: { N: '1' } } }, { L: [] }] },
      m: { M: {} },
    }
    expect((decode(change({ NewImage })) as DynamoDbChange).newImage).toEqual({
      s: '',
      n: -0.5,
      b: Uint8Array.of(0, 1, 2, 255),
      yes: true,
      no: null,
      ss: ['a', 'b'],
      ns: [1, 2],
      bs: [Uint8Array.of(0)],
      l: ['x', { y: 1 }, []],
      m: {},
    })
  })

  it.each([
    ['1', 1, '1'],
    ['-12.50', -12.5, '-12.50'],
    ['0.1', 0.1, '0.1'],
    ['1E+21', 1e21, '1E+21'],
    ['9007199254740993', 9007199254740993n, '9007199254740993'],
    [
      '-12345678901234567890123456789012345678',
      -12345678901234567890123456789012345678n,
      '-12345678901234567890123456789012345678',
    ],
    ['1234567890123456789E3', 1234567890123456789000n, '1234567890123456789E3'],
    ['0.12345678901234567890', '0.12345678901234567890', '0.12345678901234567890'],
    ['1E-130', 1e-130, '1E-130'],
    ['0', 0, '0'],
  ])('loses no digit of %s', (N, exact, text) => {
    const imageOf = (numbers?: NumberForm): unknown =>
      (decode(change({ NewImage: { n: { N } } }), numbers) as DynamoDbChange).newImage!['n']
    expect(imageOf()).toBe(exact)
    expect(imageOf('string')).toBe(text)
    expect(imageOf('number')).toBe(Number(N))
  })

  it('reads every double as it was', () => {
    const { item } = attributeReader('exact')
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e100, max: 1e100 }), (double) => {
        expect(item({ n: { N: String(double) } })['n']).toBe(double + 0)
      }),
    )
  })

  it('reads what the SDK writes', () => {
    const values = { a: [1, 'x', { b: null }], c: true, d: new Uint8Array([1, 2]), e: 2n ** 70n }
    expect(attributeReader('exact').item(marshall(values))).toEqual(values)
  })

  it.each([
    [TIME, undefined, TIME, TIME * 1_000],
    [TIME, 'MILLISECOND', TIME, TIME * 1_000],
    [TIME * 1_000 + 999, 'MICROSECOND', TIME, TIME * 1_000 + 999],
  ])('the time %d in %s is %d ms, %d us', (time, precision, timeMs, timeMicros) => {
    const given = { ApproximateCreationDateTime: time, ApproximateCreationDateTimePrecision: precision }
    expect(decode(change(given))).toMatchObject({ timeMs, timeMicros })
  })

  it('of a removed item has no new image, and says whether the table let it expire', () => {
    const removed = decode(change({ NewImage: undefined }, { eventName: 'REMOVE' })) as DynamoDbChange
    expect(removed).toMatchObject({ eventName: 'REMOVE', expired: false })
    expect('newImage' in removed).toBe(false)
    const userIdentity = { type: 'Service', principalId: 'dynamodb.amazonaws.com' }
    expect(decode(change({}, { userIdentity }))).toMatchObject({ expired: true })
  })

  it.each([
    ['{', 'not JSON'],
    ['null', 'eventName is not INSERT, MODIFY or REMOVE'],
    [change({}, { eventName: 'insert' }), 'eventName is not INSERT, MODIFY or REMOVE'],
    [change({ Keys: undefined }), 'dynamodb.Keys is missing'],
    [change({ Keys: 'id' }), 'dynamodb.Keys is no map'],
    [change({ NewImage: { a: { N: 'fast' } } }), 'dynamodb.NewImage.a.N is no number'],
    [change({ NewImage: { a: { S: 5 } } }), 'dynamodb.NewImage.a.S is no string'],
    [change({ NewImage: { a: { L: [{ X: 1 }] } } }), 'dynamodb.NewImage.a.L[0] is no attribute value'],
    [change({ NewImage: { a: {} } }), 'dynamodb.NewImage.a is no attribute value'],
    [change({ NewImage: { a: { S: 'x', N: '1' } } }), 'dynamodb.NewImage.a is no attribute value'],
    [change({ OldImage: { a: null } }), 'dynamodb.OldImage.a is no attribute value'],
    [change({ ApproximateCreationDateTime: 1.5 }), /ApproximateCreationDateTime is not a whole number of milliseconds/],
    [change({ ApproximateCreationDateTimePrecision: 'SECOND' }), /Precision is not/],
  ])('%j is invalid', (given, reason) => {
    const found = decode(given)
    if (typeof reason === 'string') expect(found).toBe(reason)
    else expect(found).toMatch(reason)
  })

  it('refuses any other JSON with a reason, never with an error', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(typeof decode(text)).toBe('string')
      }),
    )
  })

  it('keeps a field called __proto__ a field', () => {
    const text = JSON.stringify(change()).replace('"NewImage":{', '"NewImage":{"__proto__":{"S":"x"},')
    const { newImage } = decode(text) as DynamoDbChange
    expect(Object.keys(newImage!)).toContain('__proto__')
    expect(newImage!['polluted']).toBeUndefined()
  })
})
