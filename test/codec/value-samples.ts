function bare(fields: object): object {
  return Object.assign(Object.create(null) as object, fields)
}

function withOwnProto(): object {
  return JSON.parse('{"__proto__": {"x": 1}}') as object
}

const numbers = [
  ...[0, 127, 128, -1, -32, -33, 32767, -32768, 32768, 2147483647, -2147483648, 2147483648, 1700000040000],
  ...[140737488355327, 140737488355328, -140737488355328, -140737488355329, 9007199254740991],
  ...[0.5, 5e-324, 1.7976931348623157e308, NaN, Infinity, -Infinity],
]

/** The values of value-vectors.json, by name. */
export const valueSamples: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['undefined', undefined],
  ['null', null],
  ['false', false],
  ['true', true],
  ...numbers.map((number): [string, unknown] => [`number ${number}`, number]),
  ['number -0', -0],
  ['text empty', ''],
  ['text short', 'turbine-12'],
  ['text latin1', '\xe9\xff\x00'],
  ['text 31', 'a'.repeat(31)],
  ['text 32', 'a'.repeat(32)],
  ['text 63', 'a'.repeat(63)],
  ['text 64', 'a'.repeat(64)],
  ['text 200', 'é'.repeat(200)],
  ['text utf8', '日本😀'],
  ['text lone surrogate', 'a\ud800b'],
  ['text lone surrogates 64', '\udc00'.repeat(64)],
  ['bigint 0', 0n],
  ['bigint -1', -1n],
  ['bigint max i64', 2n ** 63n - 1n],
  ['bigint min i64', -(2n ** 63n)],
  ['bigint 2^63', 2n ** 63n],
  ['bigint -2^63-1', -(2n ** 63n) - 1n],
  ['bigint 2^200', 2n ** 200n],
  ['bytes empty', new Uint8Array(0)],
  ['bytes', new Uint8Array([0, 255, 1])],
  ['bytes 200', new Uint8Array(200).fill(7)],
  ['date', new Date(1700000040000)],
  ['date 0', new Date(0)],
  ['date invalid', new Date(NaN)],
  ['array empty', []],
  ['array', [1, 'a', undefined, null]],
  ['array 15', new Array<number>(15).fill(1)],
  ['array 16', new Array<number>(16).fill(1)],
  ['array nested', [[[]], {}]],
  ['object empty', {}],
  ['object record', { turbineId: 'turbine-12', speed: 42, ts: 1700000040000 }],
  ['object sums', { sum: 0.5, count: 3 }],
  ['object __proto__', Object.assign(withOwnProto(), { y: undefined })],
  ['object keys', { 2: 'b', 1: 'a', '': 'c', 日: 'd', '\ud800': 'e' }],
  ['object 16', Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, i]))],
  ['object bare empty', bare({})],
  ['object bare', bare({ a: 1 })],
  ['map empty', new Map()],
  ['map', new Map<unknown, unknown>().set('a', 1).set(2, [3]).set(NaN, undefined)],
  ['set empty', new Set()],
  ['set', new Set(['a', 1, null])],
])
