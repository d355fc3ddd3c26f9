import { describe, expect, it } from 'vitest'
import {
  aggregator,
  count,
  defineJob,
  list,
  map,
  outputTag,
  session,
  tumbling,
  value,
  type JobDefinition,
} from '../../operators/index.js'
import { collectSink, operatorHarness, sourceOf } from '../../runtime/testing/index.js'

interface Order {
  readonly user: string
  readonly amount: number
}

const rejected = outputTag<Order>('rejected')
const state = { spent: value<number>(), orders: list<Order>(), days: map<number, number>() }

/** Adds up what a user spends; reports it at the end of a day, and a user who is silent for an hour of the clock. */
const spending: JobDefinition = defineJob({
  name: 'spending',
  build(env) {
    const orders = env.fromSource(sourceOf<Order>([]), { uid: 'orders' })
    const totals = orders
      .keyBy(({ user }) => user)
      .process<string, typeof state>(
        {
          state,
          onElement(order, ctx) {
            if (order.amount < 0) return ctx.output(rejected, order)
            ctx.state.spent.update((ctx.state.spent.value() ?? 0) + order.amount)
            ctx.state.orders.add(order)
            ctx.state.days.set(Math.floor(ctx.timestamp / 1000), order.amount)
            ctx.timers.registerEventTimer((Math.floor(ctx.timestamp / 1000) + 1) * 1000)
            ctx.timers.registerProcessingTimer(ctx.timers.currentProcessingTime() + 3_600_000)
          },
          onTimer(time, ctx) {
            if (ctx.timeDomain === 'processing') ctx.emit(`${ctx.key} is silent at ${time}`)
            else ctx.emit(`${ctx.key} ${ctx.state.spent.value()} in ${ctx.state.orders.get().length} until ${time}`)
          },
        },
        { uid: 'totals' },
      )
    totals.sinkTo(collectSink<string>().sink, { uid: 'out' })
    totals.sideOutput(rejected).sinkTo(collectSink<Order>().sink, { uid: 'rejected' })
    orders
      .keyBy(({ user }) => user)
      .window(tumbling('1s'))
      .aggregate(count())
      .uid('counts')
      .sinkTo(collectSink<number>().sink, { uid: 'counted' })
  },
})

describe('operatorHarness', () => {
  it('drives a keyed function by records, watermarks and the clock', async () => {
    const harness = await operatorHarness<string>(spending, 'totals', { processingTime: 5_000 })
    harness.push({ user: 'ann', amount: 10 }, 100)
    harness.push({ user: 'bob', amount: 1 }, 200)
    harness.push({ user: 'ann', amount: 5 }, 900)
    harness.push({ user: 'eve', amount: -1 }, 900)
    harness.advanceWatermark(999)
    expect(harness.take()).toEqual([])
    harness.advanceWatermark(1_000)
    expect(harness.take().sort()).toEqual(['ann 15 in 2 until 1000', 'bob 1 in 1 until 1000'])
    harness.advanceProcessingTime(3_605_000)
    expect(harness.take().sort()).toEqual(['ann is silent at 3605000', 'bob is silent at 3605000'])
    expect(harness.sideOutput(rejected)).toEqual([{ value: { user: 'eve', amount: -1 }, timestamp: 900, subtask: 0 }])
    await harness.close()
  })

  it('restores a snapshot at other parallelisms, with timers, and not what came after it', async () => {
    let before = await operatorHarness<string>(spending, 'totals', { parallelism: 3 })
    const users = Array.from({ length: 50 }, (_, i) => `user ${i}`)
    for (const user of users) before.push({ user, amount: 1 }, 10)
    for (const parallelism of [1, 4, 2]) {
      const snapshot = await before.snapshot()
      for (const user of users) before.push({ user, amount: 1_000 }, 10)
      await before.close()
      before = await operatorHarness<string>(spending, 'totals', { parallelism, restore: snapshot })
      for (const user of users.slice(0, 25)) before.push({ user, amount: 1 }, 10)
    }
    expect(before.pendingEventTimers()).toBe(50)
    before.advanceWatermark(1_000)
    const expected = users.map((user, i) => `${user} ${i < 25 ? 4 : 1} in ${i < 25 ? 4 : 1} until 1000`)
    expect(before.values().sort()).toEqual(expected.sort())
  })

  it('does not go back in event time after a restore', async () => {
    const before = await operatorHarness(spending, 'counts')
    before.push({ user: 'ann', amount: 1 }, 10)
    before.advanceWatermark(5_000)
    const after = await operatorHarness(spending, 'counts', { parallelism: 2, restore: await before.snapshot() })
    after.push({ user: 'ann', amount: 1 }, 10)
    await after.finish()
    expect([before.values(), after.values()]).toEqual([[1], []])
    expect(after.counter('numLateRecordsDropped')).toBe(1)
  })

  it('lets no function change a record that it got or has emitted, or a value that it has stored', async () => {
    const changing = (change: 'input' | 'output' | 'stored' | 'listed' | 'mapped'): JobDefinition => {
      const states = {
        stored: value<{ n: number }>(),
        listed: list<{ n: number }>(),
        mapped: map<string, { n: number }>(),
      }
      return defineJob({
        name: 'changing',
        build(env) {
          env
            .fromSource(sourceOf<{ n: number }>([]), { uid: 'numbers' })
            .keyBy(({ n }) => n)
            .process<{ n: number }, typeof states>(
              {
                state: states,
                onElement(record, ctx) {
                  const out = { n: 1 }
                  if (change === 'input') record.n++
                  ctx.emit(out)
                  if (change === 'output') out.n++
                  ctx.state.stored.update({ n: 2 })
                  if (change === 'stored') ctx.state.stored.value()!.n++
                  ctx.state.listed.add({ n: 3 })
                  if (change === 'listed') ctx.state.listed.get()[0]!.n++
                  ctx.state.mapped.set('x', { n: 4 })
                  if (change === 'mapped') for (const [, each] of ctx.state.mapped.entries()) each.n++
                },
              },
              { uid: 'changing' },
            )
            .sinkTo(collectSink<{ n: number }>().sink, { uid: 'out' })
        },
      })
    }
    for (const change of ['input', 'output', 'stored', 'listed', 'mapped'] as const) {
      const harness = await operatorHarness(changing(change), 'changing')
      expect(() => harness.push({ n: 0 }, 0), change).toThrow(/read only property 'n'/)
    }
  })

  it('lets aggregators change their accumulators', async () => {
    const sums = aggregator<Order, { sum: number }, number>({
      create: () => ({ sum: 0 }),
      add: (acc, { amount }) => {
        acc.sum += amount
        return acc
      },
      merge: (a, b) => {
        a.sum += b.sum
        return a
      },
      result: ({ sum }) => sum,
    })
    const job = defineJob({
      name: 'sums',
      build(env) {
        env
          .fromSource(sourceOf<Order>([]), { uid: 'orders' })
          .keyBy(({ user }) => user)
          .window(session('1s'))
          .aggregate(sums)
          .uid('sums')
          .sinkTo(collectSink<number>().sink, { uid: 'out' })
      },
    })
    let harness = await operatorHarness<number>(job, 'sums')
    for (const time of [0, 1_500, 700]) {
      harness.push({ user: 'ann', amount: 1 }, time)
      harness = await operatorHarness<number>(job, 'sums', { restore: await harness.snapshot() })
    }
    await harness.finish()
    expect(harness.values()).toEqual([3])
  })

  it('names the operators of a job that has none of that uid', async () => {
    await expect(operatorHarness(spending, 'total')).rejects.toMatchObject({
      code: 'MILLRACE_USAGE',
      hint: 'it has totals, counts',
    })
  })
})
