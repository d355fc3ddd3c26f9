import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { boundedOutOfOrderness, count, defineJob, list, session, tumbling, value } from '../../operators/index.js'
import { collectSink, runInProcess, sourceOf } from '../../runtime/testing/index.js'

interface Item {
  readonly key: string
  readonly time: number
  readonly text?: string
}

const watermarks = boundedOutOfOrderness(0, (item: Item) => item.time)
/** The smallest rings there are, and a cache that holds next to nothing. */
const TINY = 200_000

function items(total: number, keys: number): Item[] {
  return Array.from({ length: total }, (_, i) => ({ key: `key-${(i * 7919) % keys}`, time: i }))
}

function splitsOf(all: readonly Item[], splits: number): Item[][] {
  return Array.from({ length: splits }, (_, split) => all.filter((_, i) => i % splits === split))
}

describe('little memory', () => {
  it('the final watermark fires very many windows through small rings, each once', { timeout: 60_000 }, async () => {
    const keys = 20_000
    const out = collectSink<number>()
    const late = collectSink<unknown>()
    const job = defineJob({
      name: 'many-windows',
      build(env) {
        const fired = env
          .fromSource(sourceOf(splitsOf(items(keys * 2, keys), 3)), { uid: 'items', watermarks })
          .keyBy(({ key }) => key)
          .window(tumbling('1d'))
          .aggregate(count(), (key, _window, items) => ({ key, items, padding: 'x'.repeat(100) }))
          .uid('windows')
        fired
          .keyBy(({ key }) => key.at(-1)!)
          .window(session('1s'))
          .apply<number>((_key, _window, values, out) => {
            let sum = 0
            for (const { items } of values) sum += items
            out.emit(sum)
          })
          .uid('sums')
          .sinkTo(out.sink, { uid: 'out' })
        fired.late.sinkTo(late.sink, { uid: 'late' })
      },
    })
    const result = await runInProcess(job, { parallelism: 3, memoryBytes: TINY, checkpointIntervalMs: 50 })
    expect(result.failure).toBeUndefined()
    expect(late.values()).toEqual([])
    expect(out.values().reduce((a, b) => a + b, 0)).toBe(keys * 2)
    expect(out.values()).toHaveLength(10)
  })

  it(
    'state that does not fit is spilled, checkpointed and restored at other parallelisms',
    { timeout: 60_000 },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'millrace-pressure-'))
      const keys = 5_000
      const all = items(keys * 4, keys).map((item) => ({ ...item, text: `text of ${item.key} `.repeat(10) }))
      const out = collectSink<readonly [string, number, number]>()
      const state = { count: value<number>(), texts: list<string>() }
      const job = defineJob({
        name: 'spilled',
        build(env) {
          env
            .fromSource(sourceOf(splitsOf(all, 4), { recordsPerPoll: 50, pollEveryMs: 1 }), {
              uid: 'items',
              watermarks,
            })
            .keyBy(({ key }) => key)
            .process<readonly [string, number, number], typeof state>(
              {
                state,
                onElement({ key, text }, ctx) {
                  const seen = (ctx.state.count.value() ?? 0) + 1
                  ctx.state.count.update(seen)
                  ctx.state.texts.add(text!)
                  ctx.emit([key, seen, ctx.state.texts.get().length])
                },
              },
              { uid: 'counts' },
            )
            .sinkTo(out.sink, { uid: 'out' })
        },
      })
      try {
        const statuses: string[] = []
        for (const parallelism of [3, 1, 4]) {
          const last = statuses.length === 2
          const result = await runInProcess(job, {
            parallelism,
            memoryBytes: TINY,
            checkpointDirectory: folder,
            checkpointIntervalMs: 20,
            ...(last ? {} : { onStart: (running) => void setTimeout(() => running.suspend(), 60) }),
          })
          expect(result.failure).toBeUndefined()
          statuses.push(result.status)
        }
        expect(statuses).toEqual(['SUSPENDED', 'SUSPENDED', 'FINISHED'])
        expect(out.values()).toHaveLength(all.length)
        const byKey = new Map<string, number[]>()
        for (const [key, seen, texts] of out.values()) {
          expect(texts).toBe(seen)
          byKey.set(key, [...(byKey.get(key) ?? []), seen])
        }
        expect(byKey.size).toBe(keys)
        for (const seen of byKey.values()) expect(seen.sort()).toEqual([1, 2, 3, 4])
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },
  )

  it('a record and a key larger than a ring pass through it', { timeout: 60_000 }, async () => {
    const text = '\u00fc'.repeat(400_000)
    const all = Array.from({ length: 12 }, (_, i): Item => ({
      key: i % 2 === 0 ? text : `small ${i % 4}`,
      time: i,
      text: text.slice(i),
    }))
    const out = collectSink<readonly [number, number, number]>()
    const job = defineJob({
      name: 'large',
      build(env) {
        env
          .fromSource(sourceOf(splitsOf(all, 2)), { uid: 'items', watermarks })
          .rebalance()
          .map((item) => item)
          .keyBy(({ key }) => key)
          .window(tumbling('1h'))
          .apply<readonly [number, number, number]>((key, _window, values, out) => {
            const lengths = [...values].map((item) => item.text!.length)
            out.emit([key.length, lengths.length, Math.max(...lengths)])
          })
          .uid('windows')
          .sinkTo(out.sink, { uid: 'out' })
      },
    })
    const result = await runInProcess(job, { parallelism: 3, memoryBytes: TINY, checkpointIntervalMs: 5 })
    expect(result.failure).toBeUndefined()
    expect(out.values().sort((a, b) => a[0] - b[0] || a[2] - b[2])).toEqual([
      [7, 3, 399_997],
      [7, 3, 399_999],
      [400_000, 6, 400_000],
    ])
  })
})
