import { describe, expect, it } from 'vitest'
import type { ShardPosition } from '../../../operators/connectors/kinesis/shard-split.js'
import { START_MS, worldOf } from './simulation/read-shard.js'
const HORIZON: ShardPosition = { at: 'horizon' }
const HOUR_MS = 3_600_000
describe('stranger', () => {
  it('down longer than retention, shard EMPTY at restart, next record arrives later', async () => {
    const { clock, kinesis, open, warnings } = worldOf()
    const put = (t: string) => kinesis.put('k', Buffer.from(t))
    put('a')
    const first = await open(HORIZON)
    await first.read(5_000)
    await first.reader.close?.()
    clock.advanceTo(START_MS + HOUR_MS)
    put('LOST')
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    kinesis.expire()
    const second = await open(first.position) // position: after a, 30 h old
    await second.read(5_000)
    put('b')
    await second.read(5_000)
    console.log(JSON.stringify([second.texts, second.failure?.message, warnings, second.position]))
    expect(second.failure).toMatchObject({ code: 'MILLRACE_INPUT' })
  })
  it('same, within an aggregate', async () => {
    const { clock, kinesis, open, warnings } = worldOf()
    kinesis.putAggregated('k', ['u0', 'u1'].map((x) => Buffer.from(x)))
    const first = await open(HORIZON)
    await first.read(2_000, 1)
    await first.reader.close?.()
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    kinesis.expire()
    const second = await open(first.position)
    await second.read(5_000)
    console.log(JSON.stringify([second.texts, second.failure?.message, warnings, second.position]))
    expect(second.failure).toMatchObject({ code: 'MILLRACE_INPUT' })
  })
  it('backpressure longer than retention in one run', async () => {
    const { clock, kinesis, open, warnings } = worldOf({ polling: { maxRecords: 1, bufferBytes: 1 } })
    for (const t of ['a', 'b', 'c', 'd', 'e']) kinesis.put('k', Buffer.from(t))
    const first = await open(HORIZON)
    await first.read(2_000, 1)
    clock.advanceTo(START_MS + 12 * HOUR_MS)
    kinesis.put('k', Buffer.from('f'))
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    kinesis.expire()
    await first.read(20_000)
    console.log(JSON.stringify([first.texts, first.failure?.message, warnings, first.position]))
    expect(first.failure).toMatchObject({ code: 'MILLRACE_INPUT' })
  })
})
describe('suspended for more than a day, retention of a week: nothing has expired', () => {
  it('fan-out position (continuation): goes on behind it', async () => {
    const { clock, kinesis, open, warnings } = worldOf()
    kinesis.retentionHours = 168
    const seqs = ['a', 'b', 'c'].map((t) => kinesis.put('k', Buffer.from(t)).sequence)
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    kinesis.put('k', Buffer.from('new'))
    const shard = await open({ at: 'continuation', sequenceNumber: seqs[2]!, readToMs: START_MS + 1 })
    await shard.read(5_000)
    console.log(JSON.stringify([shard.texts, shard.failure?.message, warnings]))
    expect(shard.texts).toEqual(['new'])
  })
  it('LATEST position: goes on at its time', async () => {
    const { clock, kinesis, open, warnings } = worldOf()
    kinesis.retentionHours = 168
    ;['a', 'b', 'c'].map((t) => kinesis.put('k', Buffer.from(t)).sequence)
    clock.advanceTo(START_MS + HOUR_MS)
    const first = await open({ at: 'timestamp', timestampMs: clock.now(), readToMs: clock.now() })
    await first.read(5_000)
    console.log(JSON.stringify([first.texts, first.position]))
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    kinesis.put('k', Buffer.from('new'))
    const shard = await open(first.position)
    await shard.read(5_000)
    console.log(JSON.stringify([shard.texts, shard.failure?.message, warnings]))
    expect(shard.texts).toEqual(['new'])
  })
})
import { ShardTracker } from '../../../operators/connectors/kinesis/shard-tracker.js'
describe('catching up through a reshard', () => {
  it.each([0, 1])('child position claims to be read up to the wall clock at the parent end (child records read before going down: %s)', async (some) => {
    const { clock, kinesis, open, warnings } = worldOf()
    const P = 'shardId-000000000000'
    kinesis.put('k', Buffer.from('parent'))
    clock.advanceTo(START_MS + 1000)
    kinesis.split(P)
    const kids = kinesis.shards.filter((s) => s.id !== P)
    // records arrive in the children hour by hour
    for (let h = 1; h <= 10; h++) { clock.advanceTo(START_MS + h * HOUR_MS); for (const k of 'abcdefgh') kinesis.put(k, Buffer.from(`${k}${h}`)) }
    // now, 10 h later, the job catches up: reads the parent to its end
    const parent = await open({ at: 'horizon' })
    expect(await parent.read(5_000)).toBe('end')
    const tracker = new ShardTracker({ parallelism: 1, checkpointing: true, start: { at: 'horizon' } })
    const list = [{ shardId: P, parents: [], firstHash: String(kinesis.shards[0]!.first), lastHash: String(kinesis.shards[0]!.last) }, ...kids.map((k) => ({ shardId: k.id, parents: [P], firstHash: String(k.first), lastHash: String(k.last) }))]
    tracker.listing(list); tracker.next()
    tracker.shardFinished(0, parent.reader.position(), 0)
    const child = tracker.next().assign[0]!.split
    console.log('child position', JSON.stringify(child.split.position), 'now', clock.now())
    let position = child.split.position
    let read: string[] = []
    if (some > 0) { const c = await open(position, { shardId: child.id }); await c.read(5_000, some); read = c.texts; position = c.position; await c.reader.close?.() }
    // down for 20 hours
    clock.advanceTo(clock.now() + 20 * HOUR_MS)
    kinesis.expire()
    const again = await open(position, { shardId: child.id })
    await again.read(10_000)
    console.log(JSON.stringify({ before: read, position, after: again.texts.slice(0, 3), failure: again.failure?.message, warnings }))
    expect(again.failure).toMatchObject({ code: 'MILLRACE_INPUT' })
  })
})
