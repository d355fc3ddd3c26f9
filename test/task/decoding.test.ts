import { describe, expect, it } from 'vitest'
import type { SourceNode } from '../../runtime/contract/graph.js'
import type { DecodeOutput, RawRecord } from '../../runtime/contract/source.js'
import { LocalMetrics } from '../../runtime/task/counters.js'
import { Decoding } from '../../runtime/task/decoding.js'
import { SplitState } from '../../runtime/task/split-state.js'

function raw(text: string, bytes: Uint8Array = Buffer.from(text)): RawRecord {
  return { bytes, text: () => Buffer.from(bytes).toString(), position: () => `in:${text.length}` }
}

function decoding() {
  const decode = (record: RawRecord, out: DecodeOutput<string>): void => {
    const text = record.text()
    if (text === 'skip') return
    if (text.startsWith('bad') || text.includes('\ufffd')) return out.invalid('bad')
    for (const word of text.split(' ')) out.emit(word)
  }
  const node = {
    uid: 'src',
    decoder: { decode },
    watermarks: { generator: { kind: 'none' } },
  } as unknown as SourceNode
  const metrics = new LocalMetrics()
  const counters = { recordsIn: metrics.counter('in'), invalidRecords: metrics.counter('invalid') }
  const values: unknown[] = []
  const invalid: unknown[] = []
  const decoder = new Decoding(node, { emit: (v) => values.push(v) }, { emit: (v) => invalid.push(v) }, counters)
  decoder.split = new SplitState('s', {} as never, -Infinity, { kind: 'none' })
  return { decoder, values, invalid, counts: () => metrics.counts() }
}

describe('Decoding', () => {
  it('counts a record once, however many values it makes, and skipped ones not at all', () => {
    const { decoder, values, counts } = decoding()
    for (const text of ['a', 'skip', 'b c d', 'bad one']) decoder.collect(raw(text), 0)
    expect(values).toEqual(['a', 'b', 'c', 'd'])
    expect(counts()).toEqual({ in: 3, invalid: 1 })
    expect(decoder.records).toBe(4)
  })

  it('keeps the bytes of what is not UTF-8', () => {
    const { decoder, invalid } = decoding()
    decoder.collect(raw('x', Uint8Array.of(0x61, 0xff)), 0)
    expect(invalid).toEqual([{ raw: 'a\ufffd', reason: 'bad', source: 'in:1', rawBase64: 'Yf8=' }])
  })

  it('takes a replacement character that stands in the input for what it is', () => {
    const { decoder, invalid } = decoding()
    decoder.collect(raw('a\ufffd'), 0)
    expect(invalid).toEqual([{ raw: 'a\ufffd', reason: 'bad', source: 'in:2' }])
  })
})
