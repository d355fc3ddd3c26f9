import { describe, expect, it } from 'vitest'
import type { ShardPosition } from '../../../operators/connectors/kinesis/shard-split.js'
import { START_MS, worldOf } from './simulation/read-shard.js'
import { failure, type SimulatedKinesis } from './simulation/simulated-kinesis.js'

const HORIZON: ShardPosition = { at: 'horizon' }
const HOUR_MS = 3_600_000

function putTexts(kinesis: SimulatedKinesis, ...texts: string[]): string[] {
  return texts.map((text) => kinesis.put('k', Buffer.from(text)).sequence)
}

describe('a position', () => {
  it('goes on behind the last record handed over', async () => {
    const { kinesis, open } = worldOf()
    putTexts(kinesis, 'a', 'b', 'c')
    const first = await open(HORIZON)
    await first.read(2_000, 2)
    const second = await open(first.position)
    await second.read(2_000)
    expect([first.texts, second.texts]).toEqual([['a', 'b'], ['c']])
  })

  it('names the stream, the shard and the sequence number of each record', async () => {
    const { kinesis, open } = worldOf()
    const [sequence] = putTexts(kinesis, 'a')
    const shard = await open(HORIZON)
    await shard.read(500)
    expect(shard.positions).toEqual([`turbines/shardId-000000000000:${sequence}`])
    expect(shard.timestamps).toEqual([START_MS])
  })

  it('of a checkpoint in the middle of an aggregated record goes on in its middle (FLINK-4080)', async () => {
    const { kinesis, open } = worldOf()
    putTexts(kinesis, 'before')
    kinesis.putAggregated('k', ['u0', 'u1', 'u2', 'u3'].map(Buffer.from))
    putTexts(kinesis, 'after')
    const first = await open(HORIZON)
    await first.read(2_000, 3)
    expect(first.position).toMatchObject({ at: 'within', subSequence: 2 })
    const second = await open(first.position)
    await second.read(2_000)
    expect([first.texts, second.texts]).toEqual([
      ['before', 'u0', 'u1'],
      ['u2', 'u3', 'after'],
    ])
    expect(second.positions[0]).toMatch(/^turbines\/shardId-000000000000:\d+:2$/)
  })

  it('compares sequence numbers as numbers, whatever their lengths', async () => {
    const { kinesis, open } = worldOf()
    const sequences = putTexts(kinesis, ...Array.from({ length: 30 }, (_, i) => `r${i}`))
    expect(new Set(sequences.map((one) => one.length)).size).toBeGreaterThan(1)
    for (let cut = 1; cut < 30; cut++) {
      const first = await open(HORIZON)
      await first.read(20_000, cut)
      const second = await open(first.position)
      await first.reader.close?.()
      await second.read(20_000, 30 - cut)
      await second.reader.close?.()
      expect([...first.texts, ...second.texts]).toEqual(Array.from({ length: 30 }, (_, i) => `r${i}`))
    }
  })

  it('that is a time starts with the first record that arrived then', async () => {
    const { clock, kinesis, open } = worldOf()
    putTexts(kinesis, 'old')
    clock.advanceTo(START_MS + 1)
    putTexts(kinesis, 'new')
    const shard = await open({ at: 'timestamp', timestampMs: START_MS + 1 })
    await shard.read(500)
    expect(shard.texts).toEqual(['new'])
  })

  it('that is a time is kept until the first record has come, so that a restart loses nothing', async () => {
    const { clock, kinesis, open } = worldOf()
    const before = await open({ at: 'timestamp', timestampMs: START_MS })
    await before.read(5_000)
    expect(before.position).toMatchObject({ at: 'timestamp', timestampMs: START_MS })
    putTexts(kinesis, 'while the job was down')
    clock.advanceTo(clock.now() + 60_000)
    const after = await open(before.position)
    await after.read(500)
    expect(after.texts).toEqual(['while the job was down'])
  })

  it('that this clock is ahead of is waited for', async () => {
    const { kinesis, open } = worldOf()
    const shard = await open({ at: 'timestamp', timestampMs: START_MS + 3_000 })
    await shard.read(8_000)
    putTexts(kinesis, 'a')
    await shard.read(2_000)
    expect([shard.failure, shard.texts]).toEqual([undefined, ['a']])
  })
})

describe('an expired position', () => {
  it.each([
    ['the service silently goes on with the oldest record', false],
    ['the service refuses the sequence number', true],
  ])('fails loudly where %s', async (_, refuse) => {
    const { kinesis, open } = worldOf()
    kinesis.refuseTrimmed = refuse
    putTexts(kinesis, 'a', 'b', 'c', 'd')
    const first = await open(HORIZON)
    await first.read(2_000, 2)
    kinesis.trim('shardId-000000000000', 3)
    const second = await open(first.position)
    await second.read(2_000)
    expect(second.texts).toEqual([])
    expect(second.failure).toMatchObject({
      code: 'MILLRACE_INPUT',
      message: expect.stringMatching(
        /^Kinesis stream "turbines": the position \d+ in shardId-000000000000 has expired/,
      ),
      hint: expect.stringContaining('trim-horizon'),
    })
  })

  it.each([false, true])(
    'goes on with the oldest record and a warning, if that is asked for (refused: %s)',
    async (refuse) => {
      const { kinesis, open, warnings } = worldOf({ onExpiredPosition: 'trim-horizon' })
      kinesis.refuseTrimmed = refuse
      putTexts(kinesis, 'a', 'b', 'c', 'd')
      const first = await open(HORIZON)
      await first.read(2_000, 2)
      kinesis.trim('shardId-000000000000', 3)
      const second = await open(first.position)
      await second.read(2_000)
      expect([second.failure, second.texts]).toEqual([undefined, ['d']])
      expect(warnings).toEqual([expect.stringContaining('has expired')])
    },
  )

  it('within an aggregated record fails loudly too', async () => {
    const { kinesis, open } = worldOf()
    kinesis.putAggregated('k', ['u0', 'u1'].map(Buffer.from))
    putTexts(kinesis, 'after')
    const first = await open(HORIZON)
    await first.read(2_000, 1)
    kinesis.trim('shardId-000000000000', 1)
    const second = await open(first.position)
    await second.read(2_000)
    expect(second.failure).toMatchObject({ code: 'MILLRACE_INPUT' })
  })

  it('is found where a record that should still be kept is not, although the shard was read to its tip', async () => {
    const { kinesis, open } = worldOf()
    putTexts(kinesis, 'a')
    const first = await open(HORIZON)
    await first.read(5_000)
    expect(first.position).toHaveProperty('readToMs')
    putTexts(kinesis, 'lost', 'b')
    kinesis.trim('shardId-000000000000', 2)
    const second = await open(first.position)
    await second.read(5_000)
    expect(second.failure).toMatchObject({ code: 'MILLRACE_INPUT' })
  })

  it('is told from that of a shard which had nothing for longer than records are kept', async () => {
    const { clock, kinesis, open } = worldOf()
    putTexts(kinesis, 'a')
    const first = await open(HORIZON)
    // Idle for 25 hours, and read all the time: its only record is dropped for its age.
    await first.read(1_000)
    clock.advanceTo(START_MS + 25 * HOUR_MS)
    await first.read(10_000)
    kinesis.expire()
    putTexts(kinesis, 'b')
    const second = await open(first.position)
    await second.read(5_000)
    expect([second.failure, second.texts]).toEqual([undefined, ['b']])
  })

  it('is found when the job was down for longer than records are kept', async () => {
    const { clock, kinesis, open } = worldOf()
    putTexts(kinesis, 'a')
    const first = await open(HORIZON)
    await first.read(5_000)
    clock.advanceTo(START_MS + HOUR_MS)
    putTexts(kinesis, 'lost')
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    kinesis.expire()
    putTexts(kinesis, 'b')
    const second = await open(first.position)
    await second.read(5_000)
    expect(second.failure).toMatchObject({ code: 'MILLRACE_INPUT' })
  })

  it('is found where no record had come before the job was down for so long', async () => {
    const { clock, open } = worldOf()
    const first = await open({ at: 'timestamp', timestampMs: START_MS, readToMs: START_MS })
    await first.read(5_000)
    clock.advanceTo(START_MS + 30 * HOUR_MS)
    const second = await open(first.position)
    await second.read(5_000)
    expect(second.failure).toMatchObject({ code: 'MILLRACE_INPUT' })
  })

  it('of a shard that is gone altogether ends it, if going on is asked for', async () => {
    const { kinesis, open, warnings } = worldOf({ shards: 2, onExpiredPosition: 'trim-horizon' })
    kinesis.remove('shardId-000000000000')
    const shard = await open({ at: 'after', sequenceNumber: '100', arrivalMs: START_MS })
    expect(await shard.read(5_000)).toBe('end')
    expect(shard.reader.position().end).toEqual({ by: 'closed', children: [] })
    expect(warnings.length).toBeGreaterThan(0)
  })
})

describe('the end of a shard', () => {
  it('names its children', async () => {
    const { kinesis, open } = worldOf()
    putTexts(kinesis, 'a')
    kinesis.split('shardId-000000000000')
    const shard = await open(HORIZON)
    expect(await shard.read(5_000)).toBe('end')
    expect(shard.reader.position().end).toMatchObject({
      by: 'closed',
      children: [{ shardId: 'shardId-000000000001' }, { shardId: 'shardId-000000000002' }],
    })
    expect(shard.texts).toEqual(['a'])
  })

  it('is where stopAt is, before the first record that arrived later', async () => {
    const { clock, kinesis, open } = worldOf()
    putTexts(kinesis, 'a')
    clock.advanceTo(START_MS + 10)
    putTexts(kinesis, 'b')
    const shard = await open(HORIZON, { stopAtMs: START_MS + 5 })
    expect(await shard.read(5_000)).toBe('end')
    expect([shard.texts, shard.reader.position().end]).toEqual([['a'], { by: 'stopAt' }])
    expect(shard.position).toMatchObject({ at: 'after' })
  })

  it('of a closed shard is its own, also if it comes an answer after its last records: its children are wanted', async () => {
    const { kinesis, open } = worldOf()
    kinesis.unkindness = { lateEnd: true }
    putTexts(kinesis, 'a')
    kinesis.split('shardId-000000000000')
    const shard = await open(HORIZON, { stopAtMs: START_MS })
    expect(await shard.read(5_000)).toBe('end')
    expect(shard.reader.position().end).toMatchObject({ by: 'closed' })
  })

  it('is reached without any later record, once the tip is, and stopAt has come', async () => {
    const { clock, kinesis, open } = worldOf()
    putTexts(kinesis, 'a')
    const shard = await open(HORIZON, { stopAtMs: START_MS + 20_000 })
    expect(await shard.read(19_000)).toBe('wait')
    expect(await shard.read(5_000)).toBe('end')
    expect(clock.now()).toBeGreaterThan(START_MS + 20_000)
  })
})

describe('bad records', () => {
  it('that only look aggregated are handed over as they are, and spoil nothing after them (FLINK-34474)', async () => {
    const { kinesis, open } = worldOf()
    const poison = Buffer.concat([Buffer.from([0xf3, 0x89, 0x9a, 0xc2]), Buffer.from('no message, no checksum at all')])
    kinesis.put('k', poison)
    putTexts(kinesis, 'next')
    const shard = await open(HORIZON)
    await shard.read(1_000)
    expect(shard.texts).toEqual([poison.toString('utf8'), 'next'])
  })

  it('without any data are records', async () => {
    const { kinesis, open } = worldOf()
    putTexts(kinesis, '', 'next')
    const shard = await open(HORIZON)
    await shard.read(1_000)
    expect(shard.texts).toEqual(['', 'next'])
  })
})

describe('what a service does not always do', () => {
  it('empty answers before the tip are not its end', async () => {
    const { kinesis, open } = worldOf({ seed: 5 })
    kinesis.unkindness = { empty: 0.8 }
    putTexts(kinesis, 'a', 'b')
    const shard = await open(HORIZON, { stopAtMs: START_MS })
    expect(await shard.read(60_000)).toBe('end')
    expect(shard.texts).toEqual(['a', 'b'])
  })

  it('an iterator that expires under backpressure is asked for again, behind what was fetched', async () => {
    const { clock, kinesis, open } = worldOf({ polling: { bufferBytes: 1_000, maxRecords: 3 } })
    const texts = Array.from({ length: 20 }, (_, i) => `r${i}`)
    putTexts(kinesis, ...texts)
    const shard = await open(HORIZON)
    await shard.read(2_000, 1)
    clock.advanceTo(clock.now() + 6 * 60_000)
    await shard.read(30_000)
    expect([shard.failure, shard.texts]).toEqual([undefined, texts])
    expect(kinesis.calls['GetShardIterator']).toBeGreaterThan(1)
  })

  it('denied access fails at once, and says what to allow', async () => {
    const { kinesis, open } = worldOf()
    const send = kinesis.send.bind(kinesis)
    kinesis.send = (command) =>
      command.constructor.name === 'GetRecordsCommand'
        ? Promise.reject(failure('AccessDeniedException'))
        : send(command)
    const shard = await open(HORIZON)
    await shard.read(1_000)
    expect(shard.failure).toMatchObject({
      code: 'MILLRACE_INPUT',
      message: 'Kinesis stream "turbines": access denied (AccessDeniedException)',
      hint: expect.stringContaining('kinesis:GetRecords'),
    })
  })
})
