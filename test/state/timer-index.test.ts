import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TimerIndex } from '../../runtime/state/timer-index.js'

const time = fc.oneof(
  fc.integer({ min: -2000, max: 5000 }),
  fc.integer({ min: -(2 ** 30), max: 2 ** 31 - 1 }).map((n) => n * 1000),
  fc.maxSafeInteger(),
)

describe('TimerIndex', () => {
  it('gives back what was added, by time, whatever the order of adding and seeking', () => {
    const step = fc.record({ add: fc.array(time, { maxLength: 200 }), until: time, take: fc.nat(150) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const index = new TimerIndex(() => true)
        let waiting: number[] = []
        for (const { add, until, take } of steps) {
          for (const each of add) index.add(each, 1)
          waiting = [...waiting, ...add].sort((a, b) => a - b)
          expect(index.nextTime()).toBe(waiting[0] ?? Infinity)
          for (let i = 0; i < take && index.seek(until); i++) {
            expect(index.time).toBe(waiting.shift())
            index.take()
            index.fire()
          }
          expect(index.size()).toBe(waiting.length)
        }
        while (index.seek(Infinity)) {
          expect(index.time).toBe(waiting.shift())
          index.take()
        }
        expect(waiting).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  it('sweeps spans that are mostly stale', () => {
    const live = new Set<number>()
    const index = new TimerIndex((id) => live.has(id))
    for (let i = 0; i < 10_000; i++) index.add(1_000_000 + (i % 500), i)
    for (let i = 0; i < 10_000; i++) {
      if (i % 100 === 0) live.add(i)
      else index.remove(1_000_000 + (i % 500))
    }
    expect(index.size()).toBeLessThan(300)
  })

  it('does not grow while timers are moved back and forth', () => {
    const at = new Map<number, number>()
    const index = new TimerIndex((id, time) => at.get(id) === time)
    for (const watermark of [-Infinity, 0]) {
      index.seek(watermark)
      for (let i = 0; i < 100_000; i++) {
        const id = i % 100
        const next = 50_000_000 + (i % 3)
        if (at.has(id)) index.remove(at.get(id)!)
        at.set(id, next)
        index.add(next, id)
      }
      expect(index.size()).toBeLessThan(600)
    }
  })

  it('keeps timers of one time in the order they were added', () => {
    const index = new TimerIndex(() => true)
    for (let id = 0; id < 500; id++) index.add(id % 7, id)
    const ids: number[] = []
    for (; index.seek(6); index.take()) ids.push(index.id)
    expect(ids).toEqual(Array.from({ length: 500 }, (_, i) => i).sort((a, b) => (a % 7) - (b % 7) || a - b))
  })
})
