import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseReading, SKIPPED } from '../../jobs/lib/change-record.js'

const TIME = 1_705_298_396_914

interface Parts {
  eventName?: unknown
  deviceID?: unknown
  value?: unknown
  time?: unknown
  precision?: unknown
}

function change(parts: Parts = {}): string {
  const { eventName = 'INSERT', deviceID = { S: 'turbine-1' }, value = { N: '61.5' }, time = TIME, precision } = parts
  return JSON.stringify({
    awsRegion: 'us-west-2',
    eventName,
    dynamodb: {
      ApproximateCreationDateTime: time,
      ...(precision === undefined ? {} : { ApproximateCreationDateTimePrecision: precision }),
      NewImage: { deviceID, value },
    },
  })
}

const reasonOf = (line: string): unknown => {
  const reading = parseReading(line)
  return typeof reading === 'object' && 'reason' in reading ? reading.reason : reading
}

describe('a change record', () => {
  it.each(['INSERT', 'MODIFY'])('of %s is a reading', (eventName) => {
    expect(parseReading(change({ eventName }))).toEqual({ turbineID: 'turbine-1', speed: '61.5', time: TIME })
  })

  it('of REMOVE is skipped, whatever else it has', () => {
    expect(parseReading('{"eventName":"REMOVE"}')).toBe(SKIPPED)
    expect(parseReading('{"eventName":"REMOVE","dynamodb":{"NewImage":5}}')).toBe(SKIPPED)
  })

  it.each(['', ' ', '\t \r'])('is not in the blank line %j', (line) => {
    expect(parseReading(line)).toBe(SKIPPED)
  })

  it.each(['{', 'x', '{"eventName":"INSERT"', "{'eventName':'INSERT'}", '\ufeff{}', `${change()},`, '[1,]', 'NaN'])(
    'is not in %j, which is not JSON',
    (line) => {
      expect(reasonOf(line)).toBe('not JSON')
    },
  )

  it.each([
    'null',
    '5',
    '"INSERT"',
    '[]',
    'true',
    '{}',
    '{"eventName":"insert"}',
    '{"eventName":["REMOVE"]}',
    '{"eventname":"INSERT"}',
  ])('has an event name: %s has not', (line) => {
    expect(reasonOf(line)).toBe('eventName is not INSERT, MODIFY or REMOVE')
  })

  it.each([{}, null, 'turbine-1', { N: '1' }, { S: 5 }, { S: null }, { s: 'a' }, ['a'], { S: ['a'] }])(
    'has a turbine id: %j is none',
    (deviceID) => {
      expect(reasonOf(change({ deviceID }))).toBe('dynamodb.NewImage.deviceID.S is not a string')
    },
  )

  it.each(['', ' ', '__proto__', 'toString', 'Größe 1', '風車', '🌬️', '\u2028', '\0', '"', '\\', '\ufffd'])(
    'may have the turbine id %j',
    (id) => {
      expect(parseReading(change({ deviceID: { S: id } }))).toMatchObject({ turbineID: id })
    },
  )

  it.each(['"\\ud800"', '"a\\uDC00"', '"\\udc00\\ud800"'])(
    'with half a surrogate pair, %s, is invalid: it could not be a key',
    (id) => {
      expect(reasonOf(change().replace('"turbine-1"', id))).toBe(
        'dynamodb.NewImage.deviceID.S has half of a surrogate pair',
      )
    },
  )

  it('with a whole surrogate pair, escaped, is a reading', () => {
    expect(parseReading(change().replace('"turbine-1"', '"\\ud83c\\udf2c"'))).toMatchObject({ turbineID: '🌬' })
  })

  it.each([
    {},
    null,
    '61',
    61,
    { N: 61 },
    { N: '' },
    { N: 'fast' },
    { N: ' 61' },
    { S: '61' },
    { N: '1E+126' },
    { N: ['61'] },
  ])('has a number: %j is none', (value) => {
    expect(reasonOf(change({ value }))).toBe('dynamodb.NewImage.value.N is not a number of DynamoDB')
  })

  it('keeps the number as it was written', () => {
    expect(parseReading(change({ value: { N: '60.99999999999999999999' } }))).toMatchObject({
      speed: '60.99999999999999999999',
    })
  })

  it.each([
    [TIME, undefined, TIME],
    [TIME, 'MILLISECOND', TIME],
    [TIME * 1000 + 999, 'MICROSECOND', TIME],
    [0, undefined, 0],
    [-1, undefined, -1],
    [-1, 'MICROSECOND', -1],
    [-1000, 'MICROSECOND', -1],
    [-1001, 'MICROSECOND', -2],
    [8.64e15, undefined, 8.64e15],
  ])('of %d %s was made at %d ms', (time, precision, timeMs) => {
    expect(parseReading(change({ time, precision }))).toMatchObject({ time: timeMs })
  })

  it.each([
    ['1705298396914', undefined],
    [1705298396.914, undefined],
    [1.5, 'MICROSECOND'],
    [null, undefined],
    [true, undefined],
    [8.64e15 + 1, undefined],
    [2 ** 53, 'MICROSECOND'],
    [1e300, undefined],
    [TIME, 'SECOND'],
    [TIME, 'microsecond'],
    [TIME, 6],
    [TIME, null],
  ])('of the time %j %j is invalid', (time, precision) => {
    expect(reasonOf(change({ time, precision }))).toMatch(/^dynamodb\.ApproximateCreationDateTime/)
  })

  it('without a time, an image or anything is invalid', () => {
    expect(reasonOf('{"eventName":"INSERT"}')).toMatch(/deviceID/)
    expect(reasonOf('{"eventName":"INSERT","dynamodb":{"NewImage":{"deviceID":{"S":"a"},"value":{"N":"1"}}}}')).toMatch(
      /Time/,
    )
    expect(reasonOf('{"eventName":"INSERT","dynamodb":"NewImage"}')).toMatch(/deviceID/)
  })

  it('has fields of its own: those of a __proto__ are not its', () => {
    const inner = change().slice(1, -1)
    expect(reasonOf(`{"__proto__":{${inner}}}`)).toMatch(/eventName/)
    expect(parseReading(`{"__proto__":{"eventName":"REMOVE"},${inner}}`)).toMatchObject({ turbineID: 'turbine-1' })
  })

  it('takes the last of a name that comes twice', () => {
    expect(parseReading(`{"eventName":"REMOVE",${change().slice(1)}`)).toMatchObject({ turbineID: 'turbine-1' })
    expect(parseReading(`${change().slice(0, -1)},"eventName":"REMOVE"}`)).toBe(SKIPPED)
  })

  it('may nest deeply', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    expect(reasonOf(deep)).toMatch(/eventName/)
    expect(parseReading(`{"deep":${deep},${change().slice(1)}`)).toMatchObject({ turbineID: 'turbine-1' })
  })

  it('of any other JSON is refused with a reason, never with an error', () => {
    fc.assert(
      fc.property(fc.json(), (line) => {
        expect(reasonOf(line)).toEqual(expect.any(String))
      }),
    )
  })

  it('of any id, number and time is a reading', () => {
    const parts = fc.record({
      id: fc.string({ unit: 'grapheme' }),
      number: fc.integer(),
      time: fc.integer({ min: -8.64e15, max: 8.64e15 }),
    })
    fc.assert(
      fc.property(parts, ({ id, number, time }) => {
        expect(parseReading(change({ deviceID: { S: id }, value: { N: String(number) }, time }))).toEqual({
          turbineID: id,
          speed: String(number),
          time,
        })
      }),
    )
  })
})
