// A stream that is resharded again and again, and a job that notices what comes late, twice, not at all or in another order.
import { boundedOutOfOrderness, count, defineJob, tumbling, value, type JobDefinition } from '../../operators/index.js'
import { collectSink, sourceOfShards, type CollectSink, type Shard } from '../../runtime/testing/index.js'
import type { RandomSource } from '../oracles/random-source.js'

export interface Reading {
  readonly key: number
  /** Of its key: 1, 2, 3... */
  readonly number: number
  readonly time: number
}

const KEYS = 24
const DISORDER_MS = 40
const EPOCH_MS = 1000

interface Range {
  readonly id: string
  readonly from: number
  readonly to: number
  readonly records: Reading[]
}

/** Shards that hold ranges of keys and are split and merged between epochs; every key is in one of them at any time. */
export function randomShards(random: RandomSource, epochs: number): Shard<Reading>[] {
  const shards: Shard<Reading>[] = []
  const numbers = new Array<number>(KEYS).fill(0)
  let names = 0
  const open = (from: number, to: number, parents: readonly Range[]): Range => {
    const range = { id: `shard-${names++}`, from, to, records: [] }
    shards.push({ id: range.id, parents: parents.map(({ id }) => id), records: range.records })
    return range
  }
  let live = [open(0, KEYS / 2, []), open(KEYS / 2, KEYS, [])]
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const { from, to, records } of live) {
      const each = random.between(0, 40)
      for (let i = 0; i < each; i++) {
        const key = random.between(from, to - 1)
        const time = epoch * EPOCH_MS + Math.floor((i * EPOCH_MS) / 40) + random.below(DISORDER_MS)
        records.push({ key, number: ++numbers[key]!, time })
      }
    }
    live = reshard(live, random, open)
  }
  return shards
}

function reshard(
  live: readonly Range[],
  random: RandomSource,
  open: (from: number, to: number, parents: readonly Range[]) => Range,
): Range[] {
  const next: Range[] = []
  for (let i = 0; i < live.length; i++) {
    const range = live[i]!
    const neighbour = live[i + 1]
    if (random.chance(0.4) && range.to - range.from > 1) {
      const middle = random.between(range.from + 1, range.to - 1)
      next.push(open(range.from, middle, [range]), open(middle, range.to, [range]))
    } else if (random.chance(0.4) && neighbour !== undefined) {
      next.push(open(range.from, neighbour.to, [range, neighbour]))
      i++
    } else next.push(range)
  }
  return next
}

export interface ReshardJob {
  readonly job: JobDefinition
  /** `[key, number]` in the order in which each key's records came. */
  readonly order: CollectSink<readonly [number, number]>
  readonly late: CollectSink<Reading>
  /** `[key, start, records]` of each window. */
  readonly windows: CollectSink<readonly [number, number, number]>
}

/** `fault` is called for each record between source and windows. */
export function reshardJob(
  shards: readonly Shard<Reading>[],
  random: RandomSource,
  fault: (reading: Reading) => void = () => undefined,
): ReshardJob {
  const order = collectSink<readonly [number, number]>()
  const late = collectSink<Reading>()
  const windows = collectSink<readonly [number, number, number]>()
  const pace = new Map(shards.map(({ id }) => [id, { most: random.between(1, 20), pause: random.pick([0, 0, 1, 3]) }]))
  const places = new Map(shards.map(({ id }) => [id, random.below(1000)]))
  const source = sourceOfShards(shards, {
    recordsPerPoll: (id) => pace.get(id)!.most,
    pollEveryMs: (id) => pace.get(id)!.pause,
    subtaskOf: (id, parallelism) => places.get(id)! % parallelism,
  })
  const state = { last: value<number>() }
  const job = defineJob({
    name: 'reshard',
    build(env) {
      const keyed = env
        .fromSource(source, { uid: 'readings', watermarks: boundedOutOfOrderness(DISORDER_MS, (r: Reading) => r.time) })
        .map((reading) => {
          fault(reading)
          return reading
        })
        .keyBy(({ key }) => key)
      const counts = keyed
        .window(tumbling(100))
        .aggregate(count(), (key, { start }, records) => [key, start, records] as const)
        .uid('windows')
      counts.sinkTo(windows.sink, { uid: 'counts' })
      counts.late.sinkTo(late.sink, { uid: 'late' })
      keyed
        .process<readonly [number, number], typeof state>(
          {
            state,
            onElement({ key, number }, ctx) {
              const due = (ctx.state.last.value() ?? 0) + 1
              if (number !== due) throw new Error(`number ${number} of key ${key} came where ${due} was due`)
              ctx.state.last.update(number)
              ctx.emit([key, number])
            },
          },
          { uid: 'order' },
        )
        .sinkTo(order.sink, { uid: 'ordered' })
    },
  })
  return { job, order, late, windows }
}

/** What it must come to, sorted. */
export function expectedOf(shards: readonly Shard<Reading>[]): { order: string[]; windows: string[] } {
  const windows = new Map<string, number>()
  const all = shards.flatMap(({ records }) => records)
  for (const { key, time } of all) {
    const window = `${key},${Math.floor(time / 100) * 100}`
    windows.set(window, (windows.get(window) ?? 0) + 1)
  }
  return {
    order: all.map(({ key, number }) => `${key},${number}`).sort(),
    windows: [...windows].map(([window, records]) => `${window},${records}`).sort(),
  }
}

export function textsOf(sink: CollectSink<readonly unknown[]>): string[] {
  return sink
    .values()
    .map((line) => line.join(','))
    .sort()
}
