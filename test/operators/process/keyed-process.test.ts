import { describe, expect, it } from 'vitest'
import { outputTag } from '../../../operators/api/output-tag.js'
import { record } from '../../../operators/api/record-type.js'
import { keyedProcess } from '../../../operators/process/keyed-process.js'
import { aggregating, list, map, reducing, value } from '../../../operators/process/state-declaration.js'
import { meanOf } from '../../../operators/windows/aggregators.js'
import { graphOf, graphOfTwo } from '../graphs.js'
import { OperatorHarness } from '../harness.js'

interface Order {
  readonly user: string
  readonly amount: number
}

const order = (user: string, amount: number): Order => ({ user, amount })

describe('a keyed process function', () => {
  it('keeps state of each key apart, of every kind', () => {
    const graph = graphOf<Order>((orders) =>
      orders
        .keyBy(({ user }) => user)
        .process({
          emits: record<readonly unknown[]>(),
          state: {
            last: value<number>(),
            all: list<number>(),
            byAmount: map<number, number>(),
            total: reducing<number>((a, b) => a + b),
            mean: aggregating(meanOf((n: number) => n)),
          },
          onElement({ amount }, ctx) {
            const { last, all, byAmount, total, mean } = ctx.state
            const before = last.value()
            last.update(amount)
            all.add(amount)
            byAmount.set(amount, (byAmount.get(amount) ?? 0) + 1)
            total.add(amount)
            mean.add(amount)
            ctx.emit([
              ctx.key,
              before,
              all.get(),
              [...byAmount.entries()],
              total.get(),
              mean.get(),
              ctx.timestamp,
              ctx.watermark,
            ])
          },
        })
        .uid('p'),
    )
    const harness = new OperatorHarness(graph, 'p')
    harness.push(order('a', 1), 10)
    harness.advance(7)
    harness.push(order('b', 5), 11)
    harness.push(order('a', 3), 12)
    expect(harness.main).toEqual([
      { value: ['a', undefined, [1], [[1, 1]], 1, 1, 10, -Infinity], timestamp: 10 },
      { value: ['b', undefined, [5], [[5, 1]], 5, 5, 11, 7], timestamp: 11 },
      {
        value: [
          'a',
          1,
          [1, 3],
          [
            [1, 1],
            [3, 1],
          ],
          4,
          2,
          12,
          7,
        ],
        timestamp: 12,
      },
    ])
  })

  it('has timers of each key, whose output carries the time of an event timer and none of a processing timer', () => {
    const graph = graphOf<Order>((orders) =>
      orders
        .keyBy(({ user }) => user)
        .process(
          keyedProcess({
            emits: record<string>(),
            onElement(_order, ctx) {
              ctx.timers.registerEventTimer(ctx.timestamp + 10)
              ctx.timers.registerEventTimer(ctx.timestamp + 10)
              ctx.timers.registerEventTimer(ctx.timestamp + 11)
              ctx.timers.deleteEventTimer(ctx.timestamp + 11)
              ctx.timers.registerProcessingTimer(ctx.timers.currentProcessingTime() + 5)
            },
            onTimer(time, ctx) {
              ctx.emit(`${ctx.key} ${ctx.timeDomain} ${time} ${ctx.timestamp}`)
            },
          }),
          { uid: 'p' },
        ),
    )
    const harness = new OperatorHarness(graph, 'p')
    harness.push(order('a', 1), 0)
    harness.push(order('b', 1), 1)
    harness.advance(100)
    harness.advanceProcessingTime(5)
    expect(harness.main).toEqual([
      { value: 'a event 10 10', timestamp: 10 },
      { value: 'b event 11 11', timestamp: 11 },
      { value: 'a processing 5 -Infinity', timestamp: -Infinity },
      { value: 'b processing 5 -Infinity', timestamp: -Infinity },
    ])
  })

  it('has side outputs, with the timestamp of its record', () => {
    const big = outputTag<Order>('big')
    const graph = graphOf<Order>((orders) =>
      orders
        .keyBy(({ user }) => user)
        .process({ onElement: (o, ctx) => (o.amount > 10 ? ctx.output(big, o) : ctx.emit(o)) })
        .uid('p')
        .sideOutput(big),
    )
    expect(graph.nodes.at(-1)).toMatchObject({ inputs: [{ from: 1, tag: 'big' }] })
    const harness = new OperatorHarness(graph, 'p', { read: ['big'] })
    harness.push(order('a', 1), 1)
    harness.push(order('a', 11), 2)
    expect(harness.values()).toEqual([order('a', 1)])
    expect(harness.side('big')).toEqual([{ value: order('a', 11), timestamp: 2 }])
  })

  it('has a lifecycle, and may emit when it finishes', async () => {
    const calls: string[] = []
    const graph = graphOf<Order>((orders) =>
      orders
        .keyBy(({ user }) => user)
        .process({
          emits: record<string>(),
          open: ({ subtask, parallelism }) => void calls.push(`open ${subtask}/${parallelism}`),
          onElement: () => undefined,
          async finish(ctx) {
            await Promise.resolve()
            ctx.emit('end')
          },
          close: () => void calls.push('close'),
        })
        .uid('p'),
    )
    const harness = new OperatorHarness(graph, 'p')
    await harness.finish()
    expect(calls).toEqual(['open 0/1', 'close'])
    expect(harness.main).toEqual([{ value: 'end', timestamp: -Infinity }])
  })

  it('with two inputs shares its state between them', () => {
    const graph = graphOfTwo<Order, string>((orders, blocked) =>
      orders
        .keyBy(({ user }) => user)
        .connect(blocked.keyBy((user) => user))
        .process({
          state: { isBlocked: value<boolean>() },
          onElement1(o, ctx) {
            if (ctx.state.isBlocked.value() !== true) ctx.emit(o)
          },
          onElement2: (_user, ctx) => ctx.state.isBlocked.update(true),
        })
        .uid('p'),
    )
    const harness = new OperatorHarness(graph, 'p')
    harness.push(order('a', 1), 0)
    harness.push('a', 0, 1)
    harness.push(order('a', 2), 0)
    harness.push(order('b', 3), 0)
    expect(harness.values()).toEqual([order('a', 1), order('b', 3)])
  })

  it('that returns a promise is refused while it runs', () => {
    const graph = graphOf<Order>((orders) =>
      orders
        .keyBy(({ user }) => user)
        .process({ onElement: (() => Promise.resolve()) as never })
        .uid('p'),
    )
    const harness = new OperatorHarness(graph, 'p')
    expect(() => harness.push(order('a', 1), 0)).toThrow(expect.objectContaining({ code: 'MILLRACE_PROMISE' }) as Error)
  })

  it('declares its states with their kind, version, ttl and functions', () => {
    const graph = graphOf<Order>((orders) =>
      orders
        .keyBy(({ user }) => user)
        .process({
          state: { a: value<number>({ ttl: '1h' }), b: list({ version: 3 }), c: reducing<number>((x, y) => x + y) },
          onElement: () => undefined,
        })
        .uid('p'),
    )
    expect(graph.nodes[1]).toMatchObject({
      keyed: true,
      states: [
        { name: 'a', kind: 'value', fingerprint: 'v1', ttlMs: 3_600_000 },
        { name: 'b', kind: 'list', fingerprint: 'v3' },
        { name: 'c', kind: 'reducing', fingerprint: 'v1', reduce: expect.any(Function) as unknown },
      ],
    })
  })
})

describe('a running reduction', () => {
  it('emits what all records of the key so far reduce to, with the timestamp of the last', () => {
    const graph = graphOf<Order>((orders) =>
      orders.keyBy(({ user }) => user).reduce((x, y) => order(x.user, x.amount + y.amount), { uid: 'r' }),
    )
    const harness = new OperatorHarness(graph, 'r')
    harness.push(order('a', 1), 1)
    harness.push(order('b', 2), 2)
    harness.push(order('a', 3), 3)
    expect(harness.main).toEqual([
      { value: order('a', 1), timestamp: 1 },
      { value: order('b', 2), timestamp: 2 },
      { value: order('a', 4), timestamp: 3 },
    ])
  })

  it('refuses a reduce function that returns nothing', () => {
    const graph = graphOf<Order>((orders) =>
      orders
        .keyBy(({ user }) => user)
        .reduce((() => undefined) as never)
        .uid('r'),
    )
    const harness = new OperatorHarness(graph, 'r')
    harness.push(order('a', 1), 1)
    expect(() => harness.push(order('a', 1), 1)).toThrow(/gave undefined/)
  })
})
