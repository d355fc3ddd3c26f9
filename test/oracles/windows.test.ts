import { describe, expect, it } from 'vitest'
import { sessionWindows, slidingWindows, tumblingWindows, windowsOf } from './windows.js'

const at = (key: string, time: number, value: string): { key: string; time: number; value: string } => ({
  key,
  time,
  value,
})

describe('windowsOf', () => {
  it('puts a window’s start inside it and its end outside', () => {
    const tumbling = { kind: 'tumbling', sizeMs: 10 } as const
    expect(windowsOf(tumbling, 9)).toEqual([{ start: 0, end: 10 }])
    expect(windowsOf(tumbling, 10)).toEqual([{ start: 10, end: 20 }])
  })

  it('rounds times before 1970 down', () => {
    expect(windowsOf({ kind: 'tumbling', sizeMs: 10 }, -1)).toEqual([{ start: -10, end: 0 }])
    expect(windowsOf({ kind: 'tumbling', sizeMs: 10 }, -10)).toEqual([{ start: -10, end: 0 }])
  })

  it('shifts windows by an offset', () => {
    expect(windowsOf({ kind: 'tumbling', sizeMs: 10, offsetMs: 3 }, 12)).toEqual([{ start: 3, end: 13 }])
    expect(windowsOf({ kind: 'tumbling', sizeMs: 10, offsetMs: -7 }, 13)).toEqual([{ start: 13, end: 23 }])
  })

  it('puts a record into every sliding window that holds it', () => {
    const sliding = { kind: 'sliding', sizeMs: 10, slideMs: 4 } as const
    expect(windowsOf(sliding, 9)).toEqual([
      { start: 0, end: 10 },
      { start: 4, end: 14 },
      { start: 8, end: 18 },
    ])
    expect(windowsOf(sliding, 10)).toEqual([
      { start: 4, end: 14 },
      { start: 8, end: 18 },
    ])
  })

  it('puts a record between windows into none', () => {
    const sliding = { kind: 'sliding', sizeMs: 2, slideMs: 5 } as const
    expect(windowsOf(sliding, 1)).toEqual([{ start: 0, end: 2 }])
    expect(windowsOf(sliding, 2)).toEqual([])
  })

  it('starts a session at the record and ends it a gap later', () => {
    expect(windowsOf({ kind: 'session', gapMs: 7 }, 3)).toEqual([{ start: 3, end: 10 }])
  })
})

describe('windows over a complete list', () => {
  it('keeps keys apart and values in the order of the list', () => {
    const records = [at('b', 3, 'b3'), at('a', 9, 'a9'), at('a', 1, 'a1'), at('a', 10, 'a10')]
    expect(tumblingWindows(records, 10)).toEqual([
      { key: 'a', start: 0, end: 10, values: ['a9', 'a1'] },
      { key: 'a', start: 10, end: 20, values: ['a10'] },
      { key: 'b', start: 0, end: 10, values: ['b3'] },
    ])
  })

  it('counts a record once in each sliding window', () => {
    expect(slidingWindows([at('a', 5, 'x'), at('a', 12, 'y')], 10, 5)).toEqual([
      { key: 'a', start: 0, end: 10, values: ['x'] },
      { key: 'a', start: 5, end: 15, values: ['x', 'y'] },
      { key: 'a', start: 10, end: 20, values: ['y'] },
    ])
  })

  it('merges sessions that only touch: [0, 10) and [10, 20)', () => {
    expect(sessionWindows([at('a', 10, 'y'), at('a', 0, 'x')], 10)).toEqual([
      { key: 'a', start: 0, end: 20, values: ['y', 'x'] },
    ])
  })

  it('keeps sessions a millisecond apart: [0, 10) and [11, 21)', () => {
    expect(sessionWindows([at('a', 11, 'y'), at('a', 0, 'x')], 10)).toEqual([
      { key: 'a', start: 0, end: 10, values: ['x'] },
      { key: 'a', start: 11, end: 21, values: ['y'] },
    ])
  })

  it('keeps one session of ties', () => {
    expect(sessionWindows([at('a', 4, 'x'), at('a', 4, 'y')], 10)).toEqual([
      { key: 'a', start: 4, end: 14, values: ['x', 'y'] },
    ])
  })

  it('has no windows for no records', () => {
    expect(tumblingWindows([], 10)).toEqual([])
    expect(sessionWindows([], 10)).toEqual([])
  })
})
