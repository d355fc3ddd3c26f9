import { mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { boundedOutOfOrderness, count, defineJob, tumbling, type JobDefinition } from '../../operators/index.js'
import { findCheckpoint } from '../../runtime/checkpoint/find-checkpoint.js'
import { SegmentReader } from '../../runtime/checkpoint/segment-reader.js'
import type { JobCoordinator } from '../../runtime/coordinator/job-coordinator.js'
import type { Clock } from '../../runtime/contract/time.js'
import { openStorage } from '../../runtime/storage/open-storage.js'
import {
  collectSink,
  controlledSource,
  runInProcess,
  type InProcessOptions,
  type InProcessResult,
} from '../../runtime/testing/index.js'
import { systemClock } from '../../runtime/worker/system-clock.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-control-'))
})
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))

const eventually = { timeout: 15_000 }

/** A clock by which the first delay of a restart is a long one. */
const patient: Clock = {
  now: () => systemClock.now(),
  setTimeout: (run, ms) => systemClock.setTimeout(run, ms === 50 ? 60_000 : ms),
}

/** A job that says how often each key has come, and counts them in hours. */
function counting(
  splits: number,
  check: (n: number) => number = (n) => n,
): {
  readonly job: JobDefinition
  readonly source: ReturnType<typeof controlledSource<number>>
  readonly counts: () => readonly string[]
  /** How many records the job has read. */
  readonly read: () => number
  readonly windows: () => readonly string[]
} {
  const source = controlledSource<number>(splits)
  const counts = collectSink<string>()
  let read = 0
  const windows = collectSink<string>()
  const job = defineJob({
    name: 'counting',
    build(env) {
      const numbers = env.fromSource(source.source, {
        uid: 'numbers',
        watermarks: boundedOutOfOrderness(0, (n: number) => n),
      })
      const byDigit = numbers
        .map((n) => {
          const checked = check(n)
          read++
          return checked
        })
        .keyBy((n) => n % 10)
      byDigit
        .window(tumbling('1h'))
        .aggregate(count(), (key, _window, n) => `${key} x ${n}`)
        .uid('windows')
        .sinkTo(windows.sink, { uid: 'windows-out' })
      byDigit
        .reduce((a, b) => a + b)
        .uid('sums')
        .map((sum) => `${sum}`)
        .sinkTo(counts.sink, { uid: 'sums-out' })
    },
  })
  return { job, source, counts: () => counts.values(), windows: () => windows.values(), read: () => read }
}

function start(
  job: JobDefinition,
  options: InProcessOptions = {},
): { readonly coordinator: JobCoordinator; readonly ended: Promise<InProcessResult> } {
  let coordinator: JobCoordinator | undefined
  const ended = runInProcess(job, {
    checkpointDirectory: join(folder, 'checkpoints'),
    parallelism: 2,
    ...options,
    onStart: (running) => (coordinator = running as JobCoordinator),
  })
  return {
    ended,
    get coordinator() {
      return coordinator!
    },
  }
}

describe('a running job', () => {
  it('goes on with another parallelism with its state, and once with each record', async () => {
    const { job, source, counts, windows, read } = counting(3)
    const run = start(job)
    source.push(0, 1, 2, 3)
    await expect.poll(read, eventually).toBe(3)
    await run.coordinator.rescale(4)
    expect(run.coordinator.state).toEqual({ phase: 'running', parallelism: 4, maxParallelism: 128 })
    source.push(1, 11, 12, 13)
    await expect.poll(read, eventually).toBe(6)
    await run.coordinator.rescale(1)
    source.push(2, 21)
    for (const split of [0, 1, 2]) source.end(split)
    expect((await run.ended).status).toBe('FINISHED')
    expect([...counts()].sort()).toEqual(['1', '12', '14', '16', '2', '3', '33'])
    expect([...windows()].sort()).toEqual(['1 x 3', '2 x 2', '3 x 2'])
  })

  it('refuses more subtasks than it can ever have, and goes on as it is', async () => {
    const { job, source } = counting(1)
    const run = start(job, { maxParallelism: 8 })
    await expect.poll(() => run.coordinator?.state.phase, eventually).toBe('running')
    await expect(run.coordinator.rescale(9)).rejects.toMatchObject({ code: 'MILLRACE_USAGE' })
    expect(run.coordinator.state.parallelism).toBe(2)
    source.end(0)
    expect((await run.ended).status).toBe('FINISHED')
  })

  it('whose attempt fails while it is rescaled goes on with the new parallelism', async () => {
    let broken = true
    const { job, source, counts, read } = counting(1, (n) => {
      if (n === 2 && broken) throw new Error('broken')
      return n
    })
    const failures: string[] = []
    const run = start(job, { restartAttempts: 5, events: { failed: ({ error }) => failures.push(error.message) } })
    source.push(0, 1)
    await expect.poll(read, eventually).toBe(1)
    source.push(0, 2)
    await expect.poll(() => failures.length, eventually).toBe(1)
    const rescaled = run.coordinator.rescale(3)
    broken = false
    await rescaled
    expect(run.coordinator.state).toMatchObject({ phase: 'running', parallelism: 3 })
    source.push(0, 11)
    source.end(0)
    expect((await run.ended).status).toBe('FINISHED')
    expect(counts()).toContain('12')
  })

  it('is stopped with a savepoint and without the end of time: windows stay open, and the next run goes on', async () => {
    const { job, source, windows, read } = counting(2)
    const run = start(job)
    source.push(0, 1, 2)
    await expect.poll(read, eventually).toBe(2)
    const savepoint = await run.coordinator.stop(openStorage(join(folder, 'savepoint')), false)
    expect((await run.ended).status).toBe('SUSPENDED')
    expect(windows()).toEqual([])
    expect(savepoint.path).toBe(join(folder, 'savepoint'))
    const again = start(job)
    source.push(0, 11)
    source.end(0)
    source.end(1)
    expect((await again.ended).status).toBe('FINISHED')
    expect([...windows()].sort()).toEqual(['1 x 2', '2 x 1'])
  })

  it('that is drained fires its windows, has finished, and its savepoint says so', async () => {
    const { job, source, windows, read } = counting(2)
    const run = start(job)
    source.push(0, 1, 2)
    await expect.poll(read, eventually).toBe(2)
    await run.coordinator.stop(openStorage(join(folder, 'savepoint')), true)
    expect((await run.ended).status).toBe('FINISHED')
    expect([...windows()].sort()).toEqual(['1 x 1', '2 x 1'])
    const manifest = await findCheckpoint(openStorage(join(folder, 'savepoint')), undefined)
    expect(manifest).toMatchObject({ final: true, savepoint: true })
    expect(manifest.sources['numbers']!.splits).toHaveLength(2)
  })

  it('that is drained takes no checkpoint on the way that half of the end of time has gone through', async () => {
    const { job, source, read } = counting(2)
    const reasons: string[] = []
    const run = start(job, {
      checkpointIntervalMs: 1,
      events: { checkpoint: ({ reason }) => reasons.push(reason) },
    })
    source.push(0, ...Array.from({ length: 500 }, (_, n) => n))
    await expect.poll(read, eventually).toBe(500)
    const draining = run.coordinator.stop(openStorage(join(folder, 'savepoint')), true)
    const before = reasons.length
    await draining
    await run.ended
    // One may have been under way.
    expect(reasons.slice(before + 1).filter((reason) => reason !== 'final')).toEqual([])
    expect(reasons.at(-1)).toBe('final')
  })

  it('that is canceled ends without a checkpoint, and the next run goes on from the one before', async () => {
    const { job, source, counts, read } = counting(1)
    const run = start(job)
    source.push(0, 1)
    await expect.poll(read, eventually).toBe(1)
    await run.coordinator.savepoint(openStorage(join(folder, 'savepoint')))
    run.coordinator.cancel()
    const result = await run.ended
    expect(result).toMatchObject({ status: 'CANCELED', checkpoints: 1, failure: undefined })
    expect(() => run.coordinator.cancel()).toThrow(/has ended/)
    const again = start(job)
    source.push(0, 11)
    source.end(0)
    const second = await again.ended
    expect(second.status).toBe('FINISHED')
    expect(second.restoredFrom).toBeDefined()
    expect(counts()).toContain('12')
  })

  it.each(['running', 'restarting'] as const)('tells its enumerators when it is canceled while %s', async (phase) => {
    const endings: string[] = []
    const { source, push } = controlledSource<number>(1)
    const job = defineJob({
      name: 'told',
      build(env) {
        const told = {
          ...source,
          createReader: source.createReader.bind(source),
          createEnumerator: (ctx: Parameters<typeof source.createEnumerator>[0]) => {
            const enumerator = source.createEnumerator(ctx)
            return {
              start: enumerator.start.bind(enumerator),
              snapshotState: enumerator.snapshotState.bind(enumerator),
              close: (ending: string) => void endings.push(ending),
            }
          },
        } as typeof source
        env
          .fromSource(told, { uid: 'in' })
          .map(() => {
            throw new Error('always')
          })
          .sinkTo(collectSink<never>().sink, { uid: 'out' })
      },
    })
    const run = start(job, { restartAttempts: 5, clock: patient })
    await expect.poll(() => run.coordinator?.state.phase, eventually).toBe('running')
    if (phase === 'restarting') push(0, 1)
    await expect.poll(() => run.coordinator.state.phase, eventually).toBe(phase)
    run.coordinator.cancel()
    expect((await run.ended).status).toBe('CANCELED')
    expect(endings).toEqual(['canceled'])
  })
})

describe('a savepoint', () => {
  it('stands for itself: moved, with the checkpoints gone, it holds every segment it names', async () => {
    const { job, source, read } = counting(1)
    const run = start(job, { checkpointIntervalMs: 5 })
    source.push(0, ...Array.from({ length: 200 }, (_, n) => n))
    await expect.poll(read, eventually).toBe(200)
    const { bytes, checkpointId } = await run.coordinator.savepoint(openStorage(join(folder, 'savepoint')))
    source.push(0, 1000)
    source.end(0)
    expect((await run.ended).status).toBe('FINISHED')
    await rm(join(folder, 'checkpoints'), { recursive: true })
    await rename(join(folder, 'savepoint'), join(folder, 'moved'))
    const moved = openStorage(join(folder, 'moved'))
    const manifest = await findCheckpoint(moved, undefined)
    expect(manifest).toMatchObject({ savepoint: true, checkpointId, position: 1 })
    const segments = Object.values(manifest.operators).flatMap((operator) => operator.segments)
    expect(segments.length).toBeGreaterThan(0)
    expect(segments.reduce((sum, segment) => sum + segment.bytes, 0)).toBe(bytes)
    for (const segment of segments) expect((await SegmentReader.open(moved, segment)).rows).toBe(segment.rows)
    const text = await readFile(join(folder, 'moved/manifests/000000000001.json'), 'utf8')
    expect(text).not.toContain(folder)
    expect((await readdir(join(folder, 'moved'))).sort()).toEqual(['manifests', 'segments'])
  })

  it('is refused when the job ends before it', async () => {
    const { job, source } = counting(1)
    const run = start(job)
    await expect.poll(() => run.coordinator?.state.phase, eventually).toBe('running')
    const asked = run.coordinator.savepoint(openStorage(join(folder, 'savepoint')))
    run.coordinator.cancel()
    await expect(asked).rejects.toMatchObject({ code: 'MILLRACE_CONTROL' })
    source.end(0)
    await run.ended
  })

  it('that cannot be written is refused, and the job goes on', async () => {
    const { job, source, counts, read } = counting(1)
    const run = start(job)
    source.push(0, 1)
    await expect.poll(read, eventually).toBe(1)
    await expect(run.coordinator.savepoint(openStorage('/proc/nowhere'))).rejects.toMatchObject({
      code: 'MILLRACE_STORAGE',
    })
    source.push(0, 11)
    source.end(0)
    expect((await run.ended).status).toBe('FINISHED')
    expect(counts()).toContain('12')
  })
})
