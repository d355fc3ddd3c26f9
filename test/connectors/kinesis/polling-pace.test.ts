import { describe, expect, it } from 'vitest'
import { PollPace } from '../../../operators/connectors/kinesis/poll-pace.js'
import { START_MS, worldOf } from './simulation/read-shard.js'
import { settle } from './simulation/simulated-job.js'

const HORIZON = { at: 'horizon' } as const

describe('the pace of polling', () => {
  it('of idle shards is slow, and nothing is throttled (FLINK-36947)', async () => {
    const { clock, kinesis, open } = worldOf({ shards: 20 })
    for (const { id } of kinesis.shards) {
      const shard = await open(HORIZON, { shardId: id })
      shard.poll()
    }
    for (let i = 0; i < 600; i++) {
      clock.advanceTo(clock.now() + 100)
      await settle(1)
      for (const shard of kinesis.shards) expect(shard.calls.length).toBeLessThanOrEqual(5)
    }
    const perShardAndSecond = kinesis.calls['GetRecords']! / 20 / 60
    expect(perShardAndSecond).toBeLessThan(1.1)
  })

  it('of a shard that is behind leaves one call of five a second to others', async () => {
    const { kinesis, open } = worldOf({ polling: { maxRecords: 10 } })
    for (let i = 0; i < 1_000; i++) kinesis.put('k', Buffer.from(`r${i}`))
    const shard = await open(HORIZON)
    await shard.read(10_000)
    expect(shard.texts.length).toBeGreaterThan(350)
    expect(kinesis.calls['GetRecords']).toBeLessThanOrEqual(41)
  })

  it('waits for what an answer weighed: 10 MB are five seconds of a shard', () => {
    const pace = new PollPace({ fastestMs: 250, idleMs: 1_000, bytesPerSecond: 2_000_000, random: () => 0.5 })
    pace.answered(START_MS, 10_000, 10_000_000, true)
    expect(pace.waitMs(START_MS)).toBe(5_000)
  })

  it('halves when it is throttled, up to five seconds, and eases off afterwards', () => {
    const pace = new PollPace({ fastestMs: 250, idleMs: 1_000, bytesPerSecond: 2_000_000, random: () => 0.5 })
    const waits = [1, 2, 3, 4, 5, 6].map(() => {
      pace.throttled(START_MS)
      return pace.waitMs(START_MS)
    })
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000])
    for (let i = 0; i < 10; i++) pace.answered(START_MS, 1, 10, true)
    expect(pace.waitMs(START_MS)).toBeLessThan(2_000)
    for (let i = 0; i < 50; i++) pace.answered(START_MS, 1, 10, true)
    expect(pace.waitMs(START_MS)).toBe(250)
  })

  it('lets readers that are throttled together go on apart', () => {
    const waits = [0.1, 0.5, 0.9].map((fixed) => {
      const pace = new PollPace({ fastestMs: 250, idleMs: 1_000, bytesPerSecond: 2_000_000, random: () => fixed })
      pace.throttled(START_MS)
      return pace.waitMs(START_MS)
    })
    expect(new Set(waits).size).toBe(3)
  })

  it('of a shard that others poll too never fails the job', async () => {
    const { kinesis, open } = worldOf({ seed: 3 })
    kinesis.unkindness = { throttle: 0.7, fail: 0.2 }
    for (let i = 0; i < 50; i++) kinesis.put('k', Buffer.from(`r${i}`))
    const shard = await open(HORIZON)
    await shard.read(600_000, 50)
    expect([shard.failure, shard.texts.length]).toEqual([undefined, 50])
  })
})

describe('reading ahead', () => {
  it('stops at its memory, and goes on when there is room', async () => {
    const { clock, kinesis, open } = worldOf({ polling: { bufferBytes: 64 * 1024, maxRecords: 100 } })
    for (let i = 0; i < 5_000; i++) kinesis.put('k', Buffer.alloc(700, i))
    const shard = await open(HORIZON)
    shard.poll(1)
    for (let i = 0; i < 1_200; i++) {
      clock.advanceTo(clock.now() + 100)
      await settle(1)
    }
    const ahead = kinesis.calls['GetRecords']!
    // 64 KiB are 65 records of 1,000 bytes with what they cost beside; one answer more may be held.
    expect(ahead).toBeLessThan(8)
    await shard.read(600_000, 5_000)
    expect(shard.texts.length).toBe(5_000)
  })

  it('shares its memory: a shard that is held back leaves the others theirs', async () => {
    const { kinesis, open } = worldOf({ shards: 2, polling: { bufferBytes: 64 * 1024, maxRecords: 100 } })
    for (let i = 0; i < 2_000; i++) kinesis.put(`k${i % 50}`, Buffer.alloc(700, i))
    const held = await open(HORIZON, { shardId: 'shardId-000000000000' })
    const read = await open(HORIZON, { shardId: 'shardId-000000000001' })
    held.poll(1)
    await read.read(300_000, kinesis.shards[1]!.records.length)
    expect(read.texts.length).toBe(kinesis.shards[1]!.records.length)
  })

  it('keeps nothing of empty answers', async () => {
    const { clock, kinesis, open } = worldOf()
    const shard = await open(HORIZON)
    for (let i = 0; i < 300; i++) {
      clock.advanceTo(clock.now() + 1_000)
      await settle(1)
    }
    kinesis.put('k', Buffer.from('a'))
    clock.advanceTo(clock.now() + 1_000)
    await settle(3)
    shard.poll()
    await settle(3)
    expect(shard.poll()).toBe('wait')
    expect(shard.texts).toEqual(['a'])
  })
})

describe('millisBehindLatest', () => {
  it('is there for each shard and as their maximum, and is zero at the tip', async () => {
    const { clock, kinesis, open, gauges } = worldOf({ shards: 2, polling: { maxRecords: 1 } })
    const key = ['a', 'b', 'c', 'd', 'e', 'f'].find(
      (one) => kinesis.put(one, Buffer.from('1')).shardId === 'shardId-000000000000',
    )!
    kinesis.put(key, Buffer.from('2'))
    clock.advanceTo(START_MS + 60_000)
    const first = await open(HORIZON, { shardId: 'shardId-000000000000' })
    const second = await open(HORIZON, { shardId: 'shardId-000000000001' })
    await first.read(100, 1)
    await second.read(5_000)
    const of = (name: string): number => gauges.get(name)!()
    expect(of('shardId=shardId-000000000000/millisBehindLatest')).toBeGreaterThanOrEqual(60_000)
    expect(of('shardId=shardId-000000000001/millisBehindLatest')).toBe(0)
    expect(of('millisBehindLatest')).toBe(of('shardId=shardId-000000000000/millisBehindLatest'))
    await first.read(10_000)
    expect(of('millisBehindLatest')).toBe(0)
    await first.reader.close?.()
    expect(of('shardId=shardId-000000000000/millisBehindLatest')).toBeNaN()
  })
})
