import { describe, expect, it } from 'vitest'
import type { ShardPosition } from '../../../operators/connectors/kinesis/shard-split.js'
import { ShardTracker } from '../../../operators/connectors/kinesis/shard-tracker.js'
import { START_MS, worldOf } from './simulation/read-shard.js'
import type { SimulatedKinesis } from './simulation/simulated-kinesis.js'

const HORIZON: ShardPosition = { at: 'horizon' }
const HOUR_MS = 3_600_000
const EXPIRED = { code: 'MILLRACE_INPUT', message: expect.stringContaining('has expired') as string }

const put = (kinesis: SimulatedKinesis, text: string): string => kinesis.put('k', Buffer.from(text)).sequence

describe('a job that was down for longer than records are kept', () => {
  it('does not take a shard that is empty now for one that had nothing', async () => {
    const { clock, kinesis, open } = worldOf()
    put(kinesis, 'a')
    const before = await open(HORIZON)
    await before.read(5_000)
    clock.advanceTo(START_MS + HOUR_MS)
    put(kinesis, 'lost')
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    kinesis.expire()
    const after = await open(before.position)
    await after.read(5_000)
    put(kinesis, 'b')
    await after.read(5_000)
    expect([after.texts, after.failure]).toEqual([[], expect.objectContaining(EXPIRED)])
  })

  it('misses the rest of an aggregated record at once', async () => {
    const { clock, kinesis, open } = worldOf()
    kinesis.putAggregated('k', [Buffer.from('u0'), Buffer.from('u1')])
    const before = await open(HORIZON)
    await before.read(2_000, 1)
    expect(before.position.at).toBe('within')
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    kinesis.expire()
    const after = await open(before.position)
    await after.read(5_000)
    expect(after.failure).toMatchObject(EXPIRED)
  })

  it('keeps its position while nothing shows whether it holds', async () => {
    const { clock, kinesis, open } = worldOf()
    put(kinesis, 'a')
    const before = await open(HORIZON)
    await before.read(5_000)
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    kinesis.expire()
    const after = await open(before.position)
    await after.read(600)
    expect([after.failure, after.position]).toEqual([undefined, before.position])
  })

  it('goes on with a warning if that is asked for, once', async () => {
    const { clock, kinesis, open, warnings } = worldOf({ onExpiredPosition: 'trim-horizon' })
    put(kinesis, 'a')
    const before = await open(HORIZON)
    await before.read(5_000)
    const { position } = before
    await before.reader.close?.()
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    kinesis.expire()
    const after = await open(position)
    await after.read(5_000)
    put(kinesis, 'b')
    await after.read(5_000)
    expect([after.failure, after.texts, warnings.length]).toEqual([undefined, ['b'], 1])
  })
})

describe('a job that was down for more than a day, where records are kept for a week', () => {
  it('goes on behind the number that fan-out gave', async () => {
    const { clock, kinesis, open, warnings } = worldOf()
    kinesis.retentionHours = 168
    const numbers = ['a', 'b', 'c'].map((text) => put(kinesis, text))
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    put(kinesis, 'new')
    const shard = await open({ at: 'continuation', sequenceNumber: numbers[2]!, readToMs: START_MS + 1 })
    await shard.read(5_000)
    expect([shard.texts, shard.failure, warnings]).toEqual([['new'], undefined, []])
  })

  it('goes on at the time of LATEST where no record had come', async () => {
    const { clock, kinesis, open, warnings } = worldOf()
    kinesis.retentionHours = 168
    put(kinesis, 'old')
    clock.advanceTo(START_MS + HOUR_MS)
    const before = await open({ at: 'timestamp', timestampMs: clock.now(), readToMs: clock.now() })
    await before.read(5_000)
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    put(kinesis, 'new')
    const after = await open(before.position)
    await after.read(5_000)
    expect([after.texts, after.failure, warnings]).toEqual([['new'], undefined, []])
  })
})

describe('a service that refuses numbers of records that it has dropped', () => {
  it('is asked for the oldest one where nothing is lost: a shard that was idle, and read all the time', async () => {
    const { clock, kinesis, open, warnings } = worldOf()
    kinesis.refuseTrimmed = true
    put(kinesis, 'a')
    const before = await open(HORIZON)
    await before.read(1_000)
    clock.advanceTo(START_MS + 25 * HOUR_MS)
    kinesis.refuseTrimmed = false
    await before.read(10_000)
    kinesis.refuseTrimmed = true
    kinesis.expire()
    const after = await open(before.position)
    await after.read(3_000)
    expect(after.position.at).toBe('after')
    put(kinesis, 'b')
    await after.read(3_000)
    expect([after.failure, after.texts, warnings]).toEqual([undefined, ['b'], []])
  })
})

describe('backpressure', () => {
  it.each([
    ['for longer than records are kept fails loudly', 30, EXPIRED, ['a']],
    ['for less goes on', 20, undefined, ['a', 'b', 'c', 'd', 'e', 'f']],
  ])('%s', async (_, hours, failure, texts) => {
    const { clock, kinesis, open } = worldOf({ polling: { maxRecords: 1, bufferBytes: 1 } })
    for (const text of ['a', 'b', 'c', 'd', 'e']) put(kinesis, text)
    const shard = await open(HORIZON)
    await shard.read(2_000, 1)
    clock.advanceTo(START_MS + 12 * HOUR_MS)
    put(kinesis, 'f')
    clock.advanceTo(START_MS + hours * HOUR_MS)
    kinesis.expire()
    await shard.read(20_000)
    expect(shard.texts).toEqual(expect.arrayContaining(texts))
    if (failure === undefined) expect(shard.failure).toBeUndefined()
    else expect([shard.failure, shard.texts.includes('f')]).toEqual([expect.objectContaining(failure), false])
  })
})

describe('a child of a shard that ended long ago', () => {
  it.each([0, 1])('is not taken to be read up to when the end was found (%i of its records read)', async (some) => {
    const { clock, kinesis, open } = worldOf()
    const parentId = 'shardId-000000000000'
    put(kinesis, 'parent')
    clock.advanceTo(START_MS + 1_000)
    kinesis.split(parentId)
    for (let hour = 1; hour <= 10; hour++) {
      clock.advanceTo(START_MS + hour * HOUR_MS)
      for (const key of 'abcdefgh') kinesis.put(key, Buffer.from(`${key}${hour}`))
    }
    const parent = await open(HORIZON)
    expect(await parent.read(5_000)).toBe('end')
    const tracker = new ShardTracker({ parallelism: 1, checkpointing: true, start: HORIZON })
    tracker.listing(
      kinesis.shards.map(({ id, parents, first, last }) => ({
        shardId: id,
        parents,
        firstHash: String(first),
        lastHash: String(last),
      })),
    )
    tracker.next()
    tracker.shardFinished(0, parent.reader.position(), 0)
    const { split: child } = tracker.next().assign[0]!
    expect(child.split.position).toEqual({ at: 'horizon', readToMs: START_MS })
    let { position } = child.split
    if (some > 0) {
      const reading = await open(position, { shardId: child.id })
      await reading.read(5_000, some)
      position = reading.position
    }
    clock.advanceTo(clock.now() + 20 * HOUR_MS)
    kinesis.expire()
    const after = await open(position, { shardId: child.id })
    await after.read(10_000)
    expect([after.failure, after.texts]).toEqual([expect.objectContaining(EXPIRED), []])
  })
})

describe('a service that answers from the oldest record when nothing has come since the time it was asked for', () => {
  it('does not bring back what arrived before LATEST', async () => {
    const { clock, kinesis, open } = worldOf({ polling: { maxRecords: 2 } })
    for (const text of ['o1', 'o2', 'o3', 'o4', 'o5']) put(kinesis, text)
    clock.advanceTo(START_MS + HOUR_MS + 1)
    const send = kinesis.send.bind(kinesis)
    kinesis.send = (command) => {
      const { input } = command as { input: { ShardIteratorType?: string } }
      if (input.ShardIteratorType === 'AT_TIMESTAMP') input.ShardIteratorType = 'TRIM_HORIZON'
      return send(command)
    }
    const start: ShardPosition = { at: 'timestamp', timestampMs: clock.now(), readToMs: clock.now() }
    const before = await open(start)
    await before.read(300)
    expect(before.position).toMatchObject(start)
    const after = await open(before.position)
    await after.read(5_000)
    put(kinesis, 'new')
    await after.read(5_000)
    expect([before.texts, after.texts]).toEqual([[], ['new']])
  })
})

describe('an answer', () => {
  it('with records says nothing of the time since the last of them: a closed shard gives its last ones without a word', async () => {
    const { clock, kinesis, open } = worldOf()
    kinesis.unkindness = { lateEnd: true }
    put(kinesis, 'a')
    kinesis.split('shardId-000000000000')
    clock.advanceTo(START_MS + HOUR_MS)
    const shard = await open(HORIZON)
    await shard.read(5_000)
    const { position, end } = shard.reader.position()
    expect([end?.by, position]).toEqual(['closed', expect.not.objectContaining({ readToMs: expect.anything() })])
  })
})
