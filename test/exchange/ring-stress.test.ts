import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { createParking } from '../../runtime/exchange/atomics-parking.js'
import { createRing, RING_WORD } from '../../runtime/exchange/ring.js'

interface Outcome {
  frames: number
  bytes: number
  sleeps: number
}

/** Two threads on one ring; the reader checks every byte. A lost wake-up shows as the test's timeout. */
async function stress(capacity: number, maxBytes: number, durationMs: number): Promise<[Outcome, Outcome]> {
  const ring = createRing(capacity, 1)
  // Near the end of the number range, so that positions wrap early.
  const control = new Int32Array(ring)
  control[RING_WORD.WRITTEN] = control[RING_WORD.READ] = 0x7fffff00
  const parking = createParking(2)
  const workers = [0, 1].map(
    (slot) =>
      new Worker(new URL('./stress-worker.mjs', import.meta.url), {
        workerData: { slot, ring, parking, seed: 88172645, durationMs, maxBytes },
      }),
  )
  try {
    const outcomes = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as Outcome))
    return [outcomes[0]!, outcomes[1]!]
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

describe('two threads on a tiny ring', () => {
  it.each([
    [128, 40],
    [256, 400],
    [4096, 900],
  ])(
    'of %i bytes pass every frame of up to %i bytes once, whole and in order, and always wake each other',
    async (capacity, maxBytes) => {
      const [written, read] = await stress(capacity, maxBytes, 1000)
      expect({ frames: read.frames, bytes: read.bytes }).toEqual({ frames: written.frames, bytes: written.bytes })
      expect(written.frames).toBeGreaterThan(100)
      expect(written.sleeps).toBeGreaterThan(0)
      expect(read.sleeps).toBeGreaterThan(0)
    },
  )
})
