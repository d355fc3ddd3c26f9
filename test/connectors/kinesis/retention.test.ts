import { beforeAll, describe, expect, it } from 'vitest'
import type { ShardPosition } from '../../../operators/connectors/kinesis/shard-split.js'
import { VirtualClock } from '../../../runtime/testing/virtual-clock.js'
import { SeededRandom } from './simulation/random.js'
import { START_MS } from './simulation/read-shard.js'
import { simulatedFanOut } from './simulation/simulated-fan-out.js'
import { settle, SimulatedJob, type SimulatedCheckpoint } from './simulation/simulated-job.js'
import { SimulatedKinesis } from './simulation/simulated-kinesis.js'

const HOUR_MS = 3_600_000
const KEYS = Array.from({ length: 6 }, (_, i) => `turbine-${i}`)

beforeAll(async () => {
  await import('../../../operators/connectors/kinesis/aggregation/deaggregate.js')
})

interface Plan {
  readonly seed: number
  readonly fanOut: boolean
  /** No time passes unread in which a record could be dropped. */
  readonly safe: boolean
}

interface Outcome {
  readonly failure: Error | undefined
  readonly faults: readonly string[]
  readonly warnings: readonly string[]
  /** Keys of which the last record was not read. */
  readonly unread: readonly string[]
}

/** Reads a stream while hours pass: some down, some under backpressure, some idle, some with reshards. */
async function run({ seed, fanOut, safe }: Plan): Promise<Outcome> {
  const random = new SeededRandom(seed)
  const clock = new VirtualClock(START_MS)
  const kinesis = new SimulatedKinesis(clock, random.next, random.integer(1, 3))
  kinesis.retentionHours = random.pick([24, 48])!
  kinesis.refuseTrimmed = random.chance(0.3)
  kinesis.unkindness = { empty: 0.1, lateEnd: random.chance(0.5), expireIterator: 0.02 }
  const put = new Map<string, number>()
  const faults: string[] = []
  const warnings: string[] = []
  // The oldest record there is promises nothing of those that were there before.
  const start: ShardPosition =
    safe && random.chance(0.5) ? { at: 'horizon' } : { at: 'timestamp', timestampMs: START_MS, readToMs: START_MS }
  const consumer = fanOut ? { consumer: simulatedFanOut() } : {}
  const open = (from?: SimulatedCheckpoint): SimulatedJob =>
    new SimulatedJob({ kinesis, clock, random, start, parallelism: random.integer(1, 2), ...consumer }, from)
  const produce = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const key = random.pick(KEYS)!
      const payload = (): Uint8Array => {
        const number = (put.get(key) ?? 0) + 1
        put.set(key, number)
        return Buffer.from(JSON.stringify({ key, number }))
      }
      if (random.chance(0.3)) kinesis.putAggregated(key, Array.from({ length: random.integer(1, 9) }, payload))
      else kinesis.put(key, payload())
    }
  }
  const reshard = (): void => {
    const shards = kinesis.openShards().sort((a, b) => (a.first < b.first ? -1 : 1))
    const index = random.integer(0, shards.length - 1)
    if (index > 0 && random.chance(0.5)) kinesis.merge(shards[index - 1]!.id, shards[index]!.id)
    else if (shards.length < 5) kinesis.split(shards[index]!.id)
  }
  let job = open()
  await job.start()
  const end = async (): Promise<void> => {
    faults.push(...job.faults.filter((one) => one.includes(' after ')))
    warnings.push(...job.warnings)
    await job.close()
  }
  const act = async (): Promise<void> => {
    // Merges wait for checkpoints.
    if (random.chance(0.02)) job.trigger()
    for (let i = random.integer(4, 16); i > 0; i--) await job.step()
    clock.advanceTo(clock.now() + random.integer(50, 500))
    await settle(1)
  }
  const all = (): boolean => KEYS.every((key) => job.keys.get(key) === put.get(key))
  const catchUp = async (steps: number): Promise<void> => {
    for (let i = 0; i < steps && job.failure === undefined && !(all() && job.quiet); i++) await act()
  }
  const checkpoint = async (): Promise<void> => {
    const before = job.completed
    job.trigger()
    for (let i = 0; i < 600 && job.failure === undefined && job.completed === before; i++) await act()
  }
  /** Hours pass; what happens in the stream meanwhile happens at any time of them. */
  const pass = (hours: number): void => {
    const until = clock.now() + hours * HOUR_MS
    while (clock.now() < until) {
      if (random.chance(0.3)) produce(random.integer(1, 4))
      if (random.chance(0.1)) reshard()
      clock.advanceTo(Math.min(until, clock.now() + random.integer(10, 180) * 60_000))
    }
    kinesis.expire()
  }
  for (let round = 0; round < 4 && job.failure === undefined; round++) {
    if (random.chance(0.7)) produce(random.integer(1, 8))
    if (safe || random.chance(0.6)) {
      // Shards that follow others are at their tips too, however many did while hours passed.
      for (let i = 0; i < 6; i++) {
        await catchUp(1_000)
        await checkpoint()
        for (let j = 0; j < 30 && job.failure === undefined; j++) await act()
      }
    } else for (let i = random.integer(1, 30); i > 0 && job.failure === undefined; i--) await act()
    if (safe || random.chance(0.7)) await checkpoint()
    if (job.failure !== undefined) break
    const gapHours = safe
      ? random.integer(1, kinesis.retentionHours - 3)
      : random.integer(1, kinesis.retentionHours + 20)
    if (random.chance(0.7)) {
      const from = job.completed
      await end()
      pass(gapHours)
      job = open(from)
      await job.start()
    } else pass(gapHours)
  }
  await catchUp(3_000)
  for (let i = 0; i < 200 && job.failure === undefined; i++) await act()
  const { failure } = job
  const unread = KEYS.filter((key) => job.keys.get(key) !== put.get(key))
  await end()
  return { failure, faults, warnings, unread }
}

const SEEDS = Array.from({ length: 25 }, (_, i) => i + 1)

describe.each([
  ['polling', false],
  ['fan-out', true],
])('%s, while hours pass unread', (_, fanOut) => {
  it.each(SEEDS)('reads each record once where none can have been dropped: seed %i', async (seed) => {
    const { failure, faults, warnings, unread } = await run({ seed, fanOut, safe: true })
    expect({ failure, faults, warnings, unread }).toEqual({ failure: undefined, faults: [], warnings: [], unread: [] })
  })

  it.each(SEEDS)('reads each record once, or fails loudly where some may have been dropped: seed %i', async (seed) => {
    const { failure, faults, unread } = await run({ seed, fanOut, safe: false })
    expect(faults).toEqual([])
    if (failure === undefined) expect(unread).toEqual([])
    else expect(failure).toMatchObject({ code: 'MILLRACE_INPUT', message: expect.stringMatching(/expired/) as string })
  })
})
