import { describe, expect, it } from 'vitest'
import { boundedOutOfOrderness, count, defineJob, tumbling, value } from '../../operators/index.js'
import { collectSink, controlledSource, runInProcess, sourceOf } from '../../runtime/testing/index.js'

interface Item {
  readonly key: string
  readonly time: number
}

const bounded = boundedOutOfOrderness(0, (item: Item) => item.time)
const item = (key: string, time: number): Item => ({ key, time })

type Window = readonly [string, number, number]

/** Counts per key and second, from several sources. */
function windowsOf(sources: Parameters<typeof build>[0]) {
  const out = collectSink<Window>()
  const late = collectSink<Item>()
  return { out, late, job: defineJob({ name: 'time', build: (env) => build(sources)(env, out, late) }) }
}

type Environment = Parameters<Parameters<typeof defineJob>[0]['build']>[0]
type Sources = readonly { readonly source: ReturnType<typeof controlledSource<Item>>['source']; readonly watermarks: typeof bounded }[]

function build(sources: Sources) {
  return (env: Environment, out: ReturnType<typeof collectSink<Window>>, late: ReturnType<typeof collectSink<Item>>): void => {
    const [first, ...rest] = sources.map(({ source, watermarks }, i) => env.fromSource(source, { uid: `items-${i}`, watermarks }))
    const counts = first!
      .union(...rest)
      .keyBy(({ key }) => key)
      .window(tumbling('1s'))
      .aggregate(count(), (key, { start }, items): Window => [key, start, items])
      .uid('windows')
    counts.sinkTo(out.sink, { uid: 'out' })
    counts.late.sinkTo(late.sink, { uid: 'late' })
  }
}

describe('event time', () => {
  for (const parallelism of [1, 2, 3]) {
    it(`goes on without an idle split, and with it again when it comes back, at parallelism ${parallelism}`, async () => {
      const items = controlledSource<Item>(2)
      const { job, out, late } = windowsOf([{ source: items.source, watermarks: bounded.withIdleness(60) }])
      const running = runInProcess(job, { parallelism, checkpointIntervalMs: 10 })
      items.push(0, item('a', 500), item('a', 1_500))
      items.push(1, item('b', 200))
      // Split 1 holds the first window back until it is idle.
      await expect.poll(() => out.values()).toEqual(expect.arrayContaining([['a', 0, 1], ['b', 0, 1]]))
      items.push(1, item('b', 1_700), item('b', 300))
      await expect.poll(() => late.values()).toEqual([item('b', 300)])
      items.push(0, item('a', 9_000))
      items.push(1, item('b', 9_000))
      await expect.poll(() => out.values()).toHaveLength(4)
      items.endAll()
      expect((await running).status).toBe('FINISHED')
      expect(out.values().sort()).toEqual([
        ['a', 0, 1],
        ['a', 1_000, 1],
        ['a', 9_000, 1],
        ['b', 0, 1],
        ['b', 1_000, 1],
        ['b', 9_000, 1],
      ])
    })

    it(`does not end when one source ends while another is idle, at parallelism ${parallelism}`, async () => {
      const items = controlledSource<Item>(2)
      const short = sourceOf([[item('a', 100)], [item('a', 50_000)]])
      const { job, out, late } = windowsOf([
        { source: items.source, watermarks: bounded.withIdleness(30) },
        { source: short, watermarks: bounded },
      ])
      const running = runInProcess(job, { parallelism, checkpointIntervalMs: 10 })
      items.push(0, item('b', 2_000))
      await expect.poll(() => out.values()).toEqual([['a', 0, 1]])
      // Idle by now, and the other source at its end: this is later than all and yet in time.
      items.push(1, item('b', 3_000), item('b', 60_000))
      items.push(0, item('b', 4_000), item('b', 60_000))
      await expect.poll(() => out.values()).toContainEqual(['b', 4_000, 1])
      items.endAll()
      expect((await running).status).toBe('FINISHED')
      expect(late.values()).toEqual([])
      expect(out.values().map(([, start]) => start).sort((a, b) => a - b)).toEqual([0, 2_000, 3_000, 4_000, 50_000, 60_000])
    })
  }

  it('of a reader that is idle holds no other back that is aligned with it', async () => {
    const items = controlledSource<Item>(2)
    const watermarks = bounded.withIdleness(30).withAlignment('1s')
    const { job, out } = windowsOf([{ source: items.source, watermarks }])
    const running = runInProcess(job, { parallelism: 2, checkpointIntervalMs: 10 })
    items.push(0, item('a', 0))
    items.push(1, item('b', 0), item('b', 30_000), item('b', 60_000), item('b', 90_000))
    await expect.poll(() => out.values()).toContainEqual(['b', 60_000, 1])
    items.endAll()
    expect((await running).status).toBe('FINISHED')
    expect(out.values()).toHaveLength(5)
  })

  it('stays behind the slowest split of all readers by no more than the alignment allows', async () => {
    const items = controlledSource<Item>(2)
    const { job, out } = windowsOf([{ source: items.source, watermarks: bounded.withAlignment('5s') }])
    const running = runInProcess(job, { parallelism: 2, checkpointIntervalMs: 5 })
    items.push(0, item('a', 0))
    items.push(1, ...Array.from({ length: 600 }, (_, i) => item('b', i * 1_000)))
    items.push(0, item('a', 20_000))
    await expect.poll(() => out.values()).toContainEqual(['b', 10_000, 1])
    items.endAll()
    await running
    expect(out.values()).toHaveLength(602)
  })
})

describe('processing time', () => {
  it('fires timers while records keep coming', async () => {
    const items = controlledSource<Item>(1)
    const fired = collectSink<string>()
    const state = { seen: value<boolean>() }
    const job = defineJob({
      name: 'timers',
      build(env) {
        env
          .fromSource(items.source, { uid: 'items' })
          .keyBy(({ key }) => key)
          .process<string, typeof state>(
            {
              state,
              onElement({ key }, ctx) {
                if (key !== 'slow' || ctx.state.seen.value() === true) return
                ctx.state.seen.update(true)
                ctx.timers.registerProcessingTimer(ctx.timers.currentProcessingTime() + 30)
              },
              onTimer(_time, ctx) {
                ctx.emit(ctx.key)
              },
            },
            { uid: 'timers' },
          )
          .sinkTo(fired.sink, { uid: 'out' })
      },
    })
    const running = runInProcess(job, { checkpointIntervalMs: 10 })
    items.push(0, item('slow', 0))
    // There is always something to read, until the timer has fired.
    const feed = setInterval(() => items.push(0, ...Array.from({ length: 20_000 }, (_, i) => item(`k${i % 10}`, 0))), 1)
    try {
      await expect.poll(() => fired.values(), { timeout: 5_000 }).toEqual(['slow'])
    } finally {
      clearInterval(feed)
      items.endAll()
    }
    expect((await running).status).toBe('FINISHED')
  })

  it('timers that are pending at the end of the input are dropped and counted', async () => {
    const fired = collectSink<string>()
    const job = defineJob({
      name: 'pending',
      build(env) {
        env
          .fromSource(sourceOf([[item('a', 0), item('b', 0)]]), { uid: 'items' })
          .keyBy(({ key }) => key)
          .process<string>(
            {
              onElement(_item, ctx) {
                ctx.timers.registerProcessingTimer(ctx.timers.currentProcessingTime() + 3_600_000)
              },
              onTimer: (_time, ctx) => ctx.emit('never'),
            },
            { uid: 'timers' },
          )
          .sinkTo(fired.sink, { uid: 'out' })
      },
    })
    const result = await runInProcess(job, { parallelism: 2 })
    expect(result.status).toBe('FINISHED')
    expect(fired.values()).toEqual([])
    expect(result.counters['timers']).toMatchObject({ numProcessingTimersDropped: 2 })
  })

  it('an event timer that is set while the end fires is refused', async () => {
    const out = collectSink<string>()
    const job = defineJob({
      name: 'endless',
      build(env) {
        env
          .fromSource(sourceOf([[item('a', 0)]]), { uid: 'items', watermarks: bounded })
          .keyBy(({ key }) => key)
          .process<string>(
            {
              onElement: ({ time }, ctx) => ctx.timers.registerEventTimer(time + 1_000),
              onTimer: (time, ctx) => ctx.timers.registerEventTimer(time + 1_000),
            },
            { uid: 'again' },
          )
          .sinkTo(out.sink, { uid: 'out' })
      },
    })
    const result = await runInProcess(job)
    expect(result).toMatchObject({ status: 'FAILED', failure: { uid: 'again', error: { code: 'MILLRACE_TIMER' } } })
  })
})
