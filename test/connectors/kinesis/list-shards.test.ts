import { describe, expect, it } from 'vitest'
import { listShards } from '../../../operators/connectors/kinesis/list-shards.js'
import { VirtualClock } from '../../../runtime/testing/virtual-clock.js'
import { SeededRandom } from './simulation/random.js'
import { START_MS } from './simulation/read-shard.js'
import { settle } from './simulation/simulated-job.js'
import { failure, SimulatedKinesis } from './simulation/simulated-kinesis.js'

async function list(
  kinesis: SimulatedKinesis,
  clock: VirtualClock,
  filter?: { fromMs: number },
): Promise<{ ids: string[]; tookMs: number }> {
  const began = clock.now()
  const random = new SeededRandom(2).next
  let listed: string[] | undefined
  let refused: Error | undefined
  listShards(kinesis.stream(), filter, { clock, random }, 3).then(
    (shards) => (listed = shards.map(({ shardId }) => shardId)),
    (error: unknown) => (refused = error as Error),
  )
  while (listed === undefined && refused === undefined && clock.now() < began + 600_000) {
    await settle(1)
    clock.advanceTo(clock.now() + 10)
  }
  if (refused !== undefined) throw refused
  const ids = listed!
  return { ids, tookMs: clock.now() - began }
}

function world(shards: number): { clock: VirtualClock; kinesis: SimulatedKinesis } {
  const clock = new VirtualClock(START_MS)
  return { clock, kinesis: new SimulatedKinesis(clock, new SeededRandom(1).next, shards) }
}

describe('a listing of shards', () => {
  it('takes all pages', async () => {
    const { clock, kinesis } = world(10)
    kinesis.unkindness = { pageSize: 3 }
    const { ids } = await list(kinesis, clock)
    expect([ids.length, new Set(ids).size, kinesis.calls['ListShards']]).toEqual([10, 10, 4])
  })

  it('waits when it is throttled, longer each time, and then goes on with the same page', async () => {
    const { clock, kinesis } = world(10)
    kinesis.unkindness = { pageSize: 3 }
    const send = kinesis.send.bind(kinesis)
    let refused = 0
    kinesis.send = (command) =>
      'NextToken' in command.input && refused++ < 4 ? Promise.reject(failure('LimitExceededException')) : send(command)
    const { ids, tookMs } = await list(kinesis, clock)
    expect([ids.length, kinesis.calls['ListShards']]).toEqual([10, 4])
    expect(tookMs).toBeGreaterThan(400)
  })

  it('starts again when its token has expired between two pages', async () => {
    const { clock, kinesis } = world(10)
    kinesis.unkindness = { pageSize: 3 }
    const send = kinesis.send.bind(kinesis)
    let expired = false
    kinesis.send = (command) => {
      if (!('NextToken' in command.input) || expired) return send(command)
      expired = true
      return Promise.reject(failure('ExpiredNextTokenException'))
    }
    const { ids } = await list(kinesis, clock)
    expect([ids.length, new Set(ids).size]).toEqual([10, 10])
  })

  it('from a time on has closed shards that had not ended then, and no others', async () => {
    const { clock, kinesis } = world(2)
    clock.advanceTo(START_MS + 1_000)
    kinesis.split('shardId-000000000000')
    clock.advanceTo(START_MS + 2_000)
    const later = await list(kinesis, clock, { fromMs: START_MS + 1_500 })
    const earlier = await list(kinesis, clock, { fromMs: START_MS + 500 })
    expect([later.ids.length, earlier.ids.length]).toEqual([3, 4])
  })

  it('fails at once where asking again mends nothing', async () => {
    const { clock, kinesis } = world(1)
    kinesis.send = () => Promise.reject(failure('ResourceNotFoundException'))
    await expect(list(kinesis, clock)).rejects.toThrow('ResourceNotFoundException')
  })
})
