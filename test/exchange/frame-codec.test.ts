import { inspect, isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ValueReader } from '../../runtime/codec/value-reader.js'
import { ValueWriter } from '../../runtime/codec/value-writer.js'
import { FrameDecoder, FrameEncoder } from '../../runtime/exchange/frame-codec.js'
import { FrameBytes } from '../../runtime/exchange/frame-bytes.js'
import { FrameSink } from '../../runtime/exchange/frame-sink.js'
import { RecordBatch } from '../../runtime/exchange/record-batch.js'

const encoder = new FrameEncoder()
const decoder = new FrameDecoder()
const sink = new FrameSink(8)

function batchOf(values: readonly unknown[], timestamps?: readonly number[], keyed = false): RecordBatch {
  const batch = new RecordBatch(4096, keyed)
  values.forEach((value, i) => batch.append(value, timestamps?.[i] ?? i, (i * 7) & 0xffff))
  return batch
}

/** Through shared memory, as a ring does it, which is overwritten before the result is looked at. */
function roundTrip(batch: RecordBatch, from: FrameEncoder = encoder, to: FrameDecoder = decoder): RecordBatch {
  from.encode(batch, sink)
  const shared = new FrameBytes(new SharedArrayBuffer(sink.length + 16), 16, sink.length)
  shared.bytes.set(sink.data.bytes.subarray(0, sink.length))
  const out = new RecordBatch(4096, false)
  to.decode(shared, 0, out)
  shared.bytes.fill(0xee)
  return out
}

function byValueCodec(value: unknown): unknown {
  const writer = new ValueWriter()
  writer.writeValue(value)
  const reader = new ValueReader()
  reader.setSource(writer.bytes())
  return reader.readValue()
}

/** Whether leaves are Object.is equal, keys and their order the same, prototypes the same. */
function isSame(actual: unknown, expected: unknown): boolean {
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) {
    return Object.is(actual, expected)
  }
  const prototype: unknown = Object.getPrototypeOf(expected)
  if (Object.getPrototypeOf(actual) !== prototype) return false
  if (expected instanceof Date) return Object.is((actual as Date).getTime(), expected.getTime())
  if (prototype !== Array.prototype && prototype !== Object.prototype && prototype !== null) {
    return isDeepStrictEqual(actual, expected)
  }
  const keys = Object.keys(expected)
  if (!isDeepStrictEqual(Object.keys(actual), keys)) return false
  return keys.every((key) =>
    isSame((actual as Record<string, unknown>)[key], (expected as Record<string, unknown>)[key]),
  )
}

function expectValues(values: readonly unknown[], from?: FrameEncoder, to?: FrameDecoder): void {
  const out = roundTrip(batchOf(values), from, to)
  expect(out.length).toBe(values.length)
  values.forEach((value, i) => {
    const expected = byValueCodec(value)
    if (!isSame(out.values[i], expected)) expect.fail(`${inspect(out.values[i])} is not ${inspect(expected)}`)
  })
}

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '',
    'a',
    '\ud800',
    'x\udc00y',
    '\ufffd',
    'é',
    'ÿ',
    'Ā',
    '__proto__',
    'a text longer than thirteen characters',
  ),
  fc.string({ minLength: 60, maxLength: 200 }),
)
const number = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(-0, 0, NaN, Infinity, -Infinity, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53, 1.7e12, 1.7e12 + 1, 5e-324),
  fc.integer({ min: 1_600_000_000_000, max: 1_700_000_000_000 }),
)
const leaf = fc.oneof(
  number,
  text,
  fc.boolean(),
  fc.constantFrom(undefined, null),
  fc.bigInt(),
  fc.date({ noInvalidDate: false }),
)
const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof({ weight: 4, arbitrary: leaf }, fc.array(tie('value'), { maxLength: 3 }), object(tie('value'))),
})).value

function object(field: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const key = fc.oneof(fc.constantFrom('__proto__', 'a', 'constructor', '0', 'toString', '\ud800', 'q"\n\u2028'), text)
  return fc.array(fc.tuple(key, field), { maxLength: 5 }).map((entries) => {
    const made = {}
    for (const [name, content] of entries) {
      Object.defineProperty(made, name, { value: content, enumerable: true, configurable: true, writable: true })
    }
    return made
  })
}

/** Values of one kind, or of a shape whose columns are of one kind each. */
const kinds = [number, text, fc.boolean(), fc.integer(), fc.date(), leaf, value]
const kind = fc.integer({ min: 0, max: kinds.length - 1 })
const sameKind = kind.chain((index) => fc.array(kinds[index]!, { minLength: 1, maxLength: 40 }))
const sameShape = fc
  .dictionary(fc.oneof(fc.constantFrom('__proto__', 'id', '7', 'q"'), text), kind, { minKeys: 1, maxKeys: 5 })
  .chain((shape) => {
    const keys = Object.keys(shape)
    const row = fc.tuple(...keys.map((key) => kinds[shape[key]!]!))
    return fc.array(row, { minLength: 1, maxLength: 40 }).map((rows) =>
      rows.map((row) => {
        const made = {}
        keys.forEach((key, i) =>
          Object.defineProperty(made, key, { value: row[i], enumerable: true, configurable: true, writable: true }),
        )
        return made
      }),
    )
  })

describe('a batch keeps its values exactly as the value codec does', () => {
  it.each([
    ['anything', fc.array(value, { maxLength: 20 })],
    ['values of one kind', sameKind],
    ['objects of one shape', sameShape],
  ])('%s', (_name, values) => {
    fc.assert(
      fc.property(values, (list) => expectValues(list)),
      { numRuns: 150 },
    )
  })

  it('objects of a shape common enough for generated code, `__proto__` among its keys', () => {
    const [from, to] = [new FrameEncoder(), new FrameDecoder()]
    const make = (i: number): unknown =>
      JSON.parse(`{"a":${i},"__proto__":${i * 0.5},"q\\"":"k${i % 9}","7":${i % 2 === 0}}`)
    for (let round = 0; round < 6; round++) {
      expectValues(
        Array.from({ length: 500 }, (_, i) => make(i + round)),
        from,
        to,
      )
    }
  })

  it('texts that repeat, that do not, and that change between the two', () => {
    const [from, to] = [new FrameEncoder(), new FrameDecoder()]
    for (let round = 0; round < 80; round++) {
      const distinct = [3, 63, 64, 400, 5000][round % 5]!
      expectValues(
        Array.from({ length: 300 }, (_, i) => `${round % 3 === 0 ? 'Ω' : 'key'}-${(i * 7 + round) % distinct}`),
        from,
        to,
      )
    }
  })

  it.each([
    ['a missing key', [{ a: 1, b: 2 }, { a: 1 }, { a: 3, b: 4 }, { a: 5, b: 6 }]],
    [
      'another order of keys',
      [
        { a: 1, b: 2 },
        { b: 1, a: 2 },
        { a: 3, b: 4 },
        { a: 5, b: 6 },
      ],
    ],
    ['no prototype', [{ a: 1 }, Object.assign(Object.create(null) as object, { a: 2 }), { a: 3 }, { a: 4 }]],
    ['an array among objects', [{ 0: 1 }, [2], { 0: 3 }, { 0: 4 }]],
    [
      'a Map, a Set and bytes',
      [{ a: new Map([[1, 2]]) }, { a: new Set([1]) }, { a: new Uint8Array([1, 2]) }, { a: 1 }],
    ],
    ['undefined, null and no value', [{ a: undefined }, { a: null }, {}, { a: 0 }]],
    ['empty objects', [{}, {}, {}, {}, {}]],
    ['-0 among integers', [{ a: 0 }, { a: -0 }, { a: 1 }, { a: -0 }]],
    ['more keys than columns are made for', Array.from({ length: 5 }, () => manyKeys(100))],
  ])('%s', (_name, values) => {
    expectValues(values)
  })

  it('a text of many megabytes', () => {
    expectValues(['a'.repeat(17_000_000), 'b', 'c', 'd'])
  })
})

function manyKeys(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]))
}

describe('timestamps and key groups', () => {
  it('survive exactly, -Infinity included', () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 50 }), (timestamps) => {
        const out = roundTrip(batchOf(timestamps, timestamps))
        expect([...out.timestamps.subarray(0, out.length)]).toStrictEqual(timestamps)
      }),
    )
    const none = roundTrip(batchOf([1, 2, 3], [-Infinity, -Infinity, 5]))
    expect([...none.timestamps.subarray(0, 3)]).toEqual([-Infinity, -Infinity, 5])
  })

  it('key groups come with keyed batches only, into a batch that was not', () => {
    const values = Array.from({ length: 1000 }, (_, i) => i)
    const keyed = roundTrip(batchOf(values, values, true))
    expect([...keyed.keyGroups!.subarray(0, 1000)]).toEqual(values.map((i) => i * 7))
    expect(roundTrip(batchOf(values)).keyGroups).toBeUndefined()
  })
})

describe('what the value codec refuses', () => {
  it.each<[string, () => unknown, string]>([
    ['a function in a field', () => ({ a: { f: () => 1 } }), '$.a.f'],
    ['a class', () => ({ a: new (class Reading {})() }), '$.a'],
    ['a symbol', () => Symbol('s'), '$'],
    ['a hole', () => [1, , 2], '$[1]'],
  ])('is refused, with the path: %s', (_name, make, path) => {
    for (const count of [1, 10]) {
      expect(() => encoder.encode(batchOf(Array.from({ length: count }, make)), new FrameSink())).toThrow(
        expect.objectContaining({ code: 'MILLRACE_VALUE', message: expect.stringContaining(path) as string }),
      )
    }
    expectValues([{ a: 1 }, { a: 2 }, { a: 3 }, { a: 4 }])
  })

  it('an object of a class is not taken for a plain one with the same keys', () => {
    class Reading {
      a = 1
    }
    const batch = batchOf([{ a: 1 }, { a: 2 }, { a: 3 }, new Reading()])
    expect(() => encoder.encode(batch, sink)).toThrow(expect.objectContaining({ code: 'MILLRACE_VALUE' }))
  })
})

describe('size', () => {
  it('a batch of readings takes less than 20 bytes a record', () => {
    const start = 1_600_000_000_000
    const values = Array.from({ length: 1000 }, (_, i) => ({
      turbineId: `turbine-${i % 40}`,
      speed: i % 50,
      ts: start + i,
    }))
    const batch = batchOf(
      values,
      values.map((reading) => reading.ts),
      true,
    )
    const fresh = new FrameEncoder()
    for (let i = 0; i < 2; i++) fresh.encode(batch, sink)
    expect(sink.length / 1000).toBeLessThan(20)
  })
})
