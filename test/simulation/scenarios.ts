// Jobs for the simulator: between them they have every kind of state, timer, window, channel, source and operator.
import {
  boundedOutOfOrderness,
  count,
  defineJob,
  list,
  map,
  session,
  sliding,
  sumOf,
  tumbling,
  value,
  type AsyncFunction,
  type JobDefinition,
} from '../../operators/index.js'
import type { KinesisRecord } from '../../operators/connectors/kinesis/kinesis-record.js'
import type { DecodeOutput, Source } from '../../runtime/contract/source.js'
import { collectSink, sourceOf, sourceOfShards, type ArraySplit } from '../../runtime/testing/index.js'
import { aggregatesOf, valueIn } from './aggregated.js'
import { randomSource } from '../oracles/random-source.js'
import { randomShards } from '../cluster/reshard-runs.js'

interface Reading {
  readonly id: number
  readonly key: string
  readonly time: number
  readonly amount: number
}

const DISORDER = 40

/** Splits whose times are out of order, each within the bound. */
function readings(seed: number, splits: number, each: number, keys: number): Reading[][] {
  const random = randomSource(seed)
  let id = 0
  return Array.from({ length: splits }, () =>
    Array.from({ length: each }, (_, i) => ({
      id: id++,
      key: `key-${random.below(keys)}`,
      time: 1_000 + i * 10 - random.below(DISORDER),
      amount: random.below(100),
    })),
  )
}

const times = boundedOutOfOrderness(DISORDER, ({ time }: Reading) => time)
const nowhere = (): ReturnType<typeof collectSink<unknown>>['sink'] => collectSink<unknown>().sink

/** Tumbling, sliding and session windows of one stream; nothing may be late. */
function windows(): JobDefinition {
  const splits = readings(1, 5, 120, 23)
  return defineJob({
    name: 'windows',
    build(env) {
      const keyed = env.fromSource(sourceOf(splits), { uid: 'readings', watermarks: times }).keyBy(({ key }) => key)
      const counts = keyed
        .window(tumbling(100))
        .aggregate(count(), (key, { start }, n) => [key, start, n] as const)
        .uid('tumbling')
      counts.sinkTo(nowhere(), { uid: 'counts' })
      counts.late.sinkTo(nowhere(), { uid: 'counts-late' })
      const sums = keyed
        .window(sliding(200, 50))
        .aggregate(
          sumOf(({ amount }: Reading) => amount),
          (key, { start }, sum) => [key, start, sum] as const,
        )
        .uid('sliding')
      sums.sinkTo(nowhere(), { uid: 'sums' })
      sums.late.sinkTo(nowhere(), { uid: 'sums-late' })
      const sessions = keyed
        .window(session(60))
        .apply<readonly unknown[]>((key, { start, end }, all, out) =>
          out.emit([key, start, end, [...all].map(({ id }) => id).sort((a, b) => a - b)]),
        )
        .uid('session')
      sessions.sinkTo(nowhere(), { uid: 'sessions' })
      sessions.late.sinkTo(nowhere(), { uid: 'sessions-late' })
    },
  })
}

/** Counts in state, timers that are moved and deleted, lists and maps of which parts go. What is emitted does not depend on timing. */
function processes(): JobDefinition {
  const splits = readings(2, 4, 150, 40)
  const state = { records: value<number>(), ids: list<readonly [number, number]>(), perBucket: map<number, number>() }
  return defineJob({
    name: 'processes',
    build(env) {
      env
        .fromSource(sourceOf(splits), { uid: 'readings', watermarks: times })
        .filter(({ amount }) => amount > 3)
        .keyBy(({ key }) => key)
        .process<readonly unknown[], typeof state>(
          {
            state,
            onElement({ id, time }, ctx) {
              const n = (ctx.state.records.value() ?? 0) + 1
              const bucket = Math.floor(time / 200)
              ctx.state.records.update(n)
              ctx.state.ids.add([bucket, id])
              ctx.state.perBucket.set(bucket, (ctx.state.perBucket.get(bucket) ?? 0) + 1)
              ctx.timers.registerEventTimer(bucket * 200 + 199)
              // One timer of the key is moved with each record.
              ctx.timers.deleteEventTimer(100_000 + n - 1)
              ctx.timers.registerEventTimer(100_000 + n)
              ctx.emit(['record', ctx.key, n])
            },
            onTimer(due, ctx) {
              if (due > 100_000) return ctx.emit(['last', ctx.key, due - 100_000, ctx.state.records.value()])
              const bucket = Math.floor(due / 200)
              const all = [...ctx.state.ids.get()]
              const ids = all.flatMap(([of, id]) => (of === bucket ? [id] : [])).sort((a, b) => a - b)
              ctx.emit(['bucket', ctx.key, bucket, ctx.state.perBucket.get(bucket), ids])
              ctx.state.perBucket.delete(bucket)
              ctx.state.ids.clear()
              for (const one of all) if (one[0] !== bucket) ctx.state.ids.add(one)
            },
          },
          { uid: 'process' },
        )
        .sinkTo(nowhere(), { uid: 'timers-and-records' })
    },
  })
}

/** Keys live for a while and are forgotten: tombstones decide what a restored job knows. */
function forgetting(): JobDefinition {
  const splits = readings(3, 3, 200, 25)
  const state = { records: value<number>(), ids: list<number>() }
  return defineJob({
    name: 'forgetting',
    build(env) {
      env
        .fromSource(sourceOf(splits), { uid: 'records', watermarks: times })
        .keyBy(({ key, time }) => `${key}-${Math.floor(time / 300)}`)
        .process<readonly unknown[], typeof state>(
          {
            state,
            onElement({ id, time }, ctx) {
              ctx.state.records.update((ctx.state.records.value() ?? 0) + 1)
              ctx.state.ids.add(id)
              ctx.timers.registerEventTimer(Math.floor(time / 300) * 300 + 299)
            },
            onTimer(due, ctx) {
              const ids = [...ctx.state.ids.get()].sort((a, b) => a - b)
              ctx.emit([ctx.key, due, ctx.state.records.value(), ids])
              ctx.state.records.clear()
              ctx.state.ids.clear()
            },
          },
          { uid: 'forget' },
        )
        .sinkTo(nowhere(), { uid: 'forgotten' })
    },
  })
}

/** Much state early, then key after key is deleted while little else changes: what is gone must stay gone through merges. */
function deleting(): JobDefinition {
  const keys = Array.from({ length: 240 }, (_, i) => `key-${i}`)
  const splits = [0, 1, 2].map((split) => {
    const own = keys.filter((_, i) => i % 3 === split)
    const gone = own.filter((_, i) => i % 2 === 0).flatMap((key) => [key, own[1]!, own[1]!])
    return [...own.map((key) => ({ key, keep: true })), ...gone.map((key) => ({ key, keep: key === own[1] }))]
  })
  const state = { text: value<string>(), times: value<number>() }
  return defineJob({
    name: 'deleting',
    build(env) {
      env
        .fromSource(sourceOf(splits, { recordsPerPoll: 2, pollEveryMs: 2 }), { uid: 'orders' })
        .keyBy(({ key }) => key)
        .process<readonly unknown[], typeof state>(
          {
            state,
            onElement({ keep }, ctx) {
              ctx.emit([ctx.key, keep, ctx.state.times.value() ?? 0])
              if (!keep) ctx.state.text.clear()
              else ctx.state.text.update(`${ctx.key} ${'x'.repeat(100)}`)
              if (!keep) ctx.state.times.clear()
              else ctx.state.times.update((ctx.state.times.value() ?? 0) + 1)
            },
          },
          { uid: 'keep' },
        )
        .sinkTo(nowhere(), { uid: 'kept' })
    },
  })
}

/** A source that is resharded again and again; each key's records must come in their order. */
function shards(): JobDefinition {
  const all = randomShards(randomSource(4), 6)
  const state = { last: value<number>() }
  return defineJob({
    name: 'shards',
    build(env) {
      const keyed = env
        .fromSource(sourceOfShards(all), {
          uid: 'shards',
          watermarks: boundedOutOfOrderness(40, ({ time }: { time: number }) => time),
        })
        .keyBy(({ key }) => key)
      const counts = keyed
        .window(tumbling(100))
        .aggregate(count(), (key, { start }, n) => [key, start, n] as const)
        .uid('windows')
      counts.sinkTo(nowhere(), { uid: 'counts' })
      counts.late.sinkTo(nowhere(), { uid: 'late' })
      keyed
        .process<readonly [number, number, boolean], typeof state>(
          {
            state,
            onElement({ key, number }, ctx) {
              const due = (ctx.state.last.value() ?? 0) + 1
              ctx.state.last.update(number)
              ctx.emit([key, number, number === due])
            },
          },
          { uid: 'order' },
        )
        .sinkTo(nowhere(), { uid: 'ordered' })
    },
  })
}

/** Two streams joined in windows and in state. */
function joins(): JobDefinition {
  const [left, right] = [readings(5, 3, 80, 15), readings(6, 2, 100, 15)]
  const state = { left: value<number>(), right: value<number>() }
  return defineJob({
    name: 'joins',
    build(env) {
      const a = env.fromSource(sourceOf(left), { uid: 'left', watermarks: times })
      const b = env.fromSource(sourceOf(right), { uid: 'right', watermarks: times })
      a.coGroup(b)
        .where(({ key }) => key)
        .equalTo(({ key }) => key)
        .window(tumbling(150))
        .apply<readonly unknown[]>((ls, rs, out, key, { start }) =>
          out.emit([key, start, [...ls].map(({ id }) => id).sort(), [...rs].map(({ id }) => id).sort()]),
        )
        .uid('group')
        .sinkTo(nowhere(), { uid: 'grouped' })
      a.keyBy(({ key }) => key)
        .connect(b.keyBy(({ key }) => key))
        .process<readonly unknown[], typeof state>(
          {
            state,
            onElement1(_, ctx) {
              ctx.state.left.update((ctx.state.left.value() ?? 0) + 1)
              ctx.timers.registerEventTimer(10_000)
            },
            onElement2(_, ctx) {
              ctx.state.right.update((ctx.state.right.value() ?? 0) + 1)
              ctx.timers.registerEventTimer(10_000)
            },
            onTimer(_, ctx) {
              ctx.emit([ctx.key, ctx.state.left.value(), ctx.state.right.value()])
            },
          },
          { uid: 'meet' },
        )
        .sinkTo(nowhere(), { uid: 'met' })
    },
  })
}

/** An asynchronous function between two shuffles, ordered and not. */
function asynchronous(): JobDefinition {
  const splits = readings(7, 4, 80, 20)
  const slow = (): AsyncFunction<Reading, Reading> => {
    let wait: (ms: number) => Promise<void> = () => Promise.resolve()
    return {
      open({ clock }) {
        wait = (ms) => new Promise((resolve) => void clock.setTimeout(resolve, ms))
      },
      async onElement(reading, ctx) {
        if (reading.amount % 3 > 0) await wait(reading.amount % 7)
        ctx.emit(reading)
      },
    }
  }
  return defineJob({
    name: 'asynchronous',
    build(env) {
      const source = env.fromSource(sourceOf(splits), { uid: 'readings', watermarks: times })
      for (const ordered of [true, false]) {
        const name = ordered ? 'ordered' : 'unordered'
        const counts = source
          .asyncProcess(slow(), { uid: name, ordered, capacity: 5 })
          .keyBy(({ key }) => key)
          .window(tumbling(100))
          .aggregate(count(), (key, { start }, n) => [key, start, n] as const)
          .uid(`${name}-windows`)
        counts.sinkTo(nowhere(), { uid: `${name}-counts` })
        counts.late.sinkTo(nowhere(), { uid: `${name}-late` })
      }
    },
  })
}

/** What is read to its end ends only after so long without a restart: timers by the clock fire before. */
function lingering<T>(source: Source<T, ArraySplit, null>, ms: number): Source<T, ArraySplit, null> {
  return {
    ...source,
    createReader: (ctx) => {
      const reader = source.createReader(ctx)
      return {
        openSplit: async (split) => {
          const inner = await reader.openSplit(split)
          let untilMs: number | undefined
          return {
            poll: (out, max) => {
              if (inner.poll(out, max) !== 'end') return 'wait'
              untilMs ??= ctx.clock.now() + ms
              return ctx.clock.now() < untilMs ? 'wait' : 'end'
            },
            available: async () => {
              if (untilMs === undefined) return inner.available()
              const leftMs = Math.max(0, untilMs - ctx.clock.now())
              await new Promise<void>((resolve) => void ctx.clock.setTimeout(resolve, leftMs))
            },
            position: () => inner.position(),
          }
        },
      }
    },
  }
}

/** Timers by the clock, each of which fires once unless it is deleted, and states that expire by the clock, or must not. */
function clocked(): JobDefinition {
  const splits = readings(8, 3, 60, 20)
  const state = {
    due: map<number, number[]>(),
    doomed: value<number>(),
    brief: value<number>({ ttl: '8s' }),
    lasting: value<number>({ ttl: '30d' }),
    records: value<number>(),
  }
  return defineJob({
    name: 'clocked',
    build(env) {
      env
        .fromSource(lingering(sourceOf(splits, { recordsPerPoll: 2, pollEveryMs: 400 }), 300_000), {
          uid: 'readings',
          watermarks: times,
        })
        .keyBy(({ key }) => key)
        .process<readonly unknown[], typeof state>(
          {
            state,
            onElement({ id }, ctx) {
              const { due, doomed, brief, lasting, records } = ctx.state
              const now = ctx.timers.currentProcessingTime()
              const time = now + 1000 * (1 + ((id * 37) % 30))
              due.set(time, [...(due.get(time) ?? []), id])
              ctx.timers.registerProcessingTimer(time)
              const old = doomed.value()
              if (old !== undefined && due.get(old) === undefined) ctx.timers.deleteProcessingTimer(old)
              doomed.update(now + 5_500)
              ctx.timers.registerProcessingTimer(now + 5_500)
              const written = brief.value()
              if (written !== undefined && now - written > 9_000) ctx.emit(['wrong', 'an expired value is read'])
              brief.update(now)
              if (lasting.value() !== records.value()) ctx.emit(['wrong', 'a value expired too early'])
              lasting.update((lasting.value() ?? 0) + 1)
              records.update((records.value() ?? 0) + 1)
            },
            onTimer(time, ctx) {
              const { due, doomed, brief, lasting, records } = ctx.state
              if (ctx.timers.currentProcessingTime() < time) ctx.emit(['wrong', 'a timer fires early'])
              const ids = due.get(time)
              if (ids !== undefined) for (const id of ids) ctx.emit(['fired', id])
              else if (doomed.value() !== time) ctx.emit(['wrong', 'a timer fires that was never set, or deleted'])
              if (doomed.value() === time) doomed.clear()
              due.delete(time)
              if ([...due.entries()].length > 0) return
              // Nothing that depends on the time is left at the end.
              for (const one of [brief, lasting, records]) one.clear()
              const old = doomed.value()
              if (old !== undefined) ctx.timers.deleteProcessingTimer(old)
              doomed.clear()
            },
          },
          { uid: 'clock' },
        )
        .sinkTo(nowhere(), { uid: 'fired' })
    },
  })
}

/** Records that come as parts of aggregates, so that a position lies within one. */
function aggregates(): JobDefinition {
  const shards = readings(9, 3, 90, 12).map((all) =>
    Array.from({ length: all.length / 6 }, (_, n) => all.slice(n * 6, n * 6 + 6)),
  )
  const state = { last: value<number>() }
  return defineJob({
    name: 'aggregates',
    build(env) {
      env
        .fromSource(aggregatesOf(shards), {
          uid: 'aggregates',
          decode: { decode: (raw: KinesisRecord, out: DecodeOutput<Reading>) => out.emit(valueIn(raw)) },
        })
        .keyBy(({ id }) => id)
        .process<readonly unknown[], typeof state>(
          {
            state,
            onElement({ id }, ctx) {
              const times = (ctx.state.last.value() ?? 0) + 1
              ctx.state.last.update(times)
              ctx.emit([id, times])
            },
          },
          { uid: 'once' },
        )
        .sinkTo(nowhere(), { uid: 'read' })
    },
  })
}

/** By name; made anew each time. */
export const SCENARIOS: Readonly<Record<string, () => JobDefinition>> = {
  windows,
  processes,
  forgetting,
  deleting,
  shards,
  joins,
  asynchronous,
  clocked,
  aggregates,
}
