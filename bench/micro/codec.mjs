// Nanoseconds per operation of the key and value codecs, the best of several rounds. Build first, then:
//   node bench/micro/codec.mjs
import { Packr, Unpackr } from 'msgpackr'
import { encodeKey } from '../../dist/runtime/codec/key-codec.js'
import { KeyDecoder } from '../../dist/runtime/codec/key-decoder.js'
import { KeyGrouper } from '../../dist/runtime/codec/key-group.js'
import { mapKeyOf } from '../../dist/runtime/codec/map-key.js'
import { ValueReader } from '../../dist/runtime/codec/value-reader.js'
import { ValueWriter } from '../../dist/runtime/codec/value-writer.js'

const COUNT = 1000
const ROUNDS = 8
const LOOPS = 300
const many = (make) => Array.from({ length: COUNT }, (_, i) => make(i))
let sink = 0

function measure(name, operation) {
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    for (let loop = 0; loop < LOOPS; loop++) for (let i = 0; i < COUNT; i++) sink += operation(i)
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (LOOPS * COUNT))
  }
  console.log(`${name.padEnd(32)}${best.toFixed(1).padStart(8)}`)
}

const grouper = new KeyGrouper(128)
const texts = many((i) => `turbine-${1000 + i}`)
const tuples = many((i) => [`auction-${i}`, i])
const bytes = Buffer.alloc(64)
const decoder = new KeyDecoder()
measure('groupOf(12 characters)', (i) => grouper.groupOf(texts[i]))
measure('groupOf(integer)', (i) => grouper.groupOf(i))
measure('groupOf([text, integer])', (i) => grouper.groupOf(tuples[i]))
measure('mapKeyOf([text, integer])', (i) => mapKeyOf(tuples[i]).length)
measure('encodeKey(12 characters)', (i) => encodeKey(texts[i], bytes, 0))
measure('decodeKey(12 characters)', () => decoder.decode(bytes, 0).length)

const shapes = {
  record: many((i) => ({ turbineId: `turbine-${i}`, speed: i % 80, ts: 1700000040000 + i })),
  sums: many((i) => ({ sum: i * 1000, count: i % 100 })),
  number: many((i) => i * 1.5),
  array: many((i) => [i, i + 1, i + 2, 'x']),
  nested: many((i) => ({ id: i, user: { name: `name ${i}`, tags: ['a', 'b'] }, at: new Date(i) })),
}
const writer = new ValueWriter()
const reader = new ValueReader()
const packr = new Packr({ useRecords: false })
const unpackr = new Unpackr({ useRecords: false })
for (const [name, values] of Object.entries(shapes)) {
  const write = (i) => {
    writer.reset()
    writer.writeValue(values[i])
    return writer.length
  }
  measure(`${name}: write`, write)
  const written = many((i) => (write(i), Buffer.from(writer.take())))
  measure(`${name}: read`, (i) => {
    reader.setSource(written[i])
    return reader.readValue() === null ? 1 : 0
  })
  measure(`${name}: msgpackr pack`, (i) => packr.pack(values[i]).length)
  const packed = many((i) => Buffer.from(packr.pack(values[i])))
  measure(`${name}: msgpackr unpack`, (i) => (unpackr.unpack(packed[i]) === null ? 1 : 0))
}
if (sink === 0) throw new Error('nothing was measured')
