// One job with every kind of window on one random stream, and what the oracle says that each of them makes of it.
import {
  aggregator,
  boundedOutOfOrderness,
  defineJob,
  session,
  sliding,
  tumbling,
  type JobDefinition,
  type Key,
  type KeyedStream,
  type Source,
  type WindowAssigner,
} from '../../operators/index.js'
import { collectSink, sourceOf, type CollectSink } from '../../runtime/testing/index.js'
import type { Arrival, ArrivalOutcome } from '../oracles/arrivals.js'
import { windowArrivals } from '../oracles/arrivals.js'
import { keyText, type OracleKey } from '../oracles/keys.js'
import {
  boundOf,
  randomStream,
  recordsOf,
  type RandomStreamOptions,
  type RandomValue,
} from '../oracles/random-stream.js'
import type { KeyedRecord, Windowing } from '../oracles/windows.js'

export type StreamRecord = KeyedRecord<OracleKey, RandomValue>

/**
 * A random stream's records, with hostile keys but for the one of 80,000 bytes: hundreds of those in each of many windows take minutes, so
 * they have a test of their own.
 */
export function streamOf(
  seed: number,
  overrides: Partial<RandomStreamOptions> = {},
): { options: RandomStreamOptions; records: StreamRecord[] } {
  const { keys } = randomStream(seed).options
  const short = keys.map((key) => (typeof key === 'string' && key.length > 1_000 ? key.slice(0, 1_000) : key))
  const { options, arrivals } = randomStream(seed, { keys: short, ...overrides })
  return { options, records: recordsOf(arrivals) }
}

/** A key as text; a long one, which is unlike all others in its length, cut short: results are compared by the thousand. */
export function shortKey(key: OracleKey): string {
  const text = keyText(key)
  return text.length < 64 ? text : `${text.slice(0, 32)}...${text.length}`
}

/** A window's result, to be compared: key as text, ids of the records in it. */
export interface Fired {
  readonly key: string
  readonly start: number
  readonly end: number
  readonly ids: readonly number[]
}

export interface WindowUse {
  readonly uid: string
  readonly windowing: Windowing
  /** `list`: a window function; `merge`: a mergeable accumulator (sliding ones share slices); `reduce`: a reduced record. */
  readonly by: 'list' | 'merge' | 'reduce'
}

/** The results and late records of one operator of the job. */
export interface WindowOutput {
  readonly use: WindowUse
  readonly fired: CollectSink<Fired>
  readonly late: CollectSink<StreamRecord>
}

/** Each windowing in each way of keeping its contents. */
export function windowUses(windowings: readonly Windowing[]): WindowUse[] {
  return windowings.flatMap((windowing, i) =>
    (['list', 'merge', 'reduce'] as const).map((by) => ({ uid: `${windowing.kind}-${i}-${by}`, windowing, by })),
  )
}

/** Reads the splits and windows them in all those ways. */
export function windowJob(
  splits: readonly (readonly StreamRecord[])[],
  uses: readonly WindowUse[],
  options: { boundMs: number; latenessMs: number; recordsPerPoll: number },
): { job: JobDefinition; outputs: WindowOutput[] } {
  const outputs = uses.map((use) => ({ use, fired: collectSink<Fired>(), late: collectSink<StreamRecord>() }))
  const job = defineJob({
    name: 'windows',
    build(env) {
      const records = env.fromSource(inPolls(splits, options.recordsPerPoll), {
        uid: 'records',
        watermarks: boundedOutOfOrderness(options.boundMs, (record: StreamRecord) => record.time),
      })
      const keyed = records.keyBy((record) => record.key)
      for (const { use, fired, late } of outputs) {
        const results = windowed(keyed, use, options.latenessMs)
        results.sinkTo(fired.sink, { uid: `${use.uid}-out` })
        results.late.sinkTo(late.sink, { uid: `${use.uid}-late` })
      }
    },
  })
  return { job, outputs }
}

const idsOf = aggregator<StreamRecord, number[], number[]>({
  name: 'ids',
  create: () => [],
  add: (ids, { value }) => {
    ids.push(value.id)
    return ids
  },
  merge: (a, b) => {
    a.push(...b)
    return a
  },
  result: (ids) => [...ids],
})

function windowed(keyed: KeyedStream<Key, StreamRecord>, { uid, windowing, by }: WindowUse, latenessMs: number) {
  const windows = keyed.window(assignerOf(windowing) as never).allowedLateness(latenessMs)
  const fired = (key: Key, { start, end }: { start: number; end: number }, ids: readonly number[]): Fired => ({
    key: shortKey(key),
    start,
    end,
    ids: [...ids],
  })
  switch (by) {
    case 'list':
      return windows
        .apply<Fired>((key, window, values, out) =>
          out.emit(
            fired(
              key,
              window,
              [...values].map(({ value }) => value.id),
            ),
          ),
        )
        .uid(uid)
    case 'merge':
      return windows.aggregate(idsOf, fired).uid(uid)
    case 'reduce':
      return windows
        .reduce(
          (a, b) => (a.value.id < b.value.id ? b : a),
          (key, window, { value }) => fired(key, window, [value.id]),
        )
        .uid(uid)
  }
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

/**
 * A source of which each poll hands over just so many records, whatever the engine asks for: behind each poll there is a watermark, and
 * the oracle has to know where.
 */
export function inPolls<T>(splits: readonly (readonly T[])[], records: number): Source<T> {
  const source = sourceOf(splits, { recordsPerPoll: records })
  return {
    ...source,
    createReader: (ctx) => {
      const reader = source.createReader(ctx)
      return {
        openSplit: async (split) => {
          const inner = await reader.openSplit(split as never)
          return {
            poll: (out) => inner.poll(out, records),
            available: () => inner.available(),
            position: () => inner.position(),
          }
        },
      }
    },
  }
}

/** The arrivals as a single split makes them that is read `recordsPerPoll` at once: a watermark behind each poll. */
export function arrivalsOf(
  records: readonly StreamRecord[],
  options: RandomStreamOptions,
  recordsPerPoll: number,
): Arrival<OracleKey, RandomValue>[] {
  const arrivals: Arrival<OracleKey, RandomValue>[] = []
  let greatest = -Infinity
  for (const [i, record] of records.entries()) {
    arrivals.push({ kind: 'record', record })
    greatest = Math.max(greatest, record.time)
    if (i + 1 === records.length) arrivals.push({ kind: 'watermark', time: Infinity })
    else if ((i + 1) % recordsPerPoll === 0) arrivals.push({ kind: 'watermark', time: greatest - boundOf(options) - 1 })
  }
  return arrivals
}

/**
 * What the operator fires, in the order of firing within each key, and for sliding windows within each window: one late record fires
 * several of them again, in an order that means nothing.
 */
export function inOrder(fired: readonly Fired[], { windowing }: WindowUse): Record<string, Fired[]> {
  const groups: Record<string, Fired[]> = {}
  for (const result of fired) {
    const window = windowing.kind === 'sliding' ? result.start : ''
    ;(groups[`${window} of ${result.key}`] ??= []).push(result)
  }
  return groups
}

/** The oracle's firings as the job's results show them. */
export function expectedFired(outcome: ArrivalOutcome<OracleKey, RandomValue>, by: WindowUse['by']): Fired[] {
  return outcome.firings.map(({ key, start, end, values }) => {
    const ids = values.map(({ id }) => id)
    return { key: shortKey(key), start, end, ids: by === 'reduce' ? [Math.max(...ids)] : ids }
  })
}

/** The oracle's answer for one use. */
export function expectedOutcome(
  arrivals: readonly Arrival<OracleKey, RandomValue>[],
  use: WindowUse,
  latenessMs: number,
): ArrivalOutcome<OracleKey, RandomValue> {
  return windowArrivals(arrivals, use.windowing, latenessMs)
}
