import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_VALUE_DEPTH, VALUE_CODEC } from '../../runtime/codec/value-codec.js'
import { ValueReader } from '../../runtime/codec/value-reader.js'
import { ValueWriter } from '../../runtime/codec/value-writer.js'
import { readJson } from './read-json.js'
import { valueSamples } from './value-samples.js'
import { anyValue, sameValue } from './values.js'

const vectors = readJson<{ id: string; version: number; values: Record<string, string> }>('value-vectors.json')

function written(value: unknown): Buffer {
  const writer = new ValueWriter(16)
  writer.writeValue(value)
  return Buffer.from(writer.take())
}

function read(bytes: Uint8Array): unknown {
  const reader = new ValueReader()
  reader.setSource(bytes)
  const value = reader.readValue()
  expect(reader.remaining).toBe(0)
  return value
}

describe('the pinned value vectors', () => {
  it('are of this codec and version, and all have a sample', () => {
    expect(VALUE_CODEC).toEqual({ id: vectors.id, version: vectors.version })
    expect([...valueSamples.keys()].sort()).toEqual(Object.keys(vectors.values).sort())
  })

  it.each([...valueSamples])('%s is written as its bytes and read back', (name, value) => {
    const hex = vectors.values[name]!
    expect(written(value).toString('hex')).toBe(hex)
    expect(sameValue(read(Buffer.from(hex, 'hex')), value)).toBe(true)
  })
})

describe('a round trip', () => {
  it('keeps values of every kind, alone and one after another', () => {
    const writer = new ValueWriter(16)
    const reader = new ValueReader()
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 4 }), (values) => {
        writer.reset()
        for (const value of values) writer.writeValue(value)
        reader.setSource(writer.bytes())
        for (const value of values) expect(sameValue(reader.readValue(), value)).toBe(true)
        expect(reader.remaining).toBe(0)
      }),
      { numRuns: 1500 },
    )
  })

  it('keeps the order of keys, and __proto__ as an own property', () => {
    const value = JSON.parse('{"b": 1, "a": 2, "__proto__": {"polluted": true}, "7": 3}') as Record<string, unknown>
    const copy = read(written(value)) as Record<string, unknown>
    expect(Object.keys(copy)).toEqual(['7', 'b', 'a', '__proto__'])
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype)
    expect(Object.getOwnPropertyDescriptor(copy, '__proto__')).toEqual({
      value: { polluted: true },
      configurable: true,
      enumerable: true,
      writable: true,
    })
  })

  it('gives the same bytes and values before and after code is generated for a shape', () => {
    const writer = new ValueWriter()
    const reader = new ValueReader()
    const make = (i: number): unknown[] => [
      { turbineId: `turbine-${i}`, speed: -i, ts: 1700000040000 + i },
      JSON.parse(`{"__proto__": ${i}, "a'\\"b\\n\\u2028": null, "": {"x": ${i}}, "\\ud800": 1}`),
      Object.assign(Object.create(null) as object, { speed: i }),
    ]
    for (let i = 0; i < 300; i++) {
      for (const value of make(i)) {
        writer.reset()
        writer.writeValue(value)
        expect(Buffer.compare(writer.bytes(), written(value))).toBe(0)
        reader.setSource(writer.bytes())
        expect(reader.readValue()).toStrictEqual(value)
      }
    }
  })

  it('keeps thousands of shapes apart, common ones among them', () => {
    const writer = new ValueWriter()
    const reader = new ValueReader()
    for (let i = 0; i < 5000; i++) {
      const value = { [`k${i % 4000}`]: i, common: { sum: i, count: 1 }, [`x${i % 9}`]: { [`k${i}`]: [] } }
      writer.reset()
      writer.writeValue(value)
      reader.setSource(writer.bytes())
      expect(reader.readValue()).toStrictEqual(value)
    }
  })

  it('does not mix up one object and its beginning', () => {
    const writer = new ValueWriter()
    const values = [{ a: 1 }, { a: 1, b: 2 }, {}, { '': 1 }, { ab: 1 }, { b: 1 }, { b: 2, a: 1 }]
    for (let round = 0; round < 150; round++) for (const value of values) writer.writeValue(value)
    const reader = new ValueReader()
    reader.setSource(writer.bytes())
    for (let round = 0; round < 150; round++)
      for (const value of values) expect(reader.readValue()).toStrictEqual(value)
  })

  it('turns a Buffer into a Uint8Array of its own', () => {
    const bytes = written(Buffer.from([1, 2, 3]))
    const copy = read(bytes) as Uint8Array
    bytes.fill(0)
    expect(Object.getPrototypeOf(copy)).toBe(Uint8Array.prototype)
    expect([...copy]).toEqual([1, 2, 3])
    expect(copy.buffer.byteLength).toBe(3)
  })

  it('reads from a part of a larger source, shared memory too', () => {
    const bytes = written({ text: 'x'.repeat(100), n: 0.1 })
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 10)).fill(0xff)
    shared.set(bytes, 5)
    const reader = new ValueReader()
    reader.setSource(shared, 5, 5 + bytes.length)
    expect(reader.readValue()).toEqual({ text: 'x'.repeat(100), n: 0.1 })
    expect(reader.position).toBe(5 + bytes.length)
    expect(() => reader.setSource(shared, 5, shared.length + 1)).toThrow(/no range/)
  })

  it('goes as deep as the limit says, in both directions', () => {
    let value: unknown = 1
    for (let i = 0; i < MAX_VALUE_DEPTH; i++) value = i % 2 === 0 ? [value] : { v: value }
    expect(read(written(value))).toStrictEqual(value)
    expect(() => written([value])).toThrow(/nested deeper than 500 levels/)
  })
})

describe('primitives', () => {
  it('come back in the order they were written, values between them', () => {
    const writer = new ValueWriter(16)
    const varints = [0, 1, 127, 128, 16383, 16384, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER]
    for (const varint of varints) writer.writeVarint(varint)
    writer.writeF64(-0)
    writer.writeString('\ud800é')
    writer.writeBytes(new Uint8Array([9, 8]))
    writer.writeValue([1])
    const reader = new ValueReader()
    reader.setSource(writer.take())
    for (const varint of varints) expect(reader.readVarint()).toBe(varint)
    expect(reader.readF64()).toBe(-0)
    expect(reader.readString()).toBe('\ud800é')
    expect(reader.readBytes()).toEqual(new Uint8Array([9, 8]))
    expect(reader.readValue()).toEqual([1])
  })

  it('refuse what is no varint', () => {
    for (const value of [-1, 0.5, NaN, 2 ** 53]) {
      expect(() => new ValueWriter().writeVarint(value)).toThrow(expect.objectContaining({ code: 'MILLRACE_INTERNAL' }))
    }
  })

  it('take() is a copy, bytes() a view, reset() starts again', () => {
    const writer = new ValueWriter()
    writer.writeValue(1)
    const copy = writer.take()
    writer.reset()
    writer.writeValue(2)
    expect([...copy]).toEqual([1])
    expect([...writer.bytes()]).toEqual([2])
    expect(writer.length).toBe(1)
  })
})
