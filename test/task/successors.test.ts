import { describe, expect, it } from 'vitest'
import type { SourceNode } from '../../runtime/contract/graph.js'
import type { JsonValue } from '../../runtime/contract/json.js'
import type { PollStatus, RawOutput, SplitReader } from '../../runtime/contract/source.js'
import { createDriftTable } from '../../runtime/exchange/shared-layout.js'
import { LocalMetrics } from '../../runtime/metrics/local-metrics.js'
import { Decoding } from '../../runtime/task/decoding.js'
import { DriftTable } from '../../runtime/task/drift.js'
import { SourceDriver } from '../../runtime/task/source-driver.js'
import type { AssignedSplit } from '../../runtime/worker/protocol.js'

/** Hands out one record a poll, its own event time. */
class TimesReader implements SplitReader<unknown, JsonValue> {
  closed = false
  private at: number
  private readonly times: readonly number[]

  constructor(times: readonly number[], from: number) {
    this.times = times
    this.at = from
  }

  poll(out: RawOutput<unknown>): PollStatus {
    if (this.at < this.times.length) out.collect(this.times[this.at], this.times[this.at++]!)
    return this.at < this.times.length ? 'more' : 'end'
  }

  available(): Promise<void> {
    return new Promise(() => {})
  }

  position(): number {
    return this.at
  }

  close(): void {
    this.closed = true
  }
}

/** Splits `id` with records at those times; the test says when what was emitted has been taken. */
function driver(splits: Record<string, readonly number[]>) {
  const node = {
    uid: 'src',
    kind: 'source',
    source: { bounded: false, successors: true },
    watermarks: { generator: { kind: 'bounded', outOfOrdernessMs: 0 }, idlenessMs: 100, maxDriftMs: 50 },
  } as unknown as SourceNode
  const metrics = new LocalMetrics()
  const counters = { recordsIn: metrics.counter('in'), invalidRecords: metrics.counter('invalid') }
  const emitted: unknown[] = []
  const decoding = new Decoding(node, { emit: (v) => emitted.push(v) }, { emit: () => {} }, counters)
  const readers = new Map<string, TimesReader>()
  const told: AssignedSplit[] = []
  const caughtUp: string[] = []
  const failures: unknown[] = []
  const world = { taken: true, applied: -Infinity, emitted: -Infinity, now: 0 }
  const table = createDriftTable(1, 2)
  const other = new DriftTable(table, 0, 2, 1)
  other.publish(Infinity)
  const source = new SourceDriver({
    node,
    reader: {
      openSplit: ({ id, split }) => {
        const reader = new TimesReader(splits[id]!, split as number)
        readers.set(id, reader)
        return reader
      },
    },
    decoding,
    drift: new DriftTable(table, 0, 2, 0),
    clock: { now: () => world.now, setTimeout: () => () => {} },
    host: {
      wake: () => {},
      wakeOthers: () => {},
      fail: (error) => failures.push(error),
      applied: () => world.applied,
      emitted: () => world.emitted,
      send: () => () => world.taken,
      splitFinished: (split) => told.push(split),
      splitCaughtUp: (id) => caughtUp.push(id),
    },
  })
  const assign = async (id: string, at = 0, from?: number): Promise<void> => {
    source.assign([{ id, split: at, watermark: from ?? -Infinity, ...(from === undefined ? {} : { follows: true }) }])
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { source, assign, world, told, caughtUp, emitted, readers, failures, other }
}

describe('a split that has successors', () => {
  it('stays in snapshots at its end, and holds event time back until it is retired', async () => {
    const { source, assign, readers } = driver({ parent: [10, 20], beside: [15, 900] })
    await assign('parent')
    await assign('beside')
    for (let polls = 0; polls < 4; polls++) source.poll()
    expect(readers.get('parent')!.closed).toBe(true)
    expect(source.snapshot()).toEqual([
      { id: 'parent', split: 2, watermark: 19 },
      { id: 'beside', split: 2, watermark: 899 },
    ])
    expect(source.watermark()).toBe(19)
    source.poll()
    source.retire(['parent'], false)
    expect(source.watermark()).toBe(899)
    expect(source.snapshot()).toEqual([{ id: 'beside', split: 2, watermark: 899 }])
  })

  it('is told to be finished once, and only when what it emitted has been taken', async () => {
    const { source, assign, world, told } = driver({ parent: [10] })
    world.taken = false
    await assign('parent')
    source.poll()
    source.poll()
    expect(told).toEqual([])
    expect(source.nextIdleCheckMs()).toBeLessThan(10)
    world.taken = true
    source.poll()
    source.poll()
    expect(told).toEqual([{ id: 'parent', split: 1, watermark: 9 }])
  })

  it('says its end again after a restore', async () => {
    const { source, assign, told, emitted } = driver({ parent: [10] })
    await assign('parent', 1, undefined)
    source.poll()
    source.poll()
    expect(emitted).toEqual([])
    expect(told).toEqual([{ id: 'parent', split: 1, watermark: -Infinity }])
  })

  it('is not idle at its end, however long that takes, nor is the source ended', async () => {
    const { source, assign, world } = driver({ parent: [10] })
    await assign('parent')
    source.endOfSplits()
    source.poll()
    world.now = 1000
    source.poll()
    source.checkIdleness()
    expect(source.idle).toBe(false)
    expect(source.ended).toBe(false)
    expect(source.watermark()).toBe(9)
    source.retire(['parent'], false)
    expect(source.ended).toBe(true)
  })

  it('holds no reader back in alignment once it is read: its successor may wait for them', async () => {
    const { source, assign, other } = driver({ parent: [10], beside: [500, 501] })
    await assign('parent')
    await assign('beside')
    source.poll()
    source.poll()
    source.publish()
    expect(other.slowestOther()).toBe(499)
    expect(source.canPoll()).toBe(true)
  })

  it('may not be retired before its end was told: nothing would be left of it', async () => {
    const { source, assign } = driver({ parent: [10, 20] })
    await assign('parent')
    source.poll()
    expect(() => source.retire(['parent'], false)).toThrow(/operator "src": split parent is retired/)
  })

  it('retired with a hold leaves the snapshots at once, and lets event time go on when it is released', async () => {
    const { source, assign } = driver({ parent: [10], beside: [500, 501] })
    await assign('parent')
    await assign('beside')
    for (let polls = 0; polls < 3; polls++) source.poll()
    source.retire(['parent'], true)
    expect(source.snapshot().map(({ id }) => id)).toEqual(['beside'])
    expect(source.watermark()).toBe(9)
    source.release(['parent'])
    expect(source.watermark()).toBeGreaterThan(9)
  })
})

describe('a split that goes on from another', () => {
  it('begins with the event time of the one before', async () => {
    const { source, assign } = driver({ child: [50, 60] })
    await assign('child', 0, 42)
    expect(source.watermark()).toBe(42)
  })

  it('has caught up when it is as far as its subtask and the receivers know of it', async () => {
    const { source, assign, world, caughtUp } = driver({ child: [50, 60, 70] })
    Object.assign(world, { applied: 55, emitted: 55, taken: false })
    await assign('child', 0, 42)
    source.poll()
    source.poll()
    expect(caughtUp).toEqual([])
    source.poll()
    world.taken = true
    source.poll()
    expect(caughtUp).toEqual(['child'])
  })

  it('has not caught up while the subtask has not sent the event time it began with', async () => {
    const { source, assign, world, caughtUp } = driver({ child: [50, 60, 70] })
    await assign('child', 0, 42)
    source.poll()
    expect(caughtUp).toEqual([])
    Object.assign(world, { applied: 42, emitted: 42 })
    source.poll()
    expect(caughtUp).toEqual(['child'])
  })

  it('is waited for no longer when it is gone', async () => {
    const { source, assign, world, caughtUp } = driver({ child: [50] })
    Object.assign(world, { applied: 1000, emitted: 1000 })
    await assign('child', 0, 42)
    source.poll()
    source.poll()
    expect(caughtUp).toEqual([])
    source.retire(['child'], true)
    expect(caughtUp).toEqual(['child'])
  })
})

describe('what the enumerator says behind a trigger', () => {
  it('is not in that checkpoint, whenever its snapshot is taken', async () => {
    const { source, assign } = driver({ parent: [10], child: [20, 30] })
    await assign('parent')
    source.poll()
    source.poll()
    source.trigger()
    source.trigger()
    await assign('child', 0, 9)
    source.retire(['parent'], false)
    source.trigger()
    source.endOfSplits()
    expect(source.snapshot().map(({ id }) => id)).toEqual(['parent'])
    expect(source.snapshot().map(({ id }) => id)).toEqual(['parent'])
    expect(source.snapshot().map(({ id }) => id)).toEqual(['child'])
  })
})
