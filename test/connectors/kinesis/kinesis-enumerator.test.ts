import { describe, expect, it } from 'vitest'
import type { ShardPosition } from '../../../operators/connectors/kinesis/shard-split.js'
import { VirtualClock } from '../../../runtime/testing/virtual-clock.js'
import { SeededRandom } from './simulation/random.js'
import { START_MS } from './simulation/read-shard.js'
import { settle, SimulatedJob, type SimulatedCheckpoint, type SimulatedJobOptions } from './simulation/simulated-job.js'
import { SimulatedKinesis } from './simulation/simulated-kinesis.js'

const HORIZON: ShardPosition = { at: 'horizon' }
const HOUR_MS = 3_600_000

interface World {
  readonly clock: VirtualClock
  readonly kinesis: SimulatedKinesis
  readonly put: (key: string, number: number) => void
  readonly job: (options?: Partial<SimulatedJobOptions>, from?: SimulatedCheckpoint) => Promise<SimulatedJob>
  readonly run: (job: SimulatedJob, ms: number, until?: () => boolean) => Promise<void>
}

function world(shards: number, seed = 1): World {
  const clock = new VirtualClock(START_MS)
  const random = new SeededRandom(seed)
  const kinesis = new SimulatedKinesis(clock, random.next, shards)
  return {
    clock,
    kinesis,
    put: (key, number) => void kinesis.put(key, Buffer.from(JSON.stringify({ key, number }))),
    async job(options = {}, from) {
      const job = new SimulatedJob({ kinesis, clock, random, parallelism: 2, start: HORIZON, ...options }, from)
      await job.start()
      return job
    },
    async run(job, ms, until = () => false) {
      const end = clock.now() + ms
      while (clock.now() < end && job.failure === undefined && !until()) {
        for (let i = 0; i < 10; i++) await job.step()
        clock.advanceTo(clock.now() + 50)
        await settle(1)
      }
    },
  }
}

/** Takes a checkpoint and waits until it is complete. */
async function checkpoint({ run }: World, job: SimulatedJob): Promise<SimulatedCheckpoint> {
  const before = job.completed
  job.trigger()
  await run(job, 60_000, () => job.completed !== before)
  return job.completed!
}

describe('shards', () => {
  it('are dealt evenly to the readers', async () => {
    const here = world(7)
    const job = await here.job({ parallelism: 3 })
    await here.run(job, 5_000)
    expect([...job.spread].sort()).toEqual([2, 2, 3])
    await job.close()
  })

  it('are found at the interval, without one listing too many', async () => {
    const here = world(4)
    const job = await here.job()
    await here.run(job, 60_000)
    expect(here.kinesis.calls['ListShards']).toBeLessThanOrEqual(8)
    expect(here.kinesis.calls['ListShards']).toBeGreaterThanOrEqual(5)
    await job.close()
  })

  it('that close hand over to their children at once, before any listing shows them', async () => {
    const here = world(1)
    const job = await here.job({ parallelism: 1 })
    await here.run(job, 2_000)
    here.kinesis.unkindness = { listingDelayMs: 60_000 }
    here.kinesis.split('shardId-000000000000')
    here.put('a', 1)
    await here.run(job, 5_000, () => job.keys.get('a') === 1)
    expect(job.keys.get('a')).toBe(1)
    await job.close()
  })

  it('go on being looked for while the service throttles', async () => {
    const here = world(1)
    const job = await here.job({ parallelism: 1 })
    await here.run(job, 2_000)
    here.kinesis.unkindness = { throttle: 0.6, hideChildren: true }
    here.kinesis.split('shardId-000000000000')
    here.put('a', 1)
    await here.run(job, 300_000, () => job.keys.get('a') === 1)
    expect([job.failure, job.keys.get('a')]).toEqual([undefined, 1])
    await job.close()
  })
})

describe('a time to start at', () => {
  it.each([false, true])(
    'that lies behind reshards leaves out what arrived before (filter ignored: %s)',
    async (ignoreFilter) => {
      const here = world(1)
      here.kinesis.unkindness = { ignoreFilter }
      here.put('a', 0)
      here.kinesis.split('shardId-000000000000')
      here.put('a', 0)
      here.put('b', 0)
      here.clock.advanceTo(START_MS + 5_000)
      here.put('a', 1)
      here.put('b', 1)
      const job = await here.job({ start: { at: 'timestamp', timestampMs: START_MS + 5_000 } })
      await here.run(job, 20_000)
      expect([job.failure, job.faults, [...job.keys].sort()]).toEqual([
        undefined,
        [],
        [
          ['a', 1],
          ['b', 1],
        ],
      ])
      await job.close()
    },
  )
})

describe('a restart', () => {
  it('goes on where the checkpoint was, whatever position the job says now', async () => {
    const here = world(2)
    const first = await here.job()
    here.put('a', 1)
    await here.run(first, 5_000, () => first.keys.get('a') === 1)
    const from = await checkpoint(here, first)
    await first.close()
    here.put('a', 2)
    const second = await here.job({ start: { at: 'timestamp', timestampMs: here.clock.now() + 1 } }, from)
    await here.run(second, 20_000, () => second.keys.get('a') === 2)
    expect([second.faults, second.keys.get('a')]).toEqual([[], 2])
    await second.close()
  })

  it('on a stream of the same name that was created anew is refused', async () => {
    const here = world(2)
    const first = await here.job()
    await here.run(first, 2_000)
    const from = await checkpoint(here, first)
    await first.close()
    here.kinesis.createdAtMs += HOUR_MS
    const second = await here.job({}, from)
    await here.run(second, 1_000)
    expect(second.failure).toMatchObject({
      code: 'MILLRACE_INPUT',
      message: expect.stringContaining('is not the stream that the checkpoint saw'),
    })
    await second.close()
  })

  it('keeps a checkpoint that is triggered before the service has answered', async () => {
    const here = world(1)
    const first = await here.job()
    here.put('a', 1)
    await here.run(first, 5_000, () => first.keys.get('a') === 1)
    const from = await checkpoint(here, first)
    await first.close()
    here.kinesis.unkindness = { fail: 1 }
    const second = await here.job({}, from)
    const again = await checkpoint(here, second)
    expect(again.enumerator).toEqual(from.enumerator)
    await second.close()
  })
})

describe('a job that was down for longer than records are kept', () => {
  async function gone(options: Partial<SimulatedJobOptions>): Promise<{ job: SimulatedJob; here: World }> {
    const here = world(1)
    const first = await here.job({ parallelism: 1 })
    here.put('a', 1)
    await here.run(first, 5_000, () => first.keys.get('a') === 1)
    here.kinesis.split('shardId-000000000000')
    await here.run(first, 10_000)
    const from = await checkpoint(here, first)
    await first.close()
    here.put('a', 2)
    // Its children have children; the service forgets all but those.
    for (const { id } of here.kinesis.openShards()) here.kinesis.split(id)
    here.clock.advanceTo(here.clock.now() + 30 * HOUR_MS)
    here.kinesis.expire()
    here.put('b', 1)
    const job = await here.job({ parallelism: 1, ...options }, from)
    await here.run(job, 60_000)
    await job.close()
    return { job, here }
  }

  it('fails loudly', async () => {
    const { job } = await gone({})
    expect(job.failure).toMatchObject({ code: 'MILLRACE_INPUT', message: expect.stringContaining('expired') })
  })

  it('goes on with what there is, if that is asked for, and warns', async () => {
    const { job } = await gone({ onExpiredPosition: 'trim-horizon' })
    expect(job.failure).toBeUndefined()
    expect(job.keys.get('b')).toBe(1)
    expect(job.warnings.join()).toContain('expired')
  })
})

describe('a bounded source', () => {
  it.each([1, 2, 3, 4, 5])('ends when it has read up to its time, through reshards (seed %i)', async (seed) => {
    const here = world(2, seed)
    const numbers = new Map<string, number>()
    const produce = (): void => {
      for (const key of ['a', 'b', 'c', 'd', 'e']) {
        const number = (numbers.get(key) ?? 0) + 1
        numbers.set(key, number)
        here.put(key, number)
      }
      here.clock.advanceTo(here.clock.now() + 10)
    }
    produce()
    here.kinesis.split('shardId-000000000000')
    produce()
    here.kinesis.merge('shardId-000000000003', 'shardId-000000000001')
    produce()
    const stopAtMs = here.clock.now()
    const wanted = new Map(numbers)
    here.clock.advanceTo(stopAtMs + 1)
    produce()
    here.kinesis.split('shardId-000000000004')
    produce()
    const job = await here.job({ stopAtMs })
    for (let i = 0; i < 100 && !job.noMoreSplits; i++) {
      job.trigger()
      await here.run(job, 2_000, () => job.noMoreSplits)
    }
    await here.run(job, 5_000)
    expect([job.failure, job.faults, job.noMoreSplits]).toEqual([undefined, [], true])
    expect(job.keys).toEqual(wanted)
    await job.close()
  })
})
