import { describe, expect, it } from 'vitest'
import {
  boundedOutOfOrderness,
  defineJob,
  tumbling,
  value,
  type JobDefinition,
  type Sink,
  type Source,
} from '../../operators/index.js'
import type { SinkCommitter, SinkWriter } from '../../runtime/contract/sink.js'
import type { SplitEnumerator, SplitReader } from '../../runtime/contract/source.js'
import { collectSink, runInProcess, sourceOf } from '../../runtime/testing/index.js'

const numbers = Array.from({ length: 2_000 }, (_, i) => i)

/** Where the job below fails. */
interface Faults {
  readonly enumerator?: Partial<SplitEnumerator<never, null>>
  readonly split?: Partial<SplitReader<number, never>>
  readonly openSplit?: () => never
  readonly decode?: (n: number) => number
  readonly timestamp?: (n: number) => number
  readonly map?: (n: number) => unknown
  readonly key?: (n: unknown) => string
  readonly open?: () => void | Promise<void>
  readonly onElement?: (n: unknown) => void
  readonly onTimer?: () => void
  readonly finish?: () => void | Promise<void>
  readonly window?: () => void
  readonly createWriter?: () => never
  readonly writer?: Partial<SinkWriter<unknown, never>>
  readonly committer?: Partial<SinkCommitter<never>>
}

const no = (): never => {
  throw new Error('no')
}

function failing(faults: Faults): JobDefinition {
  const arrays = sourceOf([numbers, numbers], { recordsPerPoll: 100, pollEveryMs: 2 })
  const source = {
    ...arrays,
    createEnumerator: (ctx: never) => ({ ...arrays.createEnumerator(ctx), ...faults.enumerator }),
    createReader: (ctx: never) => {
      const reader = arrays.createReader(ctx)
      return {
        openSplit: (split: never) => {
          faults.openSplit?.()
          const inner = reader.openSplit(split) as SplitReader<number, never>
          return {
            poll: inner.poll.bind(inner),
            available: inner.available.bind(inner),
            position: inner.position.bind(inner),
            ...faults.split,
          }
        },
      }
    },
  } as unknown as Source<number>
  const collected = collectSink<unknown>().sink as Sink<unknown, never>
  const sink: Sink<unknown, never> = {
    ...collected,
    createWriter: async (ctx) => {
      faults.createWriter?.()
      const writer = await collected.createWriter(ctx)
      return { ...writer, ...faults.writer }
    },
    createCommitter: (ctx) => ({ ...collected.createCommitter!(ctx), ...faults.committer }),
  }
  const windows = collectSink<number>()
  const state = { last: value<number>() }
  return defineJob({
    name: 'failing',
    build(env) {
      const keyed = env
        .fromSource<number, number>(source, {
          uid: 'source',
          decode: { decode: (n, out) => out.emit(faults.decode?.(n) ?? n) },
          watermarks: boundedOutOfOrderness(0, faults.timestamp ?? ((n) => n)),
        })
        .map<unknown>(faults.map ?? ((n) => n))
        .uid('map')
        .keyBy(faults.key ?? ((n) => `k${(n as number) % 10}`))
      keyed
        .process<unknown, typeof state>(
          {
            state,
            open: () => faults.open?.(),
            onElement(n, ctx) {
              faults.onElement?.(n)
              ctx.timers.registerEventTimer(1_000)
              ctx.emit(n)
            },
            onTimer: () => faults.onTimer?.(),
            finish: () => faults.finish?.(),
          },
          { uid: 'process' },
        )
        .sinkTo(sink, { uid: 'sink' })
      keyed
        .window(tumbling(100))
        .apply<number>((_key, _window, values, out) => {
          faults.window?.()
          out.emit([...values].length)
        })
        .uid('window')
        .sinkTo(windows.sink, { uid: 'windows' })
    },
  })
}

const snapshots = { snapshotState: no }
const completions = { checkpointComplete: no }

const cases: readonly [what: string, faults: Faults, uid: string | undefined, code?: string][] = [
  ['an enumerator that cannot start', { enumerator: { start: () => Promise.reject(new Error('no')) } }, 'source'],
  ['an enumerator that has no state', { enumerator: snapshots }, 'source'],
  ['an enumerator that fails at a complete checkpoint', { enumerator: completions }, 'source'],
  ['a split that cannot be opened', { openSplit: no }, 'source'],
  ['a split that cannot be read', { split: { poll: no } }, 'source'],
  [
    'a split that never becomes available',
    { split: { poll: () => 'wait', available: () => Promise.reject(new Error('no')) } },
    'source',
  ],
  ['a split without a position', { split: { position: no } }, 'source'],
  ['a decoder that throws', { decode: no }, 'source'],
  ['a timestamp function that throws', { timestamp: no }, 'source'],
  ['a timestamp that is no number', { timestamp: () => NaN }, 'source'],
  ['a timestamp that is no whole number, in a window', { timestamp: (n) => n + 0.5 }, 'window', 'MILLRACE_VALUE'],
  ['a map that throws', { map: no }, 'map'],
  ['a map that returns a promise', { map: () => Promise.resolve(1) }, 'map', 'MILLRACE_PROMISE'],
  ['a key function that throws', { key: no }, 'process'],
  ['a key that is none', { key: () => ({}) as string }, 'process', 'MILLRACE_KEY'],
  [
    'a record that cannot cross threads',
    { map: (n) => (n === 1_500 ? () => n : n), key: () => 'k' },
    undefined,
    'MILLRACE_VALUE',
  ],
  ['an open that throws', { open: no }, 'process'],
  ['an open that rejects', { open: () => Promise.reject(new Error('no')) }, 'process'],
  ['a process function that throws', { onElement: (n) => (n === 700 ? no() : undefined) }, 'process'],
  ['a timer function that throws', { onTimer: no }, 'process'],
  ['a finish that throws', { finish: no }, 'process'],
  ['a finish that rejects', { finish: () => Promise.reject(new Error('no')) }, 'process'],
  ['a window function that throws', { window: no }, 'window'],
  ['a writer that cannot be made', { createWriter: no }, 'sink'],
  ['a write that throws', { writer: { write: no } }, 'sink'],
  ['a flush that rejects', { writer: { flush: () => Promise.reject(new Error('no')) } }, 'sink'],
  ['a writer that stays busy with an error', { writer: { busy: () => Promise.reject(new Error('no')) } }, 'sink'],
  [
    'a commit that rejects',
    { committer: { commit: () => Promise.reject(new Error('no')) } },
    'sink',
    'MILLRACE_OUTPUT',
  ],
  [
    'a recovery that rejects',
    { committer: { recover: () => Promise.reject(new Error('no')) } },
    'sink',
    'MILLRACE_OUTPUT',
  ],
]

describe('a job fails, and says where, with', () => {
  for (const [what, faults, uid, code = 'MILLRACE_USER'] of cases) {
    for (const parallelism of [1, 3]) {
      // A single slot has no thread to cross to.
      if (what.includes('threads') && parallelism === 1) continue
      it(`${what}, at parallelism ${parallelism}`, async () => {
        const result = await runInProcess(failing(faults), { parallelism, checkpointIntervalMs: 2 })
        expect(result.status).toBe('FAILED')
        expect(result.failure!.error.code, result.failure!.error.message).toBe(code)
        if (uid !== undefined) expect(result.failure!.uid).toBe(uid)
      })
    }
  }
})
