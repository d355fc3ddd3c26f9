import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { boundedOutOfOrderness, count, defineJob, tumbling, type JobDefinition } from '../../operators/index.js'
import { collectSink, controlledSource, runInProcess, sourceOf } from '../../runtime/testing/index.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-lifecycle-'))
})
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))

const byTime = boundedOutOfOrderness(0, (n: number) => n)

describe('a job', () => {
  for (const parallelism of [1, 3]) {
    it(`without any record finishes, at parallelism ${parallelism}`, async () => {
      const out = collectSink<number>()
      const job = defineJob({
        name: 'nothing',
        build(env) {
          env
            .fromSource(sourceOf<number>([]), { uid: 'source', watermarks: byTime })
            .keyBy((n) => n)
            .window(tumbling('1s'))
            .aggregate(count())
            .uid('windows')
            .sinkTo(out.sink, { uid: 'out' })
        },
      })
      const result = await runInProcess(job, { parallelism })
      expect(result).toMatchObject({ status: 'FINISHED', checkpoints: 1 })
      expect(out.values()).toEqual([])
    })
  }

  it('that is suspended before it runs takes its checkpoint and goes on later', async () => {
    const out = collectSink<number>()
    const job = defineJob({
      name: 'suspended',
      build(env) {
        env.fromSource(sourceOf([[1, 2, 3]]), { uid: 'source' }).sinkTo(out.sink, { uid: 'out' })
      },
    })
    const options = { parallelism: 2, checkpointDirectory: folder }
    const first = await runInProcess(job, { ...options, onStart: (running) => running.suspend() })
    expect(first.status).toBe('SUSPENDED')
    const second = await runInProcess(job, options)
    expect(second.status).toBe('FINISHED')
    expect(second.restoredFrom).toBeDefined()
    expect(out.values()).toEqual([1, 2, 3])
  })

  for (const parallelism of [1, 2]) {
    it(`is suspended between two windows that one watermark fires, at parallelism ${parallelism}`, async () => {
      const keys = 30_000
      const out = collectSink<number>()
      let fired = 0
      let suspend = (): void => {}
      const job = defineJob({
        name: 'many-windows',
        build(env) {
          env
            .fromSource(sourceOf([Array.from({ length: keys }, (_, n) => n)]), { uid: 'source', watermarks: byTime })
            .keyBy((n) => n)
            .window(tumbling('1h'))
            .aggregate(count(), (key) => key)
            .uid('windows')
            .map((key) => {
              if (++fired === 2_000) suspend()
              return key
            })
            .sinkTo(out.sink, { uid: 'out' })
        },
      })
      const options = { parallelism, checkpointDirectory: folder }
      const first = await runInProcess(job, { ...options, onStart: (running) => (suspend = () => running.suspend()) })
      expect(first.status).toBe('SUSPENDED')
      expect(out.values().length).toBeGreaterThan(0)
      expect(out.values().length).toBeLessThan(keys)
      const second = await runInProcess(job, { ...options, parallelism: 3 - parallelism })
      expect(second.status).toBe('FINISHED')
      expect([...out.values()].sort((a, b) => a - b)).toEqual(Array.from({ length: keys }, (_, n) => n))
    })
  }

  it('whose operators open and finish once a subtask, finished ones not again after a restore', async () => {
    const said = collectSink<string>()
    const short = controlledSource<number>(2)
    const opened: string[] = []
    const job: JobDefinition = defineJob({
      name: 'finishing',
      build(env) {
        env
          .fromSource(short.source, { uid: 'source', watermarks: byTime })
          .process<string>({
            open: async (ctx) => {
              await Promise.resolve()
              opened.push(`open ${ctx.subtask} of ${ctx.parallelism}`)
            },
            onElement: (n, ctx) => ctx.emit(`${n}`),
            finish: async (ctx) => {
              await Promise.resolve()
              ctx.emit(`finish ${ctx.subtask}`)
            },
          })
          .uid('process')
          .sinkTo(said.sink, { uid: 'said' })
      },
    })
    const options = { parallelism: 2, checkpointDirectory: folder, checkpointIntervalMs: 5 }
    let suspend = (): void => undefined
    const running = runInProcess(job, { ...options, onStart: (run) => (suspend = () => run.suspend()) })
    short.push(0, 1)
    short.end(0)
    short.push(1, 2)
    const eventually = { timeout: 15_000 }
    await expect.poll(() => said.values().sort(), eventually).toEqual(['1', '2', 'finish 0'])
    suspend()
    expect((await running).status).toBe('SUSPENDED')
    short.push(1, 3)
    short.end(1)
    expect((await runInProcess(job, options)).status).toBe('FINISHED')
    expect(said.values().sort()).toEqual(['1', '2', '3', 'finish 0', 'finish 1'])
    expect(opened.sort()).toEqual(['open 0 of 2', 'open 0 of 2', 'open 1 of 2', 'open 1 of 2'])
  })

  it('emits after the last window what its operators say at the end', async () => {
    const out = collectSink<string>()
    const job = defineJob({
      name: 'last-words',
      build(env) {
        env
          .fromSource(sourceOf([[1, 2, 3]]), { uid: 'source', watermarks: byTime })
          .keyBy(() => 'all')
          .window(tumbling('1s'))
          .aggregate(count())
          .uid('windows')
          .process<string>({
            onElement: (n, ctx) => ctx.emit(`${n} records`),
            finish: (ctx) => ctx.emit('over'),
          })
          .sinkTo(out.sink, { uid: 'out' })
      },
    })
    expect((await runInProcess(job)).failure).toBeUndefined()
    expect(out.values()).toEqual(['3 records', 'over'])
  })
})

describe('records', () => {
  it('that are broadcast reach each subtask, those that are rebalanced all of them in turn', async () => {
    const parallelism = 3
    const [all, some, both] = [collectSink<string>(), collectSink<string>(), collectSink<string>()]
    const numbers = Array.from({ length: 30 }, (_, i) => i)
    const job = defineJob({
      name: 'partitions',
      build(env) {
        const source = env.fromSource(sourceOf([numbers]), { uid: 'source' })
        const told = env.fromSource(sourceOf([['x'], ['y']]), { uid: 'told' })
        const here = {
          onElement: (n: number, ctx: { subtask: number; emit(text: string): void }) =>
            ctx.emit(`${ctx.subtask}: ${n}`),
        }
        source.broadcast().process<string>(here).sinkTo(all.sink, { uid: 'all' })
        source.rebalance().process<string>(here).sinkTo(some.sink, { uid: 'some' })
        source
          .rebalance()
          .connect(told.broadcast())
          .process<string>({
            onElement1: () => undefined,
            onElement2: (text, ctx) => ctx.emit(`${ctx.subtask}: ${text}`),
          })
          .sinkTo(both.sink, { uid: 'both' })
      },
    })
    expect((await runInProcess(job, { parallelism })).status).toBe('FINISHED')
    const each = (values: readonly (string | number)[]): string[] =>
      [0, 1, 2].flatMap((subtask) => values.map((value) => `${subtask}: ${value}`)).sort()
    expect(all.values().sort()).toEqual(each(numbers))
    expect(both.values().sort()).toEqual(each(['x', 'y']))
    expect(some.values()).toHaveLength(30)
    expect(new Set(some.values().map((text) => text.split(': ')[1])).size).toBe(30)
    for (const subtask of [0, 1, 2])
      expect(some.values().filter((text) => text.startsWith(`${subtask}:`))).toHaveLength(10)
  })
})
