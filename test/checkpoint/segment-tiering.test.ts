import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseMerge } from '../../runtime/checkpoint/segment-tiering.js'

/** Adds runs one by one, as checkpoints do, and merges whatever is chosen, without any row being superseded. */
function run(added: readonly number[]): { sizes: number[]; written: number; most: number } {
  const sizes: number[] = []
  let written = 0
  let most = 0
  for (const size of added) {
    sizes.push(size)
    written += size
    for (let choice = chooseMerge(sizes); choice !== undefined; choice = chooseMerge(sizes)) {
      expect(choice.to - choice.from).toBeGreaterThan(1)
      const sum = sizes.slice(choice.from, choice.to).reduce((total, one) => total + one, 0)
      sizes.splice(choice.from, choice.to - choice.from, sum)
      written += sum
    }
    most = Math.max(most, sizes.length)
  }
  return { sizes, written, most }
}

describe('tiering', () => {
  it('leaves at most ten runs, whatever their sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat({ max: 10 }), fc.nat({ max: 1_000_000 })), { maxLength: 200 }), (added) => {
        const { sizes, most } = run(added)
        expect(most).toBeLessThanOrEqual(10)
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(added.reduce((sum, size) => sum + size, 0))
      }),
    )
  })

  it('rewrites a byte a logarithmic number of times', () => {
    for (const count of [100, 1_000, 10_000]) {
      const { written } = run(new Array<number>(count).fill(1))
      expect(written / count).toBeLessThan(2 + Math.log2(count))
    }
  })

  it('writes small checkpoints over a large state without rewriting the state each time', () => {
    const { written } = run([1_000_000, ...new Array<number>(1_000).fill(100)])
    expect(written).toBeLessThan(2 * 1_100_000)
  })

  it('rewrites everything when the newer runs outweigh the oldest', () => {
    expect(chooseMerge([100, 50, 40, 30])).toEqual({ from: 0, to: 4 })
    expect(chooseMerge([1000, 50, 40, 30])).toBeUndefined()
    expect(chooseMerge([1000, 10, 10, 10, 10])).toEqual({ from: 1, to: 5 })
  })

  it('has nothing to do for one run or none', () => {
    expect(chooseMerge([])).toBeUndefined()
    expect(chooseMerge([5])).toBeUndefined()
  })
})
