import { describe, expect, it } from 'vitest'
import type { ChildShard, ShardSplit } from '../../../operators/connectors/kinesis/shard-split.js'
import {
  ShardTracker,
  type TrackerOptions,
  type TrackerSteps,
} from '../../../operators/connectors/kinesis/shard-tracker.js'

const OPTIONS: TrackerOptions = { parallelism: 2, checkpointing: true, start: { at: 'horizon' } }

/** Hash keys are hundredths here. */
function shard(shardId: string, first: number, last: number, ...parents: string[]): ChildShard {
  return { shardId, parents, firstHash: String(first), lastHash: String(last) }
}

function ended(of: ChildShard, children: readonly ChildShard[] = []): ShardSplit {
  const { shardId, firstHash, lastHash } = of
  return { shardId, firstHash, lastHash, position: { at: 'horizon' }, end: { by: 'closed', children } }
}

function assigned({ assign }: TrackerSteps): [string, number][] {
  return assign.map(({ subtask, split }) => [split.id, subtask])
}

function retired({ retire }: TrackerSteps): [string, number][] {
  return retire.map(({ subtask, shardId }) => [shardId, subtask])
}

const A = shard('A', 0, 49)
const B = shard('B', 50, 99)
const A1 = shard('A1', 0, 24, 'A')
const A2 = shard('A2', 25, 49, 'A')
const AB = shard('AB', 0, 99, 'A', 'B')

function started(shards: readonly ChildShard[], options: Partial<TrackerOptions> = {}): ShardTracker {
  const tracker = new ShardTracker({ ...OPTIONS, ...options })
  tracker.listing(shards)
  tracker.next()
  return tracker
}

describe('the first shards', () => {
  it('are dealt evenly', () => {
    const tracker = new ShardTracker({ ...OPTIONS, parallelism: 3 })
    tracker.listing(Array.from({ length: 10 }, (_, i) => shard(`S${i}`, i * 10, i * 10 + 9)))
    const load = [0, 0, 0]
    for (const [, subtask] of assigned(tracker.next())) load[subtask]!++
    expect(load).toEqual([4, 3, 3])
  })

  it('are those without parents to wait for', () => {
    const tracker = new ShardTracker(OPTIONS)
    tracker.listing([A, B, A1, A2])
    expect(assigned(tracker.next()).map(([id]) => id)).toEqual(['A', 'B'])
  })

  it('leave out what closed before the start, also when a later listing shows it', () => {
    const start = { at: 'timestamp', timestampMs: 5 } as const
    const tracker = started([A1, A2, B], { start })
    tracker.listing([A, A1, A2, B])
    expect(tracker.next()).toMatchObject({ assign: [], orphans: [] })
    expect(tracker.takenShards().open).toEqual(['A1', 'A2', 'B'])
  })

  it('start where the job does, later ones with their oldest record', () => {
    const start = { at: 'timestamp', timestampMs: 5 } as const
    const tracker = new ShardTracker({ ...OPTIONS, start })
    tracker.listing([A, B])
    expect(tracker.next().assign.map(({ split }) => split.split.position)).toEqual([start, start])
    tracker.shardFinished(0, ended(A, [A1, A2]), 7)
    expect(tracker.next().assign.map(({ split }) => split.split.position.at)).toEqual(['horizon', 'horizon'])
  })
})

describe('the first record of a child', () => {
  const start = { at: 'timestamp', timestampMs: 5 } as const
  const position = (of: ShardSplit['position']): ShardSplit['position'] | undefined => {
    const tracker = started([A, B], { start })
    tracker.shardFinished(0, { ...ended(A, [A1, A2]), position: of }, 7)
    return tracker.next().assign[0]?.split.split.position
  }

  it('is its oldest, once something has been read of its parent', () => {
    expect(position({ at: 'after', sequenceNumber: '9', arrivalMs: 8 })).toEqual({ at: 'horizon', readToMs: 8 })
  })

  it('is not older than the start where its parent had nothing since: it may have closed before', () => {
    expect(position({ ...start, readToMs: 9 })).toEqual({ ...start, readToMs: 9 })
  })
})

describe('a split', () => {
  it('is followed by the reader of the parent, from its watermark, in the turn in which the parent is retired', () => {
    const tracker = started([A, B])
    tracker.shardFinished(0, ended(A, [A1, A2]), 70)
    const steps = tracker.next()
    expect(assigned(steps)).toEqual([
      ['A1', 0],
      ['A2', 0],
    ])
    expect(steps.assign.map(({ split }) => split.watermark)).toEqual([70, 70])
    expect(retired(steps)).toEqual([['A', 0]])
  })

  it('keeps its parent until all children are known', () => {
    const tracker = started([A, B])
    tracker.shardFinished(0, ended(A), 70)
    expect(tracker.next()).toMatchObject({ assign: [], retire: [] })
    expect(tracker.waitsForListing).toBe(true)
    tracker.listing([A, B, A1])
    const half = tracker.next()
    expect([assigned(half), retired(half)]).toEqual([[['A1', 0]], []])
    tracker.listing([A, B, A1, A2])
    const whole = tracker.next()
    expect([assigned(whole), retired(whole)]).toEqual([[['A2', 0]], [['A', 0]]])
  })

  it('during a checkpoint loses nothing: the parent is in it until its children are (FLINK-37627)', () => {
    const tracker = started([A, B])
    tracker.shardFinished(0, ended(A), 70)
    tracker.checkpointTriggered(1)
    const taken = tracker.takenShards()
    expect(taken).toEqual({ open: ['A', 'B'], retired: [] })
    // Restored: the engine still has A, finished, and tells of it again.
    const restored = new ShardTracker(OPTIONS)
    restored.restore(taken, new Map([['B', 1]]))
    restored.listing([A, B, A1, A2])
    expect(restored.next().assign).toEqual([])
    restored.shardFinished(1, ended(A), 70)
    expect(assigned(restored.next())).toEqual([
      ['A1', 1],
      ['A2', 1],
    ])
  })

  it('of which readers knew and the enumerator did not is not read again after a restore (FLINK-37416)', () => {
    const tracker = started([A, B])
    // Triggered before the main thread hears that A is read; its reader has it finished at the barrier.
    tracker.checkpointTriggered(1)
    const restored = new ShardTracker(OPTIONS)
    restored.restore(tracker.takenShards(), new Map([['B', 0]]))
    restored.listing([A, B, A1, A2])
    expect(restored.next()).toMatchObject({ assign: [], done: false })
    restored.shardFinished(0, ended(A, [A1, A2]), 70)
    expect(assigned(restored.next()).map(([id]) => id)).toEqual(['A1', 'A2'])
  })
})

describe('a merge', () => {
  it('that the end of one parent names as its own child alone waits for the other one all the same', () => {
    const tracker = started([A, B])
    tracker.shardFinished(0, ended(A, [shard('AB', 0, 99, 'A')]), 70)
    expect(assigned(tracker.next())).toEqual([])
    expect(tracker.waitsForListing).toBe(true)
    tracker.listing([A, B, AB])
    expect(assigned(tracker.next())).toEqual([])
    tracker.shardFinished(1, ended(B, [shard('AB', 0, 99, 'A', 'B')]), 60)
    tracker.checkpointTriggered(1)
    tracker.checkpointCompleted(1)
    expect(assigned(tracker.next())).toEqual([['AB', 1]])
  })

  it('waits for both parents', () => {
    const tracker = started([A, B], { parallelism: 1 })
    tracker.shardFinished(0, ended(A, [AB]), 70)
    expect(tracker.next()).toMatchObject({ assign: [], retire: [] })
    tracker.shardFinished(0, ended(B, [AB]), 60)
    expect(assigned(tracker.next())).toEqual([['AB', 0]])
  })

  it('goes to the reader of the parent that is furthest behind, with its watermark', () => {
    const tracker = started([A, B], { checkpointing: false })
    tracker.shardFinished(0, ended(A, [AB]), 70)
    tracker.shardFinished(1, ended(B, [AB]), 60)
    const steps = tracker.next()
    expect(steps.assign).toMatchObject([{ subtask: 1, split: { id: 'AB', watermark: 60 } }])
    expect(retired(steps)).toEqual([
      ['A', 0],
      ['B', 1],
    ])
  })

  it('of parents on different readers waits for a checkpoint that was triggered after both had ended', () => {
    const tracker = started([A, B])
    tracker.checkpointTriggered(1)
    tracker.shardFinished(0, ended(A, [AB]), 70)
    tracker.checkpointCompleted(1)
    expect(tracker.next().assign).toEqual([])
    tracker.checkpointTriggered(2)
    tracker.shardFinished(1, ended(B, [AB]), 60)
    tracker.checkpointCompleted(2)
    expect(tracker.next().assign).toEqual([])
    tracker.checkpointTriggered(3)
    tracker.checkpointCompleted(3)
    const steps = tracker.next()
    expect([assigned(steps), retired(steps).length]).toEqual([[['AB', 1]], 2])
  })

  it('waits for nothing after a restore: what both parents gave is in the state', () => {
    const restored = new ShardTracker(OPTIONS)
    restored.restore({ open: ['A', 'B'], retired: [] }, new Map())
    restored.listing([A, B, AB])
    restored.shardFinished(0, ended(A, [AB]), 70)
    restored.shardFinished(1, ended(B, [AB]), 60)
    expect(assigned(restored.next())).toEqual([['AB', 1]])
  })

  it('that one parent names does not overtake another that no listing has shown yet', () => {
    const tracker = started([A], { parallelism: 1 })
    tracker.shardFinished(0, ended(A, [AB]), 70)
    expect(tracker.next().assign).toEqual([])
    tracker.listing([A, B, AB])
    expect(assigned(tracker.next())).toEqual([['B', 0]])
  })
})

describe('what is remembered', () => {
  it('is forgotten once the service does not list it any more', () => {
    const tracker = started([A, B])
    tracker.shardFinished(0, ended(A, [A1, A2]), 70)
    tracker.next()
    expect(tracker.takenShards()).toEqual({ open: ['A1', 'A2', 'B'], retired: ['A'] })
    for (let i = 0; i < 3; i++) tracker.listing([B, A1, A2])
    expect(tracker.takenShards()).toEqual({ open: ['A1', 'A2', 'B'], retired: [] })
  })

  it('is not forgotten by one listing that leaves it out, and never read again', () => {
    const tracker = started([A, B])
    tracker.shardFinished(0, ended(A, [A1, A2]), 70)
    tracker.next()
    tracker.listing([B, A1, A2])
    tracker.listing([A, B, A1, A2])
    expect(tracker.next().assign).toEqual([])
    for (let i = 0; i < 5; i++) tracker.listing([B, A1, A2])
    tracker.listing([A, B, A1, A2])
    expect(tracker.next().assign).toEqual([])
  })
})

describe('shards whose parents nobody has read', () => {
  it('are told of once two listings agree', () => {
    const restored = new ShardTracker(OPTIONS)
    restored.restore({ open: ['B'], retired: [] }, new Map([['B', 0]]))
    restored.listing([B, shard('A11', 0, 24, 'A1')])
    expect(restored.next()).toMatchObject({ assign: [], orphans: [] })
    restored.listing([B, shard('A11', 0, 24, 'A1')])
    expect(restored.next()).toMatchObject({ orphans: ['A11'], assign: [{ split: { id: 'A11' } }] })
  })

  it('do not keep a finished ancestor from being retired', () => {
    const restored = new ShardTracker(OPTIONS)
    restored.restore({ open: ['A', 'B'], retired: [] }, new Map([['B', 0]]))
    restored.shardFinished(0, ended(A), 70)
    for (let i = 0; i < 3; i++) restored.listing([B, shard('A11', 0, 49, 'A1')])
    expect(retired(restored.next())).toEqual([['A', 0]])
  })
})

describe('a bounded source', () => {
  const stopped = (of: ChildShard): ShardSplit => ({ ...ended(of), end: { by: 'stopAt' } })

  it('is done when every shard is, and reads no child of a shard left before its end', () => {
    const tracker = started([A, B, A1, A2], { stopAtMs: 100 })
    tracker.shardFinished(0, stopped(A), 70)
    expect(tracker.next()).toMatchObject({ assign: [], retire: [{ shardId: 'A' }], done: false })
    tracker.shardFinished(1, stopped(B), 70)
    expect(tracker.next().done).toBe(true)
  })

  it('is done when one of two merged shards is left before its end and the other one read to it', () => {
    for (const turn of [0, 1]) {
      const tracker = started([A, B, AB], { stopAtMs: 100 })
      const ends = [stopped(A), ended(B, [AB])]
      tracker.shardFinished(turn, ends[turn]!, 70)
      tracker.next()
      tracker.shardFinished(1 - turn, ends[1 - turn]!, 70)
      expect(tracker.next()).toMatchObject({ assign: [], done: true })
    }
  })

  it('is done as well if it is restored between the two', () => {
    const restored = new ShardTracker({ ...OPTIONS, stopAtMs: 100 })
    restored.restore({ open: ['B'], retired: ['A'] }, new Map([['B', 0]]))
    restored.listing([A, B, AB])
    restored.shardFinished(0, ended(B, [AB]), 70)
    expect(restored.next()).toMatchObject({ assign: [], done: true })
  })

  it('is not done while a finished shard may have children', () => {
    const tracker = started([A], { stopAtMs: 100 })
    tracker.shardFinished(0, ended(A), 70)
    expect(tracker.next().done).toBe(false)
  })

  it('is done at once when it is restored after all was read', () => {
    const restored = new ShardTracker({ ...OPTIONS, stopAtMs: 100 })
    restored.restore({ open: [], retired: ['A', 'B'] }, new Map())
    restored.listing([A, B, A1, A2])
    expect(restored.next()).toMatchObject({ assign: [], done: true })
  })
})
