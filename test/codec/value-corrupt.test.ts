import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_VALUE_DEPTH } from '../../runtime/codec/value-codec.js'
import { ValueReader } from '../../runtime/codec/value-reader.js'
import { ValueWriter } from '../../runtime/codec/value-writer.js'
import { valueSamples } from './value-samples.js'
import { anyValue } from './values.js'

const corrupt = expect.objectContaining({ code: 'MILLRACE_CORRUPT' })

/** Reads a value from bytes that are followed by others; whatever happens, it may not go on into those. */
function readWithin(bytes: Uint8Array): void {
  const source = Buffer.concat([bytes, Buffer.alloc(64, 0x01)])
  const reader = new ValueReader()
  reader.setSource(source, 0, bytes.length)
  try {
    reader.readValue()
  } catch (error) {
    expect(error).toMatchObject({ code: 'MILLRACE_CORRUPT' })
  }
  expect(reader.position).toBeLessThanOrEqual(bytes.length)
}

describe('corrupt bytes', () => {
  it('are refused at every truncation of every sample', () => {
    const writer = new ValueWriter()
    const reader = new ValueReader()
    for (const value of valueSamples.values()) {
      writer.reset()
      writer.writeValue(value)
      for (let to = 0; to < writer.length; to++) {
        reader.setSource(writer.bytes(), 0, to)
        expect(() => reader.readValue()).toThrow(corrupt)
      }
    }
  })

  it('are refused at a truncation of a shape that code was generated for', () => {
    const writer = new ValueWriter()
    const value = { turbineId: 'turbine-12', speed: 42, ts: 1700000040000 }
    for (let i = 0; i < 200; i++) writer.writeValue(value)
    const reader = new ValueReader()
    reader.setSource(writer.bytes())
    while (reader.remaining > 0) reader.readValue()
    for (let to = 0; to < writer.length / 200; to++) {
      reader.setSource(writer.bytes(), 0, to)
      expect(() => reader.readValue()).toThrow(corrupt)
      expect(reader.position).toBeLessThanOrEqual(to)
    }
    reader.setSource(writer.bytes())
    expect(reader.readValue()).toEqual(value)
  })

  it('with a flipped byte are refused or read as some other value, never read past their end', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
        const writer = new ValueWriter()
        writer.writeValue(value)
        const bytes = writer.take()
        bytes[at % bytes.length]! ^= flip
        readWithin(bytes)
      }),
      { numRuns: 2000 },
    )
  })

  it('at random are refused or read, never read past their end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0x80, max: 0xdf }), fc.uint8Array({ maxLength: 40 }), (tag, rest) => {
        readWithin(new Uint8Array([tag, ...rest]))
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['a length of nine bytes', 'ceffffffffffffffffff01'],
    ['a length above the safe integers', 'ceffffffffffffff7f'],
    ['a length with a needless byte', 'ce8100'],
    ['an unknown tag', 'd5'],
    ['a key that is no text', 'b10101'],
    ['text that is not UTF-8', 'c902c328'],
    ['half a UTF-16 character', 'ca03610062'],
    ['a bigint without digits', 'cc00'],
  ])('are refused: %s', (_, hex) => {
    const reader = new ValueReader()
    reader.setSource(Buffer.from(hex, 'hex'))
    expect(() => reader.readValue()).toThrow(corrupt)
  })

  it('with a count larger than the bytes are refused before an element is read', () => {
    const reader = new ValueReader()
    for (const tag of ['d0', 'd1', 'd2', 'd3', 'd4']) {
      reader.setSource(Buffer.from(`${tag}ff7f818181`, 'hex'))
      expect(() => reader.readValue()).toThrow(/more elements than bytes/)
    }
  })

  it('cannot nest deep enough to exhaust the stack', () => {
    const reader = new ValueReader()
    reader.setSource(new Uint8Array(100_000).fill(0xa1))
    expect(() => reader.readValue()).toThrow(corrupt)
    const deepest = new Uint8Array(MAX_VALUE_DEPTH + 1).fill(0xa1)
    deepest[MAX_VALUE_DEPTH] = 0
    reader.setSource(deepest)
    expect(Array.isArray(reader.readValue())).toBe(true)
  })

  it('a text with U+FFFD in it is no corruption', () => {
    const writer = new ValueWriter()
    writer.writeValue('\ufffd'.repeat(70))
    const reader = new ValueReader()
    reader.setSource(writer.bytes())
    expect(reader.readValue()).toBe('\ufffd'.repeat(70))
  })
})
