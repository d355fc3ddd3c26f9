import { describe, expect, it } from 'vitest'
import { ValueReader } from '../../runtime/codec/value-reader.js'
import { ValueWriter } from '../../runtime/codec/value-writer.js'

class Reading {
  readonly speed = 1
}
class Tags extends Set<string> {}
class Rows extends Array<number> {}

const loop: Record<string, unknown> = { a: [{}] }
;(loop['a'] as unknown[])[0] = { up: loop }
const mapLoop = new Map<string, unknown>()
mapLoop.set('self', mapLoop)

const refused: [string, unknown, string][] = [
  ['a function', { a: [0, 1, { b: () => 1 }] }, '$.a[2].b is a function'],
  ['a symbol', [Symbol('s')], '$[0] is a symbol (Symbol(s))'],
  ['a class', { reading: new Reading() }, '$.reading is an object of class Reading'],
  ['a subclass of Set', new Tags(), '$ is an object of class Tags'],
  ['a subclass of Array', { rows: new Rows() }, '$.rows is an object of class Rows'],
  ['a promise', { later: Promise.resolve(1) }, '$.later is an object of class Promise'],
  ['an error', [new Error('x')], '$[0] is an object of class Error'],
  ['a regular expression', /x/, '$ is an object of class RegExp'],
  ['another typed array', new Float64Array(1), '$ is an object of class Float64Array'],
  ['an array buffer', new ArrayBuffer(1), '$ is an object of class ArrayBuffer'],
  ['a boxed number', Object(1), '$ is an object of class Number'],
  ['a hole', { list: [1, , 3] }, '$.list[1] is a hole in an array'],
  ['a match', { m: 'abc'.match(/b/) }, "$.m is the result of a regular expression's match"],
  ['a cycle', loop, '$.a[0].up refers back to $'],
  ['a cycle through a map', { m: mapLoop }, '$.m.get("self") refers back to $.m'],
  ['a map key', new Map([[{ f: Math.max }, 1]]), '$.keys[0].f is a function (max)'],
  ['a map entry', new Map([[7, Math.max]]), '$.get(7) is a function (max)'],
  ['an element of a set', new Set([1, Symbol.iterator]), '$.values[1] is a symbol'],
  ['a field with an odd name', { 'a b': { '': Math.max } }, '$["a b"][""] is a function'],
  ['a map that is none', Object.create(Map.prototype), '$ is an object of class Map'],
  ['a date that is none', [Object.create(Date.prototype)], '$[0] is an object of class Date'],
  ['bytes that are none', [Object.create(Uint8Array.prototype)], '$[0] is an object of class Uint8Array'],
  ['a class without a name', Object.create(Object.create(null) as object), '$ is an object of an unknown class'],
]

describe('a value outside the listed set', () => {
  it.each(refused)('is refused with its path: %s', (_, value, message) => {
    const refusal = expect.objectContaining({
      code: 'MILLRACE_VALUE',
      message: expect.stringContaining(message) as string,
    })
    expect(() => {
      new ValueWriter().writeValue(value)
    }).toThrow(refusal)
  })

  it('leaves nothing behind: what was written before and after it is read back', () => {
    const writer = new ValueWriter(16)
    writer.writeValue({ before: 1 })
    for (const [, value] of refused) {
      expect(() => {
        writer.writeValue(['some', 'bytes', value])
      }).toThrow(expect.objectContaining({ code: 'MILLRACE_VALUE' }))
    }
    writer.writeValue({ after: 2 })
    const reader = new ValueReader()
    reader.setSource(writer.bytes())
    expect([reader.readValue(), reader.readValue(), reader.remaining]).toEqual([{ before: 1 }, { after: 2 }, 0])
  })

  it('is not confused with a getter that throws: that error is passed on as it is', () => {
    const own = new TypeError('mine')
    const value = {
      get speed(): number {
        throw own
      },
    }
    expect(() => {
      new ValueWriter().writeValue([value])
    }).toThrow(own)
  })

  it('does not include an object that appears twice: it is written twice', () => {
    const shared = { x: 1 }
    const writer = new ValueWriter()
    writer.writeValue({ a: shared, b: [shared, shared] })
    const reader = new ValueReader()
    reader.setSource(writer.bytes())
    expect(reader.readValue()).toEqual({ a: { x: 1 }, b: [{ x: 1 }, { x: 1 }] })
  })
})
