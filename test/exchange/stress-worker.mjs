// One side of a ring on its own thread: writes or reads frames of pseudo-random lengths for `durationMs`, sleeping whenever
// it can do nothing else. JavaScript, because a thread's entry must be.
import { parentPort, workerData } from 'node:worker_threads'
import { AtomicsParker, AtomicsWaker, openParking } from '../../dist/runtime/exchange/atomics-parking.js'
import { parkUnless } from '../../dist/runtime/exchange/parking.js'
import { openRing } from '../../dist/runtime/exchange/ring.js'
import { RingReader } from '../../dist/runtime/exchange/ring-reader.js'
import { RingWriter } from '../../dist/runtime/exchange/ring-writer.js'

const { slot, ring, parking, seed, durationMs, maxBytes } = workerData
const words = openParking(parking)
const parker = new AtomicsParker(words, slot)
const side = new (slot === 0 ? RingWriter : RingReader)(openRing(ring), 1, new AtomicsWaker(words), 1 - slot)
parentPort.on('message', () => {}) // keeps the thread alive while it sleeps without a timeout

function random(state) {
  let x = state
  x ^= x << 13
  x ^= x >>> 17
  x ^= x << 5
  return x | 0
}

const payload = Buffer.alloc(maxBytes + 4)
let state = seed
let frames = 0
let bytes = 0
let sleeps = 0

/** The next frame's length, kind and first byte follow from the state. */
function nextFrame() {
  state = random(state)
  return { length: (state >>> 8) % maxBytes, kind: state & 0x7f, first: (state >>> 4) & 0xff }
}

async function write() {
  const end = performance.now() + durationMs
  while (performance.now() < end) {
    const { length, kind, first } = nextFrame()
    for (let i = 0; i < length; i++) payload[i] = first + i
    while (!side.tryWrite(kind, payload, 0, length)) {
      sleeps++
      await parkUnless(parker, () => side.hasRoom(), Infinity)
    }
    frames++
    bytes += length
    // Lets the reader run dry now and then, so that it sleeps too.
    if ((state & 0xff) === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  side.close()
}

async function read() {
  while (!side.isEnded()) {
    const frame = side.poll()
    if (frame === undefined) {
      sleeps++
      await parkUnless(parker, () => side.hasNext() || side.isEnded(), Infinity)
      continue
    }
    const { length, kind, first } = nextFrame()
    if (frame.kind !== kind || frame.to - frame.from !== length) throw new Error(`frame ${frames} is another one`)
    for (let i = 0; i < length; i++) {
      if (frame.data.bytes[frame.from + i] !== ((first + i) & 0xff)) throw new Error(`frame ${frames} is torn at ${i}`)
    }
    side.release()
    frames++
    bytes += length
  }
}

await (slot === 0 ? write() : read())
parentPort.postMessage({ frames, bytes, sleeps })
