import { describe, expect, it } from 'vitest'
import type { KeyedBackend } from '../../runtime/state/keyed-backend.js'
import { advance, checkpoint, never, newBackend, use } from './backend-world.js'

function fireAll(backend: KeyedBackend, watermark: number): [unknown, number, number][] {
  const fired: [unknown, number, number][] = []
  expect(
    backend.advanceWatermark(watermark, (time, space) => fired.push([backend.currentKey(), time, space]), never),
  ).toBe(true)
  return fired
}

function register(backend: KeyedBackend, key: string, time: number, namespace?: number): void {
  use(backend, key)
  backend.timers.registerEventTimer(time, namespace)
}

describe('event timers', () => {
  it('fire once, by time, when the watermark reaches them, with their key current', () => {
    const backend = newBackend([])
    register(backend, 'b', 20)
    register(backend, 'a', 10)
    register(backend, 'a', 10)
    register(backend, 'a', 10, 7)
    register(backend, 'c', 5000)
    expect(fireAll(backend, 9)).toEqual([])
    expect(fireAll(backend, 20)).toEqual([
      ['a', 10, 0],
      ['a', 10, 7],
      ['b', 20, 0],
    ])
    expect(fireAll(backend, 4999)).toEqual([])
    expect(fireAll(backend, 5000)).toEqual([['c', 5000, 0]])
    expect(backend.entries).toBe(0)
  })

  it('fire from the far past to the far future', () => {
    const backend = newBackend([])
    const times = [Number.MIN_SAFE_INTEGER, -5_000_000_000, -1, 0, 1, 1e12, Number.MAX_SAFE_INTEGER]
    for (const time of [...times].reverse()) register(backend, 'a', time)
    expect(fireAll(backend, -1).map(([, time]) => time)).toEqual(times.slice(0, 3))
    expect(fireAll(backend, Infinity).map(([, time]) => time)).toEqual(times.slice(3))
  })

  it('that are deleted do not fire; deleting one that is not there does nothing', () => {
    const backend = newBackend([])
    register(backend, 'a', 10)
    register(backend, 'a', 11)
    backend.timers.deleteEventTimer(10)
    backend.timers.deleteEventTimer(10)
    backend.timers.deleteEventTimer(11, 1)
    expect(backend.pendingEventTimers()).toBe(1)
    expect(fireAll(backend, 20)).toEqual([['a', 11, 0]])
  })

  it('that are registered while firing, at or before the watermark, fire in the same advance and in order', () => {
    const backend = newBackend([])
    for (const time of [10, 30, 2000]) register(backend, 'a', time)
    const fired: number[] = []
    backend.advanceWatermark(
      3000,
      (time) => {
        fired.push(time)
        if (fired.length === 1) for (const next of [20, 5, 10, 1999, 3001]) backend.timers.registerEventTimer(next)
      },
      never,
    )
    expect(fired.slice(0, 3).sort((a, b) => a - b)).toEqual([5, 10, 10])
    expect(fired.slice(3)).toEqual([20, 30, 1999, 2000])
    expect(backend.pendingEventTimers()).toBe(1)
  })

  it('that are registered late fire with the next advance, even if the watermark stays', () => {
    const backend = newBackend([])
    expect(fireAll(backend, 100)).toEqual([])
    register(backend, 'a', 50)
    expect(fireAll(backend, 100)).toEqual([['a', 50, 0]])
  })

  it('are refused after the end of time', () => {
    const backend = newBackend([])
    register(backend, 'a', 1)
    let refused: unknown
    backend.advanceWatermark(
      Infinity,
      () => {
        try {
          backend.timers.registerEventTimer(5)
        } catch (error) {
          refused = error
        }
        backend.timers.registerProcessingTimer(5)
      },
      never,
    )
    expect(refused).toMatchObject({ code: 'MILLRACE_TIMER' })
    expect(backend.pendingProcessingTimers()).toBe(1)
  })

  it.each([[Infinity], [-Infinity], [NaN], [0.5], [2 ** 60]])('are refused for time %s', (time) => {
    const backend = newBackend([])
    expect(() => register(backend, 'a', time)).toThrow(expect.objectContaining({ code: 'MILLRACE_TIMER' }))
  })

  it('stop when told to, and go on where they stopped', () => {
    const backend = newBackend([])
    for (let i = 0; i < 10; i++) register(backend, `k${i}`, i)
    const fired: number[] = []
    let left = 4
    expect(
      backend.advanceWatermark(
        100,
        (time) => fired.push(time),
        () => left-- === 0,
      ),
    ).toBe(false)
    expect(fired).toEqual([0, 1, 2, 3])
    register(backend, 'late', 2)
    expect(backend.advanceWatermark(100, (time) => fired.push(time), never)).toBe(true)
    expect(fired).toEqual([0, 1, 2, 3, 2, 4, 5, 6, 7, 8, 9])
  })

  it('are restored, and rows say when the first of them is due', async () => {
    const backend = newBackend([])
    register(backend, 'a', 70)
    register(backend, 'a', 60, 3)
    use(backend, 'a')
    backend.timers.registerProcessingTimer(65)
    const rows = await checkpoint(backend, 1)
    expect([...rows.rows.values()].map((row) => row.minTimer)).toEqual([60])
    const copy = newBackend([], { watermark: 65 })
    rows.restoreInto(copy)
    expect(copy.timers.currentWatermark()).toBe(65)
    expect([copy.pendingEventTimers(), copy.pendingProcessingTimers()]).toEqual([2, 1])
    expect(fireAll(copy, 70)).toEqual([
      ['a', 60, 3],
      ['a', 70, 0],
    ])
  })

  it('fire once where they were moved to, however often they were moved', async () => {
    const backend = newBackend([])
    for (let key = 0; key < 100; key++) register(backend, `k${key}`, 30_000)
    for (let i = 1; i < 300; i++) {
      for (let key = 0; key < 100; key++) {
        use(backend, `k${key}`)
        backend.timers.deleteEventTimer(30_000 + i - 1)
        backend.timers.registerEventTimer(30_000 + i)
        backend.timers.deleteEventTimer(30_000 + i)
        backend.timers.registerEventTimer(30_000 + i)
      }
    }
    expect(backend.pendingEventTimers()).toBe(100)
    const fired: number[] = []
    await advance(backend, 100_000, (time) => fired.push(time))
    expect(fired).toEqual(new Array(100).fill(30_299))
  })
})

describe('processing timers', () => {
  it('fire by the clock that the host gives, independent of the watermark', () => {
    const backend = newBackend([])
    use(backend, 'a')
    backend.timers.registerProcessingTimer(500)
    backend.timers.registerProcessingTimer(20_000)
    expect(backend.nextProcessingTimer()).toBe(500)
    expect(fireAll(backend, Infinity)).toEqual([])
    const fired: number[] = []
    expect(backend.fireProcessingTimers(500, (time) => fired.push(time), never)).toBe(true)
    expect(fired).toEqual([500])
    expect(backend.nextProcessingTimer()).toBe(20_000)
    use(backend, 'a')
    backend.timers.deleteProcessingTimer(20_000)
    expect(backend.pendingProcessingTimers()).toBe(0)
  })
})
