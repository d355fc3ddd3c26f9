// Compile-time tests: types flow from source to sink without a cast, and wrong use does not compile.
import { z } from 'zod'
import {
  aggregator,
  boundedOutOfOrderness,
  count,
  defineJob,
  keyedProcess,
  list,
  map,
  meanOf,
  outputTag,
  p,
  record,
  session,
  sliding,
  sumOf,
  tumbling,
  unionList,
  value,
  type Decoder,
  type InvalidRecord,
  type JobDefinition,
  type KeyedStream,
  type Locator,
  type RawRecord,
  type Sink,
  type Source,
  type Stream,
} from '../../operators/index.js'

interface Reading {
  readonly id: string
  readonly speed: number
  readonly time: number
}
interface Alert {
  readonly id: string
  readonly avgSpeed: number
  readonly start: number
  readonly end: number
}
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(equal: Equal<A, B>): void

declare function streamFrom(input: readonly Locator[]): Source<RawRecord>
declare function sinkFor<T>(output: Locator): Sink<T>
declare function json<T>(check: (input: unknown) => T): Decoder<RawRecord, T>
declare const toReading: (input: unknown) => Reading
declare const numbers: Source<number>

export const wind: JobDefinition = defineJob({
  name: 'wind',
  checkpointInterval: '1s',
  params: {
    input: p.source('datagen:turbines'),
    output: p.sink('console'),
    late: p.sink().optional(),
    threshold: p.number(60),
    window: p.duration('60s'),
    format: p.oneOf(['json', 'csv'], 'json'),
    port: z.coerce.number(),
  },
  build(env, { input, output, late, threshold, window, format, port }) {
    same<typeof late, Locator | undefined>(true)
    same<typeof window, number>(true)
    same<typeof format, 'json' | 'csv'>(true)
    same<typeof port, number>(true)

    const readings = env.fromSource(streamFrom(input), {
      uid: 'readings',
      decode: json(toReading),
      timestamp: (r) => r.time,
      watermarks: boundedOutOfOrderness('5s').withIdleness('1m'),
    })
    const alerts = readings
      .keyBy((r) => r.id)
      .window(tumbling(window))
      .allowedLateness('1s')
      .aggregate(
        meanOf((r) => r.speed),
        (id, { start, end }, avgSpeed) => ({ id, start, end, avgSpeed }),
      )
      .uid('averages')
    alerts.filter((a) => a.avgSpeed > threshold).sinkTo(sinkFor<Alert>(output), { uid: 'alerts' })
    if (late !== undefined) alerts.late.sinkTo(sinkFor<Reading>(late), { uid: 'late' })
    readings.invalid.sinkTo(sinkFor<InvalidRecord>(output), { uid: 'invalid' })

    // The timestamp function may come with the watermarks, its parameter annotated.
    env.fromSource(streamFrom(input), {
      uid: 'annotated',
      decode: json(toReading),
      watermarks: boundedOutOfOrderness('5s', (r: Reading) => r.time),
    })
    env.fromSource(numbers, { uid: 'plain', watermarks: boundedOutOfOrderness('5s', (n) => n) })
    env.fromSource(numbers, { uid: 'plain', timestamp: (n) => n * 1_000 })
    // @ts-expect-error: a timestamp function for other records
    env.fromSource(streamFrom(input), {
      uid: 'wrong',
      decode: json(toReading),
      watermarks: boundedOutOfOrderness('5s', (r: { other: number }) => r.other),
    })
    // @ts-expect-error: raw records need a decoder
    env.fromSource(streamFrom(input), { uid: 'raw' })
    // @ts-expect-error: a source needs a uid
    env.fromSource(numbers, {})
    // @ts-expect-error: a sink needs a uid
    alerts.sinkTo(sinkFor<Alert>(output), {})
    // @ts-expect-error: a sink of other records
    alerts.sinkTo(sinkFor<string>(output), { uid: 'x' })
  },
})

// @ts-expect-error: a build function does not return promises
defineJob({ name: 'async', async build() {} })
// @ts-expect-error: one hour and a half is no duration
defineJob({ name: 'duration', checkpointInterval: '1h30m', build() {} })
// @ts-expect-error: the default is none of the choices
p.oneOf(['a', 'b'], 'c')

declare const readings: Stream<Reading>
declare const mixed: Stream<Reading | string>
declare const keyed: KeyedStream<string, Reading>

// Stateless functions.
same<ReturnType<typeof mapped>, Stream<{ readonly n: number }>>(true)
function mapped(): Stream<{ readonly n: number }> {
  return readings.map(({ speed }) => ({ n: speed }))
}
export const narrowed: Stream<string> = mixed.filter((x) => typeof x === 'string')
export const flattened: Stream<string> = readings.flatMap(({ id }) => [id, id])
export const emitted: Stream<string> = readings.flatMap<string>(({ id }, out) => out.emit(id))
export const both: Stream<Reading | number> = readings.union(readings.map((r) => r.speed))
// @ts-expect-error: an async predicate is always true
readings.filter(async () => true)
// @ts-expect-error: an async function does not emit in time
readings.flatMap<string>(async (_, out) => out.emit('x'))
// @ts-expect-error: a predicate gives a boolean
readings.filter((r) => r.id)
// @ts-expect-error: an object is no key
readings.keyBy((r) => ({ id: r.id }))
// @ts-expect-error: nor is undefined
readings.keyBy((r) => (r.speed > 1 ? r.id : undefined))
readings
  .keyBy((r) => [r.id, r.speed > 1])
  .process({
    onElement(_, ctx) {
      same<typeof ctx.key, (string | boolean)[]>(true)
    },
  })
// @ts-expect-error: windows need a key
readings.window
// @ts-expect-error: a union is no operator
readings.union(readings).uid
// @ts-expect-error: only windows have late records
readings.map((r) => r).late

// Windows.
export const counts: Stream<number> = keyed.window(sliding('1m', '10s')).aggregate(count())
export const sums: Stream<number> = keyed.window(session('30m')).aggregate(sumOf((r) => r.speed))
export const lateReadings: Stream<Reading> = keyed.window(tumbling('1m')).aggregate(count()).uid('x').late
export const custom: Stream<string> = keyed.window(tumbling('1m')).aggregate({
  create: () => 0,
  add: (acc, r) => acc + r.speed,
  result: (acc) => String(acc),
})
export const largest: Stream<Reading> = keyed.window(tumbling('1m')).reduce((a, b) => (a.speed > b.speed ? a : b))
export const lists: Stream<string> = keyed.window(session('1m')).apply<string>((key, { start }, values, out) => {
  for (const { id } of values) out.emit(key + id + start.toFixed())
})
const unmergeable = aggregator({
  create: () => 0,
  add: (acc: number, r: Reading) => acc + r.speed,
  result: (acc) => acc,
})
keyed.window(tumbling('1m')).aggregate(unmergeable)
// @ts-expect-error: sessions need merge
keyed.window(session('1m')).aggregate(unmergeable)
// @ts-expect-error: an aggregator of other records
keyed.window(tumbling('1m')).aggregate(sumOf((r: { other: number }) => r.other))
// @ts-expect-error: not a duration
tumbling('1 minute')
// @ts-expect-error: a reduction keeps the type
keyed.window(tumbling('1m')).reduce((a) => a.speed)

// Process functions.
const rejected = outputTag<string>('rejected')
export const passed: Stream<Reading> = keyed.process({
  state: { seen: value<boolean>(), all: list<number>(), perDay: map<string, number>() },
  onElement(r, ctx) {
    if (ctx.state.seen.value() === true) ctx.output(rejected, r.id)
    else ctx.emit(r)
    ctx.state.perDay.set(ctx.key, r.speed)
    same<ReturnType<typeof ctx.state.all.get>, readonly number[]>(true)
    // @ts-expect-error: not declared
    ctx.state.other
    // @ts-expect-error: a state of booleans
    ctx.state.seen.update(1)
    // @ts-expect-error: without `emits` it emits what it takes
    ctx.emit('x')
    // @ts-expect-error: a tag of strings
    ctx.output(rejected, 1)
  },
  onTimer(time, ctx) {
    ctx.timers.registerEventTimer(time + 1)
    same<typeof ctx.key, string>(true)
  },
})
export const inPlace: Stream<Alert> = keyed.process(
  keyedProcess({
    emits: record<Alert>(),
    state: { sum: value<number>() },
    onElement({ id }, ctx) {
      ctx.emit({ id, avgSpeed: ctx.state.sum.value() ?? 0, start: 0, end: 0 })
    },
  }),
  { uid: 'x' },
)
const state = { sum: value<number>() }
const apart = keyedProcess<string, Reading, Alert, typeof state>({
  emits: record(),
  state,
  onElement: ({ id }, ctx) => ctx.emit({ id, avgSpeed: ctx.state.sum.value() ?? 0, start: 0, end: 0 }),
})
export const fromApart: Stream<Alert> = keyed.process(apart)
export const sideRecords: Stream<string> = keyed.process(apart).uid('x').sideOutput(rejected)
keyed.process({
  // @ts-expect-error: nothing waits for an async function
  async onElement(r, ctx) {
    ctx.emit(r)
  },
})
readings.process({
  onElement(r, ctx) {
    ctx.emit(r)
    // @ts-expect-error: no timers without a key
    ctx.timers
    // @ts-expect-error: no such state
    ctx.state.seen
  },
})
readings.process({
  state: { seen: list<string>(), all: unionList<number>() },
  onElement(r, ctx) {
    ctx.state.seen.add(r.id)
    same<readonly number[], ReturnType<typeof ctx.state.all.get>>(true)
    // @ts-expect-error: a list of strings
    ctx.state.seen.add(r.speed)
  },
})
readings.process({
  // @ts-expect-error: no key, no value of it
  state: { last: value<number>() },
  onElement: (r, ctx) => ctx.emit(r),
})
keyed.process({
  // @ts-expect-error: of a subtask, not of a key
  state: { all: unionList<number>() },
  onElement: (r, ctx) => ctx.emit(r),
})

// Two streams.
declare const names: Stream<{ readonly id: string; readonly name: string }>
export const joined: Stream<string> = readings
  .join(names)
  .where((r) => r.id)
  .equalTo((n) => n.id)
  .window(tumbling('1m'))
  .apply((r, n) => n.name + r.speed.toFixed())
export const grouped: Stream<number> = readings
  .coGroup(names)
  .where((r) => r.id)
  .equalTo((n) => n.id)
  .window(session('1m'))
  .allowedLateness('1s')
  .apply<number>((left, right, out) => out.emit([...left].length + [...right].length))
readings
  .join(names)
  .where((r) => r.speed)
  // @ts-expect-error: keys of different types are never equal
  .equalTo((n) => n.id)
export const connected: Stream<Reading> = keyed.connect(names.keyBy((n) => n.id)).process({
  state: { name: value<string>() },
  onElement1: (r, ctx) => ctx.emit(r),
  onElement2: (n, ctx) => ctx.state.name.update(n.name),
})
const limits = names.broadcast({ limits: map<string, number>() })
export const limited: Stream<Alert> = keyed.connect(limits).process({
  emits: record<Alert>(),
  state: { alerts: value<number>() },
  onElement(r, ctx) {
    same<number | undefined, ReturnType<typeof ctx.broadcast.limits.get>>(true)
    same<string, typeof ctx.key>(true)
    ctx.state.alerts.update((ctx.state.alerts.value() ?? 0) + 1)
    // @ts-expect-error: written where broadcast records come in only
    ctx.broadcast.limits.set
  },
  onBroadcast(n, ctx) {
    ctx.broadcast.limits.set(n.id, n.name.length)
    // @ts-expect-error: a broadcast record has no key
    ctx.state.alerts
  },
})
export const unkeyedLimited: Stream<Reading> = readings.connect(limits).process({
  state: { seen: list<string>() },
  onElement: (r, ctx) => {
    ctx.state.seen.add(r.id)
    if (r.speed < (ctx.broadcast.limits.get(r.id) ?? 0)) ctx.emit(r)
  },
  onBroadcast: (n, ctx) => ctx.broadcast.limits.set(n.id, n.name.length),
})
// @ts-expect-error: what is broadcast is a map
names.broadcast({ limits: value<number>() })
// @ts-expect-error: keys of different types share no state
keyed.connect(readings.keyBy((r) => r.speed))
