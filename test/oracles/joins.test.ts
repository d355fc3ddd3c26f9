import { describe, expect, it } from 'vitest'
import { coGroupWindows, joinWindows } from './joins.js'
import { keyText } from './keys.js'
import { randomStream, recordsOf } from './random-stream.js'

const left = [
  { key: 'a', time: 1, value: 'L1' },
  { key: 'a', time: 9, value: 'L9' },
  { key: 'b', time: 2, value: 'L2' },
]
const right = [
  { key: 'a', time: 0, value: 'R0' },
  { key: 'a', time: 10, value: 'R10' },
  { key: 'c', time: 3, value: 'R3' },
]
const tumbling = { kind: 'tumbling', sizeMs: 10 } as const

describe('coGroupWindows', () => {
  it('has a group for every key and window of either side', () => {
    expect(coGroupWindows(left, right, tumbling)).toEqual([
      { key: 'a', start: 0, end: 10, left: ['L1', 'L9'], right: ['R0'] },
      { key: 'a', start: 10, end: 20, left: [], right: ['R10'] },
      { key: 'b', start: 0, end: 10, left: ['L2'], right: [] },
      { key: 'c', start: 0, end: 10, left: [], right: ['R3'] },
    ])
  })

  it('lets a record of one side bridge two sessions of the other', () => {
    const ends = [
      { key: 'a', time: 0, value: 'L0' },
      { key: 'a', time: 20, value: 'L20' },
    ]
    expect(coGroupWindows(ends, [{ key: 'a', time: 10, value: 'R10' }], { kind: 'session', gapMs: 10 })).toEqual([
      { key: 'a', start: 0, end: 30, left: ['L0', 'L20'], right: ['R10'] },
    ])
  })
})

describe('joinWindows', () => {
  it('pairs records of the same key and window only', () => {
    expect(joinWindows(left, right, tumbling)).toEqual([
      { key: 'a', start: 0, end: 10, left: 'L1', right: 'R0' },
      { key: 'a', start: 0, end: 10, left: 'L9', right: 'R0' },
    ])
  })

  it('repeats a pair for each sliding window that both are in', () => {
    const one = [{ key: 'a', time: 6, value: 'L' }]
    const other = [{ key: 'a', time: 8, value: 'R' }]
    expect(joinWindows(one, other, { kind: 'sliding', sizeMs: 10, slideMs: 5 }).map(({ start }) => start)).toEqual([
      0, 5,
    ])
  })

  it('is every pair of equal key and equal window, on random streams', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const records = recordsOf(randomStream(seed).arrivals)
      const odd = records.filter((_, k) => k % 2 === 1)
      const even = records.filter((_, k) => k % 2 === 0)
      const expected = odd.flatMap((l) =>
        even
          .filter((r) => keyText(l.key) === keyText(r.key) && Math.floor(l.time / 10) === Math.floor(r.time / 10))
          .map((r) => `${l.value.id} ${r.value.id}`),
      )
      const joined = joinWindows(odd, even, tumbling).map((pair) => `${pair.left.id} ${pair.right.id}`)
      expect(joined.sort(), `seed ${seed}`).toEqual(expected.sort())
    }
  })
})
