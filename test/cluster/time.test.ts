import { describe, expect, it } from 'vitest'
import {
  boundedOutOfOrderness,
  count,
  defineJob,
  tumbling,
  value,
  type Source,
  type Watermarks,
} from '../../operators/index.js'
import { collectSink, controlledSource, runInProcess, sourceOf } from '../../runtime/testing/index.js'

interface Item {
  readonly key: string
  readonly time: number
}

const bounded = boundedOutOfOrderness(0, (item: Item) => item.time)
const item = (key: string, time: number): Item => ({ key, time })

/** On a busy machine a second is short. */
const eventually = <T>(get: () => T) => expect.poll(get, { timeout: 15_000 })

type Window = readonly [string, number, number]

interface Input {
  readonly source: Source<Item>
  readonly watermarks: Watermarks<Item>
}

/** Counts per key and second, from several sources together. `read`: every record, once a checkpoint holds it. */
function windowsOf(inputs: readonly Input[]) {
  const [out, late, read] = [collectSink<Window>(), collectSink<Item>(), collectSink<Item>()]
  const job = defineJob({
    name: 'time',
    build(env) {
      const [first, ...rest] = inputs.map(({ source, watermarks }, i) =>
        env.fromSource(source, { uid: `items-${i}`, watermarks }),
      )
      const all = first!.union(...rest)
      all.sinkTo(read.sink, { uid: 'read' })
      const counts = all
        .keyBy(({ key }) => key)
        .window(tumbling('1s'))
        .aggregate(count(), (key, { start }, items): Window => [key, start, items])
        .uid('windows')
      counts.sinkTo(out.sink, { uid: 'out' })
      counts.late.sinkTo(late.sink, { uid: 'late' })
    },
  })
  return { job, out, late, read }
}

describe('event time', () => {
  for (const parallelism of [1, 2, 3]) {
    it(`goes on without an idle split, and with it again when it comes back, at parallelism ${parallelism}`, async () => {
      const items = controlledSource<Item>(2)
      const { job, out, late } = windowsOf([{ source: items.source, watermarks: bounded.withIdleness(60) }])
      const running = runInProcess(job, { parallelism, checkpointIntervalMs: 10 })
      items.push(0, item('a', 500))
      items.push(1, item('b', 200))
      // Split 1 holds the first window back until it is idle; split 0 never is.
      const feed = setInterval(() => items.push(0, item('c', 1_500)), 10)
      await eventually(() => out.values()).toEqual(
        expect.arrayContaining([
          ['a', 0, 1],
          ['b', 0, 1],
        ]),
      )
      clearInterval(feed)
      items.push(1, item('b', 1_700), item('b', 300))
      await eventually(() => late.values()).toEqual([item('b', 300)])
      items.endAll()
      expect((await running).status).toBe('FINISHED')
      expect(
        out
          .values()
          .filter(([key]) => key !== 'c')
          .sort(),
      ).toEqual([
        ['a', 0, 1],
        ['b', 0, 1],
        ['b', 1_000, 1],
      ])
    })

    it(`does not end when one source ends while another is idle, at parallelism ${parallelism}`, async () => {
      const items = controlledSource<Item>(2)
      const short = sourceOf([[item('a', 100)], [item('a', 50_000)]])
      const { job, out, late, read } = windowsOf([
        { source: items.source, watermarks: bounded.withIdleness(30) },
        { source: short, watermarks: bounded },
      ])
      const running = runInProcess(job, { parallelism, checkpointIntervalMs: 10 })
      items.push(0, item('b', 2_000))
      // As far as the idle readers got; a single reader whose splits are all idle says nothing.
      if (parallelism > 1) await eventually(() => out.values()).toEqual([['a', 0, 1]])
      else await eventually(() => read.values()).toHaveLength(3)
      // Idle by now, and the other source at its end: these are later than all and yet in time.
      items.push(1, item('b', 4_500))
      items.push(0, item('b', 4_000))
      await eventually(() => read.values()).toHaveLength(5)
      items.push(1, item('b', 60_000))
      items.push(0, item('b', 60_000))
      await eventually(() => out.values()).toContainEqual(['b', 4_000, 2])
      items.endAll()
      expect((await running).status).toBe('FINISHED')
      expect(late.values()).toEqual([])
      expect(
        out
          .values()
          .map(([, start]) => start)
          .sort((a, b) => a - b),
      ).toEqual([0, 2_000, 4_000, 50_000, 60_000])
    })
  }

  it('of a reader that is idle holds no other back that is aligned with it', async () => {
    const items = controlledSource<Item>(2)
    const watermarks = bounded.withIdleness(30).withAlignment('1s')
    const { job, out } = windowsOf([{ source: items.source, watermarks }])
    const running = runInProcess(job, { parallelism: 2, checkpointIntervalMs: 10 })
    items.push(0, item('a', 0))
    items.push(1, item('b', 0), item('b', 30_000), item('b', 60_000), item('b', 90_000))
    await eventually(() => out.values()).toContainEqual(['b', 60_000, 1])
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
    await eventually(() => out.values()).toContainEqual(['b', 10_000, 1])
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
      await eventually(() => fired.values()).toEqual(['slow'])
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
