// Storage that fails for a while, checkpoints that overlap, and checkpoints after parts of a job have finished.
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defineJob } from '../../operators/index.js'
import { findCheckpoint } from '../../runtime/checkpoint/find-checkpoint.js'
import { ManifestLog } from '../../runtime/checkpoint/manifest-log.js'
import { readFailures } from '../../runtime/coordinator/failure-history.js'
import { openStorage } from '../../runtime/storage/open-storage.js'
import { collectSink, controlledSource, runInProcess, sourceOf } from '../../runtime/testing/index.js'
import { identity } from '../checkpoint/manifests.js'
import { asLines, expectedLines, faultJob, readings } from './fault-runs.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-checkpoints-'))
})
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))

describe('storage that fails for a while', () => {
  /** Runs a job whose checkpoint storage does not take files of that folder between its first checkpoint and the third that failed. */
  async function run(broken: 'segments' | 'manifests', toleratedCheckpointFailures: number) {
    const splits = readings(3, 400, 20)
    const { job, counts, numbers } = faultJob({ splits, directory: join(folder, 'out') })
    const directory = join(folder, 'checkpoints')
    const place = join(directory, broken)
    let [failed, attempts, broke] = [0, 0, false]
    const mend = (): void => {
      if (!existsSync(`${place}.away`)) return
      rmSync(place)
      renameSync(`${place}.away`, place)
    }
    const result = await runInProcess(job, {
      checkpointDirectory: directory,
      parallelism: 2,
      checkpointIntervalMs: 10,
      toleratedCheckpointFailures,
      restartAttempts: 20,
      events: {
        started: () => void attempts++,
        checkpoint: () => {
          if (broke) return
          broke = true
          renameSync(place, `${place}.away`)
          writeFileSync(place, 'no folder')
        },
        checkpointFailed: () => {
          if (++failed === 3) mend()
        },
        failed: mend,
      },
    })
    expect(result.status, JSON.stringify(result.failure)).toBe('FINISHED')
    expect(broke).toBe(true)
    const expected = expectedLines(splits)
    expect(asLines(counts)).toEqual(expected.counts)
    expect(asLines(numbers)).toEqual(expected.numbers)
    return { failed, attempts, kept: await readFailures(openStorage(directory)) }
  }

  it.each(['segments', 'manifests'] as const)('(%s) fails checkpoints only, if that is tolerated', async (broken) => {
    const { failed, attempts, kept } = await run(broken, 100)
    expect(failed).toBeGreaterThanOrEqual(3)
    expect(attempts).toBe(1)
    expect(kept.total).toBe(0)
  })

  it.each(['segments', 'manifests'] as const)('(%s) restarts the job, if it is not', async (broken) => {
    const { attempts, kept } = await run(broken, 0)
    expect(attempts).toBeGreaterThan(1)
    expect(kept.first).toMatchObject({ kind: 'storage', code: 'MILLRACE_STORAGE', attempt: 1 })
  })
})

describe('checkpoints that overlap', () => {
  it('are each complete, and lose nothing and publish nothing twice', async () => {
    const numbers = Array.from({ length: 600 }, (_, n) => n)
    const arrays = sourceOf([numbers, numbers], { recordsPerPoll: 20, pollEveryMs: 1 })
    let [completed, overlap] = [0, 0]
    const watched: typeof arrays = {
      ...arrays,
      createEnumerator: (ctx) => ({
        ...arrays.createEnumerator(ctx),
        snapshotState: (id) => {
          overlap = Math.max(overlap, id - completed)
          return null
        },
        checkpointComplete: (id) => void (completed = id),
      }),
    }
    const counts = collectSink<string>()
    const slow: typeof counts.sink = {
      ...counts.sink,
      createWriter: async (ctx) => {
        const writer = await counts.sink.createWriter(ctx)
        return {
          write: writer.write.bind(writer),
          prepareCommit: (id) => writer.prepareCommit!(id),
          flush: async (id) => {
            await new Promise((resolve) => setTimeout(resolve, 15))
            await writer.flush(id)
          },
        }
      },
    }
    const job = defineJob({
      name: 'overlapping',
      build(env) {
        env
          .fromSource(watched, { uid: 'numbers' })
          .map((n) => ({ key: n % 10, count: 1 }))
          .keyBy(({ key }) => key)
          .reduce((a, b) => ({ key: a.key, count: a.count + b.count }))
          .uid('counts')
          .map(({ key, count }) => `${key}: ${count}`)
          .sinkTo(slow, { uid: 'out' })
      },
    })
    const result = await runInProcess(job, {
      parallelism: 2,
      checkpointIntervalMs: 5,
      maxConcurrentCheckpoints: 3,
    })
    expect(result.status, JSON.stringify(result.failure)).toBe('FINISHED')
    expect(overlap).toBeGreaterThan(1)
    expect(overlap).toBeLessThanOrEqual(3)
    const expected = Array.from({ length: 10 }, (_, key) => Array.from({ length: 120 }, (_, n) => `${key}: ${n + 1}`))
    expect([...counts.values()].sort()).toEqual(expected.flat().sort())
  })
})

describe('a job of which some subtasks have finished', () => {
  it('goes on taking checkpoints, and goes on from them', async () => {
    const source = controlledSource<number>(2)
    const sums = collectSink<number>()
    const job = defineJob({
      name: 'half-done',
      build(env) {
        env
          .fromSource(source.source, { uid: 'numbers' })
          .keyBy((n) => n % 3)
          .reduce((a, b) => a + b)
          .uid('sums')
          .sinkTo(sums.sink, { uid: 'out' })
      },
    })
    const directory = join(folder, 'checkpoints')
    let suspend: (() => void) | undefined
    let checkpoints = 0
    const options = {
      checkpointDirectory: directory,
      parallelism: 2,
      checkpointIntervalMs: 10,
      onStart: (running: { suspend(): void }) => (suspend = () => running.suspend()),
      events: { checkpoint: () => void checkpoints++ },
    }
    source.push(0, 2, 3)
    source.push(1, 4)
    source.end(0)
    const first = runInProcess(job, options)
    const newest = () => findCheckpoint(openStorage(directory), undefined)
    await expect
      .poll(async () => (await newest().catch(() => undefined))?.sources['numbers']?.finishedSubtasks)
      .toEqual([0])
    const before = checkpoints
    source.push(1, 7)
    await expect.poll(() => checkpoints).toBeGreaterThan(before + 2)
    suspend!()
    expect((await first).status).toBe('SUSPENDED')
    source.push(1, 10)
    source.end(1)
    expect((await runInProcess(job, options)).status).toBe('FINISHED')
    expect([...sums.values()].sort((a, b) => a - b)).toEqual([2, 3, 4, 11, 21])
  })
})

describe('a job that another process has taken over', () => {
  it('says so when it fails and finds its files gone, not that they are damaged', async () => {
    const source = controlledSource<number>()
    const sums = collectSink<number>()
    const job = defineJob({
      name: 'superseded',
      build(env) {
        env
          .fromSource(source.source, { uid: 'numbers' })
          .map((n) => {
            if (n < 0) throw new Error('no')
            return n
          })
          .keyBy((n) => n % 3)
          .reduce((a, b) => a + b)
          .uid('sums')
          .sinkTo(sums.sink, { uid: 'out' })
      },
    })
    const storage = openStorage(join(folder, 'checkpoints'))
    source.push(0, 1, 2, 3)
    const running = runInProcess(job, {
      checkpointDirectory: join(folder, 'checkpoints'),
      checkpointIntervalMs: 50,
      restartAttempts: 10,
      events: {
        checkpoint: ({ stateBytes }) => {
          if (stateBytes === 0 || successor !== undefined) return
          successor = takeOver()
        },
      },
    })
    let successor: Promise<void> | undefined
    const takeOver = async (): Promise<void> => {
      const log = await ManifestLog.open(storage, { jobId: 'superseded' })
      await log.takeover({ nonce: 'other', runId: 'run', holder: identity(2), createdAtMs: 0, choose: (one) => one })
      for (const { path } of await storage.list('segments/')) await storage.delete(path)
      source.push(0, -1)
    }
    const { status, failure } = await running
    expect([status, failure?.error.code]).toEqual(['FAILED', 'MILLRACE_FENCED'])
    expect((await readFailures(storage)).recent.at(-1)).toMatchObject({ kind: 'fenced', restartInMs: null })
  })
})
