import { describe, expect, it } from 'vitest'
import { defineJob, list, map, unionList, value, type JobDefinition, type MapState } from '../../../operators/index.js'
import { collectSink, operatorHarness, sourceOf } from '../../../runtime/testing/index.js'

interface Rule {
  readonly kind: string
  readonly limit: number
}
interface Reading {
  readonly id: string
  readonly kind: string
  readonly speed: number
}

/** Keyed: how often each id was above the limit of its kind. Unkeyed: which were. */
function rulesJob(
  hooks: { readonly element?: (ctx: unknown) => void; readonly broadcast?: (ctx: unknown) => void } = {},
): JobDefinition {
  return defineJob({
    name: 'rules',
    build(env) {
      const rules = env.fromSource(sourceOf<Rule>([]), { uid: 'rules' }).broadcast({ limits: map<string, number>() })
      const readings = env.fromSource(sourceOf<Reading>([]), { uid: 'readings' })
      readings
        .keyBy(({ id }) => id)
        .connect(rules)
        .process<string, { over: ReturnType<typeof value<number>> }>(
          {
            state: { over: value<number>() },
            onElement({ kind, speed }, ctx) {
              hooks.element?.(ctx)
              const limit = ctx.broadcast.limits.get(kind)
              if (limit === undefined || speed <= limit) return
              const over = (ctx.state.over.value() ?? 0) + 1
              ctx.state.over.update(over)
              ctx.emit(`${ctx.key} ${over}`)
              ctx.timers.registerEventTimer(ctx.timestamp + 10)
            },
            onBroadcast({ kind, limit }, ctx) {
              hooks.broadcast?.(ctx)
              ctx.broadcast.limits.set(kind, limit)
              ctx.emit(`${kind} ${limit} in ${ctx.subtask}`)
            },
            onTimer: (time, ctx) => ctx.emit(`${ctx.key} at ${time}: ${[...ctx.broadcast.limits.entries()].join(' ')}`),
          },
          { uid: 'keyed' },
        )
        .sinkTo(collectSink<string>().sink, { uid: 'keyed-out' })
      readings
        .connect(rules)
        .process<string, { seen: ReturnType<typeof list<string>>; all: ReturnType<typeof unionList<string>> }>(
          {
            state: { seen: list<string>(), all: unionList<string>() },
            onElement({ id, kind, speed }, ctx) {
              if (speed <= (ctx.broadcast.limits.get(kind) ?? Infinity)) return
              ctx.state.seen.add(id)
              ctx.state.all.add(id)
            },
            onBroadcast: ({ kind, limit }, ctx) => ctx.broadcast.limits.set(kind, limit),
            finish: (ctx) =>
              ctx.emit(`${ctx.subtask}: ${ctx.state.seen.get().join()} of ${ctx.state.all.get().join()}`),
          },
          { uid: 'unkeyed' },
        )
        .sinkTo(collectSink<string>().sink, { uid: 'unkeyed-out' })
    },
  })
}

const reading = (id: string, kind: string, speed: number): Reading => ({ id, kind, speed })

describe('a keyed function with broadcast state', () => {
  it('reads in every subtask what onBroadcast wrote, beside the state of its key', async () => {
    const harness = await operatorHarness<string>(rulesJob(), 'keyed', { parallelism: 3 })
    harness.push(reading('a', 'fast', 9), 1)
    harness.push({ kind: 'fast', limit: 5 }, 1, 1)
    expect(harness.take()).toEqual(['fast 5 in 0', 'fast 5 in 1', 'fast 5 in 2'])
    for (const id of ['a', 'b', 'c', 'd', 'a']) harness.push(reading(id, 'fast', 6), 2)
    harness.push(reading('a', 'fast', 5), 3)
    harness.push(reading('a', 'slow', 50), 3)
    expect(harness.take()).toEqual(['a 1', 'b 1', 'c 1', 'd 1', 'a 2'])
    harness.advanceWatermark(12)
    expect(harness.take().sort()).toEqual(['a', 'b', 'c', 'd'].map((id) => `${id} at 12: fast,5`))
  })

  it.each([1, 2, 128])('has both after a restore at parallelism %i', async (parallelism) => {
    const harness = await operatorHarness<string>(rulesJob(), 'keyed', { parallelism: 3 })
    harness.push({ kind: 'fast', limit: 5 }, 1, 1)
    harness.push(reading('a', 'fast', 6), 2)
    const restore = await harness.snapshot()
    const restored = await operatorHarness<string>(rulesJob(), 'keyed', { parallelism, restore })
    restored.push(reading('a', 'fast', 6), 3)
    restored.push(reading('z', 'fast', 6), 3)
    expect(restored.take()).toEqual(['a 2', 'z 1'])
    restored.advanceWatermark(12)
    expect(restored.take()).toEqual(['a at 12: fast,5'])
  })

  it('may not write broadcast state outside of onBroadcast', async () => {
    const element = (ctx: unknown): void =>
      void (ctx as { broadcast: { limits: MapState<string, number> } }).broadcast.limits.set('fast', 1)
    const harness = await operatorHarness(rulesJob({ element }), 'keyed')
    expect(() => harness.push(reading('a', 'fast', 6), 1)).toThrow(
      'broadcast state "limits" was written outside of onBroadcast',
    )
  })

  it.each(['state', 'key', 'timers'])('has no ctx.%s in onBroadcast, and says why', async (name) => {
    const broadcast = (ctx: unknown): void => void (ctx as Record<string, unknown>)[name]
    const harness = await operatorHarness(rulesJob({ broadcast }), 'keyed')
    expect(() => harness.push({ kind: 'fast', limit: 5 }, 1, 1)).toThrow(`onBroadcast has no ctx.${name}`)
  })

  it('does not find the state of the last key in onBroadcast either if it kept the handle', async () => {
    let kept: { over: { value(): unknown } } | undefined
    const harness = await operatorHarness(
      rulesJob({
        element: (ctx) => void (kept = (ctx as { state: typeof kept }).state),
        broadcast: () => void kept!.over.value(),
      }),
      'keyed',
    )
    harness.push(reading('a', 'fast', 6), 1)
    expect(() => harness.push({ kind: 'fast', limit: 5 }, 1, 1)).toThrow('key')
  })
})

describe('a function without a key', () => {
  it('has lists of its subtask beside broadcast state: split ones dealt out, union ones whole', async () => {
    const harness = await operatorHarness<string>(rulesJob(), 'unkeyed', { parallelism: 2 })
    harness.push({ kind: 'fast', limit: 5 }, 1, 1)
    for (const id of ['a', 'b', 'c', 'd']) harness.push(reading(id, 'fast', 6), 1)
    const restore = await harness.snapshot()
    await harness.finish()
    expect(harness.take()).toEqual(['0: a,c of a,c', '1: b,d of b,d'])

    const one = await operatorHarness<string>(rulesJob(), 'unkeyed', { parallelism: 1, restore })
    one.push(reading('e', 'fast', 6), 1)
    await one.finish()
    expect(one.take()).toEqual(['0: a,c,b,d,e of a,c,b,d,e'])

    const four = await operatorHarness<string>(rulesJob(), 'unkeyed', { parallelism: 4, restore })
    await four.finish()
    expect(four.take()).toEqual(['0: a of a,c,b,d', '1: c of a,c,b,d', '2: b of a,c,b,d', '3: d of a,c,b,d'])
  })
})

describe('declarations', () => {
  const build = (add: (streams: Parameters<Parameters<typeof defineJob>[0]['build']>[0]) => void): (() => unknown) => {
    return () => defineJob({ name: 'x', build: add }).build({})
  }
  const onElement = (): void => undefined

  it('of state without a key are lists, those of broadcast state are maps, none has a ttl, and they need a uid', () => {
    const stateOf = (state: never) =>
      build((env) => env.fromSource(sourceOf([[1]]), { uid: 's' }).process({ state, onElement }))
    expect(stateOf({ last: value() } as never)).toThrow('state.last is value state')
    expect(stateOf({ last: list({ ttl: '1s' }) } as never)).toThrow('state.last has a ttl')
    expect(stateOf({ last: 5 } as never)).toThrow('state.last is no state declaration')
    expect(build((env) => env.fromSource(sourceOf([[1]]), { uid: 's' }).broadcast({ rules: list() as never }))).toThrow(
      'state.rules is list state',
    )
    expect(
      build((env) =>
        env
          .fromSource(sourceOf([[1]]), { uid: 's' })
          .keyBy((n) => n)
          .process({ state: { all: unionList() as never }, onElement }, { uid: 'p' }),
      ),
    ).toThrow('state.all is no declaration of keyed state')
    expect(
      build((env) => {
        const numbers = env.fromSource(sourceOf([[1]]), { uid: 's' })
        numbers
          .process({ state: { seen: list<number>() }, onElement })
          .sinkTo(collectSink<number>().sink, { uid: 'out' })
      }),
    ).toThrow('the process has no uid')
  })

  it('of state and broadcast state have different names', () => {
    expect(
      build((env) => {
        const numbers = env.fromSource(sourceOf([[1]]), { uid: 's' })
        numbers
          .connect(numbers.broadcast({ seen: map<number, number>() }))
          .process({ state: { seen: list<number>() }, onElement, onBroadcast: onElement })
      }),
    ).toThrow('state.seen is also the name of a broadcast state')
  })
})
