import { describe, expect, it } from 'vitest'
import type { SourceNode } from '../../runtime/contract/graph.js'
import type { JsonValue } from '../../runtime/contract/json.js'
import type { PollStatus, RawOutput, SplitReader, WatermarkStrategy } from '../../runtime/contract/source.js'
import type { Clock } from '../../runtime/contract/time.js'
import { LocalMetrics } from '../../runtime/task/counters.js'
import { Decoding } from '../../runtime/task/decoding.js'
import { createDriftTable } from '../../runtime/exchange/shared-layout.js'
import { DriftTable } from '../../runtime/task/drift.js'
import { SourceDriver } from '../../runtime/task/source-driver.js'

type Times = readonly number[]

/** Hands out one record a poll. */
class TimesReader implements SplitReader<unknown, JsonValue> {
  private at = 0
  private readonly times: Times
  private readonly ends: boolean

  constructor(times: Times, ends: boolean) {
    this.times = times
    this.ends = ends
  }

  poll(out: RawOutput<unknown>): PollStatus {
    if (this.at < this.times.length) out.collect(this.times[this.at], this.times[this.at++]!)
    if (this.at < this.times.length) return 'more'
    return this.ends ? 'end' : 'wait'
  }

  available(): Promise<void> {
    return new Promise(() => {})
  }

  position(): number {
    return this.at
  }
}

async function driver(
  splits: Record<string, Times>,
  strategy: Partial<WatermarkStrategy<never>> = {},
  options: {
    ends?: boolean
    clock?: Clock
    table?: SharedArrayBuffer
    bounded?: boolean
    reader?: SplitReader<unknown, JsonValue>
  } = {},
) {
  const node = {
    uid: 'src',
    kind: 'source',
    source: { bounded: options.bounded ?? true },
    watermarks: { generator: { kind: 'bounded', outOfOrdernessMs: 0 }, ...strategy },
  } as unknown as SourceNode
  const emitted: number[] = []
  const metrics = new LocalMetrics()
  const counters = { recordsIn: metrics.counter('in'), invalidRecords: metrics.counter('invalid') }
  const decoding = new Decoding(node, { emit: (v) => emitted.push(v as number) }, { emit: () => {} }, counters)
  const failures: unknown[] = []
  const source = new SourceDriver({
    node,
    reader: { openSplit: ({ id }) => options.reader ?? new TimesReader(splits[id]!, options.ends ?? true) },
    decoding,
    drift: new DriftTable(options.table ?? createDriftTable(1, 2), 0, 2, 0),
    clock: options.clock ?? { now: () => 0, setTimeout: () => () => {} },
    host: {
      wake: () => {},
      wakeOthers: () => {},
      fail: (error) => failures.push(error),
      applied: () => -Infinity,
      emitted: () => -Infinity,
      send: () => () => true,
      splitFinished: () => {},
      splitCaughtUp: () => {},
    },
  })
  source.assign(Object.keys(splits).map((id) => ({ id, split: null, watermark: -Infinity })))
  if (options.bounded ?? true) source.endOfSplits()
  await new Promise((resolve) => setImmediate(resolve))
  return { source, emitted, failures }
}

/** The other reader is at the end: it holds nobody back. */
function tableWithOther(watermark: number): SharedArrayBuffer {
  const table = createDriftTable(1, 2)
  new DriftTable(table, 0, 2, 1).publish(watermark)
  return table
}

describe('SourceDriver', () => {
  it('begins with small polls, makes them larger, and smaller again when they take long', async () => {
    let now = 0
    let cost = 0
    const asked: number[] = []
    const reader: SplitReader<unknown, JsonValue> = {
      poll: (_out, max) => {
        asked.push(max)
        now += max * cost
        return 'more'
      },
      available: () => Promise.resolve(),
      position: () => null,
    }
    const clock: Clock = { now: () => now, setTimeout: () => () => {} }
    const { source } = await driver({ a: [] }, {}, { reader, clock, table: tableWithOther(Infinity) })
    for (let polls = 0; polls < 7; polls++) source.poll()
    expect(asked.splice(0)).toEqual([16, 32, 64, 128, 256, 512, 512])
    cost = 1
    for (let polls = 0; polls < 7; polls++) source.poll()
    expect(asked).toEqual([512, 256, 128, 64, 32, 16, 32])
  })

  it('reads next from the split furthest behind in event time', async () => {
    const { source, emitted } = await driver({ a: [10, 20, 30], b: [15, 25] }, {}, { table: tableWithOther(Infinity) })
    while (source.poll() !== 'end');
    expect(emitted).toEqual([10, 15, 20, 25, 30])
  })

  it('has the minimum over unfinished splits as its watermark, and +infinity at the end', async () => {
    const { source } = await driver({ a: [10, 40], b: [20, 30] }, {}, { table: tableWithOther(Infinity) })
    const seen: number[] = []
    for (;;) {
      const status = source.poll()
      seen.push(source.watermark())
      if (status === 'end') break
    }
    // a: 9, b: 19, then a: 39 and ends; b alone counts
    expect(seen).toEqual([-Infinity, 9, 19, Infinity])
  })

  it('leaves a split alone that is further ahead of another reader than the drift allows', async () => {
    const table = tableWithOther(5)
    const { source, emitted } = await driver({ a: [10, 1000, 2000] }, { maxDriftMs: 100 }, { table })
    expect(source.poll()).toBe('more')
    expect(source.poll()).toBe('more')
    expect(source.poll()).toBe('wait')
    expect(source.idle).toBe(false)
    new DriftTable(table, 0, 2, 1).publish(950)
    expect(source.poll()).toBe('end')
    expect(emitted).toEqual([10, 1000, 2000])
  })

  it('marks a split idle that has had nothing for too long, and active again with its next record', async () => {
    let now = 0
    const clock: Clock = { now: () => now, setTimeout: () => () => {} }
    const { source } = await driver(
      { quiet: [5], busy: [10, 20, 30] },
      { idlenessMs: 100 },
      { ends: false, clock, table: tableWithOther(Infinity) },
    )
    source.poll() // quiet: 5, then it waits
    source.poll() // busy: 10
    expect(source.watermark()).toBe(4)
    now = 200
    source.checkIdleness()
    expect(source.watermark()).toBe(9)
    expect(source.idle).toBe(false)
  })

  it('keeps unopened, unread and read splits in its snapshot with position and watermark', async () => {
    const { source } = await driver({ a: [10, 20], b: [5] }, {}, { ends: false, table: tableWithOther(Infinity) })
    source.poll()
    expect(source.snapshot()).toEqual([
      { id: 'a', split: 1, watermark: 9 },
      { id: 'b', split: 0, watermark: -Infinity },
    ])
  })

  it('notices a quiet split while another one has more and more', async () => {
    let now = 0
    const clock: Clock = { now: () => now, setTimeout: () => () => {} }
    const busy = Array.from({ length: 20 }, (_, i) => 10 + i)
    const { source } = await driver(
      { quiet: [5], busy },
      { idlenessMs: 100 },
      { ends: false, clock, table: tableWithOther(Infinity) },
    )
    source.poll()
    source.poll()
    expect(source.nextIdleCheckMs()).toBe(100)
    now = 100
    expect(source.poll()).toBe('more')
    source.checkIdleness()
    expect(source.watermark()).toBe(10)
    expect(source.nextIdleCheckMs()).toBe(Infinity)
  })

  it('does not take time in which nobody polled for idleness', async () => {
    let now = 0
    const clock: Clock = { now: () => now, setTimeout: () => () => {} }
    const { source } = await driver(
      { a: [5, 6] },
      { idlenessMs: 100 },
      { ends: false, clock, table: tableWithOther(Infinity) },
    )
    source.poll()
    now = 1000
    source.poll() // the last record, then it waits
    source.checkIdleness()
    expect(source.idle).toBe(false)
    now = 1100
    source.checkIdleness()
    expect(source.idle).toBe(true)
  })

  it('holds no other reader back while all its splits are idle', async () => {
    let now = 0
    const clock: Clock = { now: () => now, setTimeout: () => () => {} }
    const table = tableWithOther(Infinity)
    const { source } = await driver({ a: [5] }, { idlenessMs: 100, maxDriftMs: 10 }, { ends: false, clock, table })
    const other = new DriftTable(table, 0, 2, 1)
    source.poll()
    source.publish()
    expect(other.slowestOther()).toBe(4)
    now = 100
    source.checkIdleness()
    source.publish()
    expect(other.slowestOther()).toBe(Infinity)
  })

  it('is idle without splits for too long, and has no part in alignment, if its source is unbounded', async () => {
    let now = 0
    const clock: Clock = { now: () => now, setTimeout: () => () => {} }
    const table = tableWithOther(Infinity)
    const { source } = await driver({}, { idlenessMs: 100, maxDriftMs: 10 }, { clock, table, bounded: false })
    expect(source.poll()).toBe('wait')
    source.checkIdleness()
    source.publish()
    expect(source.idle).toBe(false)
    expect(new DriftTable(table, 0, 2, 1).slowestOther()).toBe(Infinity)
    now = 100
    source.checkIdleness()
    expect(source.idle).toBe(true)
  })
})
