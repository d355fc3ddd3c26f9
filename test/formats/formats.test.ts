import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { csv } from '../../operators/formats/csv.js'
import { splitCsv } from '../../operators/formats/csv-fields.js'
import { decodeWith } from '../../operators/formats/decode-with.js'
import { toInvalidRecord } from '../../operators/formats/invalid-record.js'
import { json } from '../../operators/formats/json.js'
import { text } from '../../operators/formats/text.js'
import type { Decoder, RawRecord } from '../../runtime/contract/source.js'

function raw(content: string | readonly number[]): RawRecord {
  const bytes = Buffer.from(content as string)
  return { bytes, text: () => bytes.toString('utf8'), position: () => 'in.txt:12' }
}

/** What a decoder makes of a record: a value, `{ invalid }`, or nothing. */
function decoded<T>(decoder: Decoder<RawRecord, T>, content: string | readonly number[]): unknown[] {
  const results: unknown[] = []
  decoder.decode(raw(content), {
    emit: (value) => results.push(value),
    invalid: (reason) => results.push({ invalid: reason }),
  })
  return results
}

const NOT_UTF8 = [0x22, 0xff, 0x22]

describe('json', () => {
  it('emits any JSON value', () => {
    expect(decoded(json(), '{"a":[1,null]}')).toEqual([{ a: [1, null] }])
    expect(decoded(json(), 'null')).toEqual([null])
    expect(decoded(json(), '"\\ud83d\\ude00 \ufffd"')).toEqual(['😀 \ufffd'])
  })

  it('refuses what is not JSON or not UTF-8, in stable words', () => {
    for (const content of ['{', '{"a":1}}', "{'a':1}", 'undefined']) {
      expect(decoded(json(), content)).toEqual([{ invalid: 'not JSON' }])
    }
    expect(decoded(json(), NOT_UTF8)).toEqual([{ invalid: 'not UTF-8' }])
    expect(decoded(json(), [...NOT_UTF8, 0x7b])).toEqual([{ invalid: 'not UTF-8' }])
  })

  it('skips blank records, or refuses them if told so', () => {
    expect(decoded(json(), ' \t')).toEqual([])
    expect(decoded(json(undefined, { blank: 'invalid' }), '')).toEqual([{ invalid: 'not JSON' }])
  })

  it('emits what the schema makes of a value, and the first issue when it refuses', () => {
    const schema = z.object({ id: z.string(), tags: z.array(z.number()), at: z.string().transform((at) => at.length) })
    expect(decoded(json(schema), '{"id":"a","tags":[],"at":"xyz","more":1}')).toEqual([{ id: 'a', tags: [], at: 3 }])
    expect(decoded(json(schema), '{"id":"a","tags":[1,"2"],"at":""}')).toEqual([
      { invalid: expect.stringMatching(/^schema: tags\.1: /) },
    ])
    expect(decoded(json(schema), '3')).toEqual([{ invalid: expect.stringMatching(/^schema: /) }])
  })

  it('fails on a schema that validates asynchronously', () => {
    const schema = z.string().refine(async () => true)
    expect(() => decoded(json(schema), '"a"')).toThrow(expect.objectContaining({ code: 'MILLRACE_PROMISE' }))
  })
})

describe('text', () => {
  it('emits the record, unless its bytes are not UTF-8', () => {
    expect(decoded(text(), ' é ')).toEqual([' é '])
    expect(decoded(text(), '')).toEqual([''])
    expect(decoded(text(), NOT_UTF8)).toEqual([{ invalid: 'not UTF-8' }])
  })
})

describe('csv', () => {
  it('names the fields, and gives them to the schema', () => {
    const schema = z.object({ n: z.coerce.number() })
    expect(decoded(csv(schema, { columns: ['n'] }), '42')).toEqual([{ n: 42 }])
    expect(decoded(csv(schema, { columns: ['n'] }), 'x')).toEqual([{ invalid: expect.stringMatching(/^schema: n: /) }])
    expect(decoded(csv(undefined, { columns: ['a', 'b'], delimiter: '\t' }), '1\t2,3')).toEqual([{ a: '1', b: '2,3' }])
    expect(decoded(csv(undefined, { columns: ['a'] }), '')).toEqual([])
    expect(decoded(csv(undefined, { columns: ['a'] }), NOT_UTF8)).toEqual([{ invalid: 'not UTF-8' }])
  })

  it('takes quoted fields apart', () => {
    expect(splitCsv('"a ""b""",,"",c"d', ',')).toEqual(['a "b"', '', '', 'c"d'])
    expect(splitCsv('a,"b",', ',')).toEqual(['a', 'b', ''])
    expect(splitCsv('"a" ,b', ',')).toBe('csv: text after a closing quote')
    expect(splitCsv('a,"b', ',')).toBe('csv: a quoted field is not closed')
  })
})

describe('decodeWith', () => {
  it('may emit nothing, many values or a reason', () => {
    const words = decodeWith<string>((record, out) => {
      if (record.text() === 'bad') out.invalid('bad word')
      else for (const word of record.text().split(' ')) if (word !== '') out.emit(word)
    })
    expect(decoded(words, 'a b')).toEqual(['a', 'b'])
    expect(decoded(words, ' ')).toEqual([])
    expect(decoded(words, 'bad')).toEqual([{ invalid: 'bad word' }])
  })
})

describe('an invalid record', () => {
  it('has its text, reason and position', () => {
    expect(toInvalidRecord(raw('{"a'), 'not JSON')).toEqual({ raw: '{"a', reason: 'not JSON', source: 'in.txt:12' })
  })

  it('has its bytes only when the text has not all of them', () => {
    expect(toInvalidRecord(raw('\ufffd'), 'odd')).not.toHaveProperty('rawBase64')
    expect(toInvalidRecord(raw([0x61, 0xff, 0x62]), 'not UTF-8')).toEqual({
      raw: 'a\ufffdb',
      reason: 'not UTF-8',
      source: 'in.txt:12',
      rawBase64: Buffer.from([0x61, 0xff, 0x62]).toString('base64'),
    })
  })
})
