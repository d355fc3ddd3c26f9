// Prints what each benchmark stream costs to make, CPU nanoseconds a record: how much of a job's figure is its source.
// npx esbuild bench/generator-speed.ts --bundle --platform=node --format=esm | node --input-type=module
import { fnv1a } from './streams/checksum.js'
import { hashItem } from './streams/hashes.js'
import { hex8 } from './streams/hex.js'
import { impression } from './streams/impression.js'
import { item } from './streams/item.js'
import { nex } from './streams/nex.js'
import { order } from './streams/order.js'
import { jitter, KEY_SALT, rnd } from './streams/random.js'
import { reading, readingJson } from './streams/reading.js'
import { word } from './streams/word.js'

const RECORDS = 1_000_000
const ROUNDS = 5

const generators: Readonly<Record<string, (index: number) => unknown>> = {
  'empty loop': (index) => index,
  rnd: (index) => rnd(index, KEY_SALT),
  jitter: (index) => jitter(index, 1000),
  hex8,
  'fnv1a of 10 characters': () => fnv1a('key-123456'),
  item,
  'item and its hash': (index) => hashItem(item(index)),
  reading,
  'reading as text': readingJson,
  impression,
  word,
  order,
  nex,
}

/** The best of some rounds: the first ones compile. Each result is kept, or the optimiser would drop the work. */
function nanosecondsPerRecord(generate: (index: number) => unknown): number {
  const last: unknown[] = [undefined]
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    for (let index = 0; index < RECORDS; index++) last[0] = generate(index)
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, ((user + system) * 1000) / RECORDS)
  }
  return best
}

for (const [name, generate] of Object.entries(generators)) {
  console.log(`${name.padEnd(24)}${nanosecondsPerRecord(generate).toFixed(1).padStart(8)} ns`)
}
