import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineJob, MillraceError, type JobDefinition, type Sink, type Source } from '../../operators/index.js'
import type { CheckContext } from '../../runtime/contract/check.js'
import type { EnumeratorContext, ReaderContext } from '../../runtime/contract/source.js'
import {
  collectSink,
  runInProcess,
  sourceOf,
  type ArraySplit,
  type InProcessOptions,
} from '../../runtime/testing/index.js'
import { systemClock } from '../../runtime/worker/system-clock.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-contexts-'))
})
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))

interface Watched {
  readonly job: JobDefinition
  readonly enumerators: EnumeratorContext<ArraySplit>[]
  readonly readers: ReaderContext[]
  readonly endings: string[]
}

/** A job of a thousand records that notes what its source is told. */
function watched(fault: (n: number) => void = () => undefined): Watched {
  const enumerators: EnumeratorContext<ArraySplit>[] = []
  const readers: ReaderContext[] = []
  const endings: string[] = []
  const out = collectSink<number>()
  const arrays = sourceOf([Array.from({ length: 1000 }, (_, i) => i)], { recordsPerPoll: 50, pollEveryMs: 1 })
  const source: Source<number, ArraySplit, null> = {
    ...arrays,
    createEnumerator(ctx) {
      enumerators.push(ctx)
      ctx.metrics.gauge('shards', () => 1)
      return { ...arrays.createEnumerator(ctx), close: (ending) => void endings.push(ending) }
    },
    createReader(ctx) {
      readers.push(ctx)
      return arrays.createReader(ctx)
    },
  }
  const job = defineJob({
    name: 'watched',
    build(env) {
      env
        .fromSource(source as Source<number>, { uid: 'numbers' })
        .map((n) => {
          fault(n)
          return n
        })
        .sinkTo(out.sink, { uid: 'out' })
    },
  })
  return { job, enumerators, readers, endings }
}

/** The clock of a process that was started so much later. */
function clockAfter(ms: number): NonNullable<InProcessOptions['clock']> {
  return { ...systemClock, now: () => systemClock.now() + ms, setTimeout: systemClock.setTimeout.bind(systemClock) }
}

const always = (): never => {
  throw new Error('always')
}

describe('a source', () => {
  it('knows its uid, job, run, attempt, and whether checkpoints are taken while the job runs', async () => {
    const { job, enumerators, readers } = watched()
    await runInProcess(job, { parallelism: 2, checkpointIntervalMs: 5 })
    const { runId, runStartedAtMs } = enumerators[0]!
    expect(enumerators).toMatchObject([
      { uid: 'numbers', jobId: 'watched', attempt: 1, parallelism: 2, checkpointing: true },
    ])
    expect(Math.abs(runStartedAtMs - Date.now())).toBeLessThan(60_000)
    expect(readers).toMatchObject([
      { uid: 'numbers', jobId: 'watched', runId, attempt: 1, subtask: 0 },
      { uid: 'numbers', jobId: 'watched', runId, attempt: 1, subtask: 1 },
    ])
    const once = watched()
    await runInProcess(once.job)
    expect(once.enumerators).toMatchObject([{ checkpointing: false }])
  })

  it('sees the same start of its run in each process, also when those before died without a checkpoint', async () => {
    const starts: number[] = []
    const runs = new Set<string>()
    for (const hours of [0, 1, 2]) {
      const { job, enumerators } = watched(always)
      const clock = clockAfter(hours * 3_600_000)
      expect((await runInProcess(job, { checkpointDirectory: folder, clock })).status).toBe('FAILED')
      starts.push(...enumerators.map((ctx) => ctx.runStartedAtMs))
      for (const { runId } of enumerators) runs.add(runId)
    }
    let suspend = (): void => undefined
    const stopped = watched((n) => n === 200 && suspend())
    for (const hours of [3, 4]) {
      const { status } = await runInProcess(stopped.job, {
        checkpointDirectory: folder,
        clock: clockAfter(hours * 3_600_000),
        onStart: (running) => (suspend = () => running.suspend()),
      })
      expect(status).toBe(hours === 3 ? 'SUSPENDED' : 'FINISHED')
    }
    starts.push(...stopped.enumerators.map((ctx) => ctx.runStartedAtMs))
    for (const { runId } of stopped.enumerators) runs.add(runId)
    expect(starts).toHaveLength(5)
    expect(new Set(starts).size).toBe(1)
    expect(runs.size).toBe(1)
    // After FINISHED another run begins.
    const next = watched()
    await runInProcess(next.job, { checkpointDirectory: folder, clock: clockAfter(5 * 3_600_000) })
    expect(next.enumerators[0]!.runStartedAtMs).toBeGreaterThan(starts[0]! + 4 * 3_600_000)
  })

  it('keeps the start of its run when old checkpoints are gone and attempts fail', async () => {
    const faults = new Set([300, 600, 900])
    const { job, enumerators } = watched((n) => {
      if (faults.delete(n)) throw new Error(`fault ${'abc'[faults.size]}`)
    })
    const result = await runInProcess(job, { checkpointIntervalMs: 2, restartAttempts: 10 })
    expect(result.status).toBe('FINISHED')
    expect(enumerators.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4])
    expect(new Set(enumerators.map(({ runStartedAtMs }) => runStartedAtMs)).size).toBe(1)
  })

  it('is told why an attempt is over: restart, finished, suspended or failed', async () => {
    const faults = new Set([300])
    const once = watched((n) => {
      if (faults.delete(n)) throw new Error('once')
    })
    await runInProcess(once.job, { restartAttempts: 3 })
    expect(once.endings).toEqual(['restart', 'finished'])
    const failing = watched(always)
    await runInProcess(failing.job, { restartAttempts: 1 })
    expect(failing.endings).toEqual(['restart', 'failed'])
    const stopped = watched()
    await runInProcess(stopped.job, { onStart: (running) => running.suspend() })
    expect(stopped.endings).toEqual(['suspended'])
  })
})

describe('checks', () => {
  function checked(checks: Record<string, (ctx: CheckContext) => Promise<void>>) {
    const read: number[] = []
    const out = collectSink<number>()
    const arrays = sourceOf([[1, 2, 3]])
    const source = { ...arrays, ...(checks['in'] && { check: checks['in'] }) } as Source<number>
    const sink: Sink<number> = { ...out.sink, ...(checks['out'] && { check: checks['out'] }) }
    const job = defineJob({
      name: 'checked',
      build(env) {
        env
          .fromSource(source, { uid: 'in' })
          .map((n) => {
            read.push(n)
            return n
          })
          .sinkTo(sink, { uid: 'out' })
      },
    })
    return { job, read, out }
  }

  it('run all at once before anything is read, and know their uid and job', async () => {
    const seen: string[] = []
    let both = (): void => undefined
    const met = new Promise<void>((resolve) => (both = resolve))
    const check = async ({ uid, jobId, warn }: CheckContext): Promise<void> => {
      seen.push(`${jobId} ${uid}`)
      warn('is old')
      if (seen.length === 2) both()
      await met
    }
    const { job, read } = checked({ in: check, out: check })
    const { status, warnings } = await runInProcess(job)
    expect(status).toBe('FINISHED')
    expect(seen).toEqual(['checked in', 'checked out'])
    expect(warnings).toEqual(['in: is old', 'out: is old'])
    expect(read).toEqual([1, 2, 3])
  })

  it('that fail keep the job from starting, with the first failure in the order of the graph', async () => {
    const no = (what: string, ms: number) => async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, ms))
      throw new MillraceError(ms > 0 ? 'MILLRACE_INPUT' : 'MILLRACE_OUTPUT', `no ${what} there`, { hint: 'make one' })
    }
    const { job, read, out } = checked({ in: no('stream', 5), out: no('table', 0) })
    const running = runInProcess(job, { checkpointDirectory: folder })
    await expect(running).rejects.toMatchObject({
      code: 'MILLRACE_INPUT',
      uid: 'in',
      message: 'operator "in": no stream there',
      hint: 'make one',
    })
    expect(read).toEqual([])
    expect(out.values()).toEqual([])
  })
})
