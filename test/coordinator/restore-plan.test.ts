import { describe, expect, it } from 'vitest'
import type { CheckpointManifest, SegmentRef } from '../../runtime/checkpoint/manifest.js'
import { restoredSplits, slotRestore } from '../../runtime/coordinator/restore-plan.js'

const segment = (path: string, firstKeyGroup: number, lastKeyGroup: number): SegmentRef => ({
  path,
  epoch: 1,
  checkpointId: 1,
  uid: 'w',
  subtask: 0,
  run: path,
  firstKeyGroup,
  lastKeyGroup,
  rows: 1,
  bytes: 1,
  crc: 0,
})

const manifest = {
  parallelism: 2,
  maxParallelism: 128,
  plan: { hash: '', operators: [] },
  sources: {
    src: {
      enumerator: null,
      fingerprint: '',
      finishedSubtasks: [],
      splits: ['a', 'b', 'c'].map((splitId) => ({ splitId, split: splitId, watermark: 5 })),
    },
  },
  operators: {
    src: { watermarks: [50, 5], finishedSubtasks: [], segments: [] },
    w: {
      watermarks: [10, 7],
      finishedSubtasks: [1],
      segments: [segment('low', 0, 63), segment('high', 64, 127), segment('all', 0, 127)],
      firstTimers: [
        [100, null],
        [20, 7],
      ],
    },
  },
  sinks: {},
  counters: {},
} as unknown as CheckpointManifest

describe('slotRestore', () => {
  it('at the same parallelism gives each slot what it had', () => {
    const [first, second] = [0, 1].map((slot) => slotRestore(manifest, slot, 2).operators['w']!)
    expect([first!.watermark, second!.watermark]).toEqual([10, 7])
    expect([first!.finished, second!.finished]).toEqual([false, true])
    expect(first!.segments.map((s) => s.path)).toEqual(['low', 'all'])
    expect(second!.segments.map((s) => s.path)).toEqual(['high', 'all'])
  })

  it('at another parallelism takes the lowest watermark, by key-group range, and finishes nothing half done', () => {
    const slots = [0, 1, 2].map((slot) => slotRestore(manifest, slot, 3).operators['w']!)
    expect(slots.map((s) => s.watermark)).toEqual([7, 7, 7])
    expect(slots.map((s) => s.finished)).toEqual([false, false, false])
    expect(slots.map((s) => s.segments.map((x) => x.path).join())).toEqual(['low,all', 'low,high,all', 'high,all'])
  })

  it('says before when no timer is due: of the slot, of all at another parallelism, of none that is known without a record', () => {
    const at = (slot: number, of: number, uid: string) => slotRestore(manifest, slot, of).operators[uid]!.firstTimers
    expect([at(0, 2, 'w'), at(1, 2, 'w'), at(0, 3, 'w')]).toEqual([
      [100, Infinity],
      [20, 7],
      [20, 7],
    ])
    expect(at(0, 2, 'src')).toEqual([-Infinity, -Infinity])
  })

  it('puts no reader ahead of a split that may be dealt to it', () => {
    expect([0, 1].map((slot) => slotRestore(manifest, slot, 2).operators['src']!.watermark)).toEqual([5, 5])
  })

  it('deals restored splits out without losing one', () => {
    const readers = restoredSplits(manifest, 'src', 2)
    expect(readers.map((splits) => splits.map((s) => s.id))).toEqual([['a', 'c'], ['b']])
  })
})
