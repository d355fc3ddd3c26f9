import { describe, expect, it } from 'vitest'
import {
  boundedOutOfOrderness,
  defineJob,
  keyedCoProcess,
  list,
  session,
  sliding,
  tumbling,
  type Key,
  type WindowAssigner,
} from '../../operators/index.js'
import { collectSink, runInProcess, sourceOf } from '../../runtime/testing/index.js'
import { coGroupWindows, joinWindows } from '../oracles/joins.js'
import { groupByKey } from '../oracles/keys.js'
import { randomSource, type RandomSource } from '../oracles/random-source.js'
import { boundOf, randomStream, recordsOf, type RandomStreamOptions } from '../oracles/random-stream.js'
import type { Windowing } from '../oracles/windows.js'
import { shortKey, streamOf, type StreamRecord } from './window-runs.js'

const STREAMS = Number(process.env['MILLRACE_STREAMS'] ?? 150)
const FIRST_SEED = Number(process.env['MILLRACE_SEED'] ?? 1)

interface Pair {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly left: readonly number[]
  readonly right: readonly number[]
}

const ids = (records: Iterable<StreamRecord>): number[] =>
  [...records].map(({ value }) => value.id).sort((a, b) => a - b)
const texts = (pairs: readonly Pair[]): string[] =>
  pairs
    .map(({ key, start, end, left, right }) =>
      JSON.stringify([key, start, end, [...left].sort((a, b) => a - b), [...right].sort((a, b) => a - b)]),
    )
    .sort()

/** Two streams with the same keys and about the same times, none of their records late. */
function twoStreams(seed: number): { options: RandomStreamOptions; left: StreamRecord[]; right: StreamRecord[] } {
  const { options, records } = streamOf(seed, { lateChance: 0, slackMs: 1 })
  const right = randomStream(seed + 1_000_000, { ...options, records: Math.ceil(options.records / 2) })
  return { options, left: records, right: recordsOf(right.arrivals) }
}

function split(random: RandomSource, records: readonly StreamRecord[]): StreamRecord[][] {
  const splits: StreamRecord[][] = Array.from({ length: random.between(1, 4) }, () => [])
  for (const record of records) random.pick(splits).push(record)
  return splits
}

async function joinBoth(seed: number): Promise<void> {
  const random = randomSource(seed)
  const { options, left, right } = twoStreams(seed)
  const windowing: Windowing = random.pick<Windowing>([
    { kind: 'tumbling', sizeMs: options.edgeMs },
    { kind: 'sliding', sizeMs: options.edgeMs * 2, slideMs: Math.ceil(options.edgeMs / 2) },
    { kind: 'session', gapMs: options.edgeMs },
  ])
  const [leftSplits, rightSplits] = [split(random, left), split(random, right)]
  const parallelism = random.between(1, 4)
  const recordsPerPoll = random.pick([1, 5, 512])
  const [joined, grouped, met] = [collectSink<Pair>(), collectSink<Pair>(), collectSink<Pair>()]
  const job = defineJob({
    name: 'joins',
    build(env) {
      const watermarks = boundedOutOfOrderness(boundOf(options), (record: StreamRecord) => record.time)
      const keyOf = (record: StreamRecord): Key => record.key
      const a = env.fromSource(sourceOf(leftSplits, { recordsPerPoll }), { uid: 'left', watermarks })
      const b = env.fromSource(sourceOf(rightSplits, { recordsPerPoll }), { uid: 'right', watermarks })
      a.join(b)
        .where(keyOf)
        .equalTo(keyOf)
        .window(assignerOf(windowing))
        .apply((left, right, key, { start, end }): Pair => ({
          key: shortKey(key),
          start,
          end,
          left: ids([left]),
          right: ids([right]),
        }))
        .uid('join')
        .sinkTo(joined.sink, { uid: 'joined' })
      a.coGroup(b)
        .where(keyOf)
        .equalTo(keyOf)
        .window(assignerOf(windowing))
        .apply<Pair>((left, right, out, key, { start, end }) =>
          out.emit({ key: shortKey(key), start, end, left: ids(left), right: ids(right) }),
        )
        .uid('group')
        .sinkTo(grouped.sink, { uid: 'grouped' })
      a.keyBy(keyOf)
        .connect(b.keyBy(keyOf))
        .process<Pair, typeof meetingState>(meeting, { uid: 'meet' })
        .sinkTo(met.sink, { uid: 'met' })
    },
  })
  const result = await runInProcess(job, { parallelism })
  const message = `seed ${seed} ${windowing.kind} parallelism ${parallelism} splits ${leftSplits.length}+${rightSplits.length}`
  expect(result.failure, message).toBeUndefined()
  const pair = (id: { id: number }): number[] => [id.id]
  const pairs = joinWindows(left, right, windowing).map((p) => ({
    ...p,
    key: shortKey(p.key),
    left: pair(p.left),
    right: pair(p.right),
  }))
  const groups = coGroupWindows(left, right, windowing).map((g) => ({
    ...g,
    key: shortKey(g.key),
    left: g.left.map(({ id }) => id),
    right: g.right.map(({ id }) => id),
  }))
  expect(texts(joined.values()), message).toEqual(texts(pairs))
  expect(texts(grouped.values()), message).toEqual(texts(groups))
  expect(texts(met.values()), message).toEqual(texts(allByKey(left, right)))
}

const END_OF_ALL = 4_000_000_000_000
const meetingState = { left: list<number>(), right: list<number>() }

/** Keeps both streams of a key and emits them when all has come. */
const meeting = keyedCoProcess<Key, StreamRecord, StreamRecord, Pair, typeof meetingState>({
  state: meetingState,
  onElement1(record, ctx) {
    ctx.state.left.add(record.value.id)
    ctx.timers.registerEventTimer(END_OF_ALL)
  },
  onElement2(record, ctx) {
    ctx.state.right.add(record.value.id)
    ctx.timers.registerEventTimer(END_OF_ALL)
  },
  onTimer(_time, ctx) {
    const key = shortKey(ctx.key)
    ctx.emit({ key, start: 0, end: 0, left: ctx.state.left.get(), right: ctx.state.right.get() })
  },
})

function allByKey(left: readonly StreamRecord[], right: readonly StreamRecord[]): Pair[] {
  const sided = [
    ...left.map((record) => ({ ...record, side: 'left' })),
    ...right.map((record) => ({ ...record, side: 'right' })),
  ]
  return groupByKey(sided).map((group) => ({
    key: shortKey(group[0]!.key),
    start: 0,
    end: 0,
    left: ids(group.filter(({ side }) => side === 'left')),
    right: ids(group.filter(({ side }) => side === 'right')),
  }))
}

function assignerOf(windowing: Windowing): WindowAssigner {
  switch (windowing.kind) {
    case 'tumbling':
      return tumbling(windowing.sizeMs)
    case 'sliding':
      return sliding(windowing.sizeMs, windowing.slideMs)
    case 'session':
      return session(windowing.gapMs)
  }
}

describe('two random streams', () => {
  for (let shard = 0; shard < 5; shard++) {
    it(
      `join, co-group and meet in a process function as the oracle says, ${shard + 1}/5`,
      { timeout: 120_000 },
      async () => {
        for (let seed = FIRST_SEED + shard; seed < FIRST_SEED + STREAMS; seed += 5) await joinBoth(seed)
      },
    )
  }
})
