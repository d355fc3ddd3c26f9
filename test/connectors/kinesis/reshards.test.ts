import { beforeAll, describe, expect, it } from 'vitest'
import type { ShardPosition } from '../../../operators/connectors/kinesis/shard-split.js'
import { VirtualClock } from '../../../runtime/testing/virtual-clock.js'
import { SeededRandom } from './simulation/random.js'
import { settle, SimulatedJob, type SimulatedCheckpoint } from './simulation/simulated-job.js'
import { SimulatedKinesis, type Unkindness } from './simulation/simulated-kinesis.js'

const KEYS = Array.from({ length: 12 }, (_, i) => `turbine-${i}`)
const START_MS = 1_800_000_000_000

beforeAll(async () => {
  // Loaded while no seed runs: when a module is there is nothing that a seed decides.
  await import('../../../operators/connectors/kinesis/aggregation/deaggregate.js')
})

interface Outcome {
  readonly faults: readonly string[]
  readonly failure: Error | undefined
  readonly read: ReadonlyMap<string, number>
  readonly put: ReadonlyMap<string, number>
  readonly warnings: readonly string[]
  readonly reshards: number
  readonly restores: number
  readonly done: boolean
}

/** Puts, splits, merges, checkpoints, crashes and restores at other parallelisms, as the seed has it; then reads all to the end. */
async function run(seed: number, unkindness: Unkindness, checkpointing = true): Promise<Outcome> {
  const random = new SeededRandom(seed)
  const clock = new VirtualClock(START_MS)
  const kinesis = new SimulatedKinesis(clock, random.next, random.integer(1, 4))
  kinesis.unkindness = unkindness
  const put = new Map<string, number>()
  const faults: string[] = []
  const warnings: string[] = []
  let reshards = 0
  let restores = 0
  const start: ShardPosition = random.chance(0.5) ? { at: 'horizon' } : { at: 'timestamp', timestampMs: START_MS }
  const open = (from?: SimulatedCheckpoint): SimulatedJob =>
    new SimulatedJob({ kinesis, clock, random, start, parallelism: random.integer(1, 4), checkpointing }, from)

  const produce = (): void => {
    const key = random.pick(KEYS)!
    const payload = (): Uint8Array => {
      const number = (put.get(key) ?? 0) + 1
      put.set(key, number)
      return Buffer.from(JSON.stringify({ key, number }))
    }
    if (random.chance(0.3)) kinesis.putAggregated(key, Array.from({ length: random.integer(1, 9) }, payload))
    else kinesis.put(key, payload())
  }
  const reshard = (): void => {
    const shards = kinesis.openShards().sort((a, b) => (a.first < b.first ? -1 : 1))
    const index = random.integer(0, shards.length - 1)
    if (shards.length > 1 && index > 0 && random.chance(0.5)) kinesis.merge(shards[index - 1]!.id, shards[index]!.id)
    else if (shards.length < 8) kinesis.split(shards[index]!.id)
    reshards++
  }

  let job = open()
  await job.start()
  const end = async (): Promise<void> => {
    faults.push(...job.faults)
    warnings.push(...job.warnings)
    await job.close()
  }
  const act = async (producing: boolean): Promise<void> => {
    if (producing && random.chance(0.25)) produce()
    if (producing && random.chance(0.02)) reshard()
    if (random.chance(0.01)) job.trigger()
    if (producing && checkpointing && random.chance(0.004)) {
      restores++
      const from = job.completed
      await end()
      job = open(from)
      await job.start()
    }
    for (let i = random.integer(1, 12); i > 0; i--) await job.step()
    clock.advanceTo(clock.now() + random.integer(1, 120))
    await settle(1)
  }
  for (let i = 0; i < 700 && job.failure === undefined; i++) await act(true)
  const all = (): boolean => KEYS.every((key) => job.keys.get(key) === put.get(key))
  for (let i = 0; i < 6_000 && job.failure === undefined && !(all() && job.quiet); i++) await act(false)
  const { failure, keys } = job
  const done = all()
  await end()
  return { faults, failure, read: keys, put, warnings, reshards, restores, done }
}

const KIND: Unkindness = {}
const UNKIND: Unkindness = {
  throttle: 0.05,
  fail: 0.03,
  expireIterator: 0.02,
  empty: 0.2,
  listingDelayMs: 3_000,
  pageSize: 3,
}
const SILENT: Unkindness = { ...UNKIND, hideChildren: true }

describe('a stream that is resharded while it is read, checkpointed and restored at other parallelisms', () => {
  const seeds = Array.from({ length: 20 }, (_, i) => i + 1)
  for (const [name, unkindness] of Object.entries({ KIND, UNKIND, SILENT })) {
    it.each(seeds)(
      `gives each record once, in order for each key, never late: ${name.toLowerCase()} service, seed %i`,
      async (seed) => {
        const outcome = await run(seed, unkindness)
        expect(outcome.failure).toBeUndefined()
        expect(outcome.faults).toEqual([])
        expect(outcome.read).toEqual(outcome.put)
      },
    )
  }

  it('does so without checkpoints, where a merge does not wait for one', async () => {
    const outcome = await run(99, UNKIND, false)
    expect(outcome.failure).toBeUndefined()
    expect(outcome.read).toEqual(outcome.put)
  })
})
