import { describe, expect, it } from 'vitest'
import { BarrierAligner } from '../../runtime/task/barrier-aligner.js'

describe('BarrierAligner', () => {
  it('blocks a channel from its barrier until the last one has its own', () => {
    const aligner = new BarrierAligner(3)
    expect(aligner.barrier(1, 7).kind).toBe('blocked')
    expect([0, 1, 2].map((c) => aligner.blocked(c))).toEqual([false, true, false])
    expect(aligner.barrier(0, 7).kind).toBe('blocked')
    expect(aligner.barrier(2, 7)).toEqual({ kind: 'aligned', checkpointId: 7 })
    expect([0, 1, 2].some((c) => aligner.blocked(c))).toBe(false)
  })

  it('gives an older alignment up for a newer barrier', () => {
    const aligner = new BarrierAligner(2)
    aligner.barrier(0, 1)
    expect(aligner.barrier(1, 2).kind).toBe('blocked')
    expect(aligner.blocked(0)).toBe(false)
    expect(aligner.barrier(0, 2).kind).toBe('aligned')
  })

  it('ignores barriers of a checkpoint that is over', () => {
    const aligner = new BarrierAligner(2)
    aligner.barrier(0, 1)
    aligner.abort(1)
    expect(aligner.blocked(0)).toBe(false)
    expect(aligner.barrier(1, 1).kind).toBe('stale')
    expect(aligner.blocked(1)).toBe(false)
  })

  it('aligns a single channel at once', () => {
    expect(new BarrierAligner(1).barrier(0, 3).kind).toBe('aligned')
  })

  it('lets channels without a barrier lag behind a snapshot that is taken before', () => {
    const aligner = new BarrierAligner(3)
    aligner.barrier(1, 7)
    expect(aligner.awaits(7)).toBe(true)
    aligner.overtake(7)
    expect([0, 1, 2].map((c) => aligner.lagging(c))).toEqual([true, false, true])
    expect([0, 1, 2].map((c) => aligner.readable(c))).toEqual([false, true, false])
    expect(aligner.barrier(0, 7).kind).toBe('blocked')
    expect(aligner.barrier(2, 7)).toEqual({ kind: 'caughtUp', checkpointId: 7 })
    expect([0, 1, 2].every((c) => aligner.readable(c))).toBe(true)
    expect(aligner.awaits(7)).toBe(false)
  })

  it('keeps a channel at the next barrier while others lag behind the one before', () => {
    const aligner = new BarrierAligner(2)
    aligner.barrier(0, 1)
    aligner.overtake(1)
    expect(aligner.barrier(0, 2).kind).toBe('blocked')
    expect(aligner.anyLagging).toBe(true)
    expect(aligner.barrier(1, 1)).toEqual({ kind: 'caughtUp', checkpointId: 1 })
    expect(aligner.blocked(0)).toBe(true)
    expect(aligner.barrier(1, 2).kind).toBe('aligned')
  })

  it('no longer lags behind a checkpoint that was given up, by the coordinator or by a sender', () => {
    const aligner = new BarrierAligner(2)
    aligner.overtake(1)
    aligner.abort(1)
    expect(aligner.anyLagging).toBe(false)
    expect(aligner.barrier(0, 1).kind).toBe('stale')
    aligner.overtake(2)
    expect(aligner.barrier(0, 3).kind).toBe('blocked')
    expect(aligner.anyLagging).toBe(false)
  })

  it('an older checkpoint that is given up lets no channel go on that waits for a newer one', () => {
    const aligner = new BarrierAligner(2)
    aligner.overtake(1)
    aligner.barrier(0, 1)
    aligner.barrier(1, 1)
    aligner.barrier(0, 2)
    aligner.abort(1)
    expect(aligner.blocked(0)).toBe(true)
  })
})
