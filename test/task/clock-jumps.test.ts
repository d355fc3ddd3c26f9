import { describe, expect, it } from 'vitest'
import { Deadlines } from '../../operators/async/deadlines.js'
import { Pace } from '../../operators/connectors/datagen/pace.js'
import { boundedOutOfOrderness, defineJob, type JobDefinition } from '../../operators/index.js'
import type { Clock } from '../../runtime/contract/time.js'
import { collectSink, controlledSource, runInProcess } from '../../runtime/testing/index.js'

const HOUR = 3_600_000

/** The real time, in a machine whose clock is set again and again. */
class SetClock implements Clock {
  private offsetMs = 0

  set(byMs: number): void {
    this.offsetMs += byMs
  }

  now(): number {
    return Date.now() + this.offsetMs
  }

  steady(): number {
    return performance.now()
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  }
}

/** A clock that stands, but for what a test does to it. */
class HandClock implements Clock {
  wallMs = 10 * HOUR
  passedMs = 0
  private readonly waiting: { readonly atMs: number; readonly callback: () => void }[] = []

  now(): number {
    return this.wallMs
  }

  steady(): number {
    return this.passedMs
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    this.waiting.push({ atMs: this.passedMs + delayMs, callback })
    return () => undefined
  }

  pass(ms: number): void {
    this.passedMs += ms
    this.wallMs += ms
    for (const { atMs, callback } of this.waiting.splice(0)) {
      if (atMs <= this.passedMs) callback()
      else this.waiting.push({ atMs, callback })
    }
  }
}

describe.each([
  ['an hour back', -HOUR],
  ['an hour on', HOUR],
])('a clock that is set %s', (_, jumpMs) => {
  it('times nothing out before its time, nor after', () => {
    const clock = new HandClock()
    const expired: string[] = []
    const deadlines = new Deadlines<string>(
      clock,
      1_000,
      () => false,
      (item) => expired.push(item),
    )
    deadlines.add('a')
    clock.pass(500)
    deadlines.add('b')
    clock.wallMs += jumpMs
    clock.pass(499)
    expect(expired).toEqual([])
    clock.pass(1)
    expect(expired).toEqual(['a'])
    clock.pass(500)
    expect(expired).toEqual(['a', 'b'])
  })

  it('does not change a rate', () => {
    const clock = new HandClock()
    const pace = new Pace(10, clock)
    expect(pace.take(100)).toBe(1)
    clock.wallMs += jumpMs
    expect(pace.take(100)).toBe(0)
    clock.pass(100)
    expect(pace.take(100)).toBe(1)
  })

  it('makes no split idle that is not, nor keeps one from it', async () => {
    const clock = new SetClock()
    const idleAfterMs = 200
    const feed = controlledSource<number>(2)
    const { sink, values } = collectSink<number>()
    const job: JobDefinition = defineJob({
      name: 'jumps',
      build(env) {
        const watermarks = boundedOutOfOrderness('0s', (n: number) => n).withIdleness(`${idleAfterMs}ms`)
        env
          .fromSource(feed.source, { uid: 'numbers', watermarks })
          .keyBy(() => 0)
          .process<number>({
            onElement(n, ctx) {
              ctx.timers.registerEventTimer(n)
              if (n === 10) setTimeout(() => clock.set(jumpMs), 30)
            },
            onTimer: (time, ctx) => ctx.emit(time),
          })
          .uid('timers')
          .sinkTo(sink, { uid: 'out' })
      },
    })
    let outputs: number[] | undefined
    const watch = setTimeout(() => (outputs = [...values()]), idleAfterMs / 2 + 60)
    const running = runInProcess(job, { clock, checkpointIntervalMs: 20 })
    let next = 1_000
    const feeding = setInterval(() => feed.push(0, next++), 10)
    feed.push(1, 10)
    const began = performance.now()
    while (!values().includes(1_000) && performance.now() - began < 5_000)
      await new Promise((done) => setTimeout(done, 5))
    feed.endAll()
    await running
    clearTimeout(watch)
    clearInterval(feeding)
    // Not before the second split was quiet for as long as it says, and then without waiting for an hour.
    expect(outputs).toEqual([])
    expect(performance.now() - began).toBeLessThan(4_000)
  })
})
