import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MillraceError, type Sink } from '../../operators/index.js'
import { fileSink, jsonLines } from '../../operators/connectors/file/index.js'
import { runInProcess, type InProcessOptions } from '../../runtime/testing/index.js'
import { randomSource } from '../oracles/random-source.js'
import { asLines, expectedLines, faultJob, linesIn, readings, type Line } from './fault-runs.js'

const RUNS = Number(process.env['MILLRACE_STREAMS'] ?? 12)
const FIRST_SEED = Number(process.env['MILLRACE_SEED'] ?? 1)

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-faults-'))
})
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))

/** Errors that differ in numbers only count as the same. */
function inWords(id: number): string {
  return [...String(id)].map((digit) => 'abcdefghij'[Number(digit)]).join('')
}

/** Throws at the record with one of these ids, once each. */
function throwAt(ids: Iterable<number>): (reading: { id: number }) => void {
  const left = new Set(ids)
  return ({ id }) => {
    if (left.delete(id)) throw new Error(`fault at ${inWords(id)}`)
  }
}

async function survives(seed: number): Promise<void> {
  const random = randomSource(seed)
  const splits = readings(random.between(1, 5), random.between(100, 400), random.between(1, 50))
  const total = splits.flat().length
  const faults = Array.from({ length: random.between(1, 6) }, () => random.below(total))
  const parallelism = random.between(1, 4)
  const directory = join(folder, `out-${seed}`)
  const { job, counts, numbers } = faultJob({
    splits,
    directory,
    fault: throwAt(faults),
    recordsPerPoll: random.between(5, 40),
  })
  const restarts: number[] = []
  const result = await runInProcess(job, {
    parallelism,
    checkpointIntervalMs: random.between(1, 10),
    restartAttempts: 20,
    events: { started: ({ attempt }) => restarts.push(attempt) },
  })
  const message = `seed ${seed} parallelism ${parallelism}`
  expect(result.status, `${message} ${JSON.stringify(result.failure)}`).toBe('FINISHED')
  // Two slots may fail at once.
  expect(restarts.length, message).toBeGreaterThan(1)
  const expected = expectedLines(splits)
  expect(asLines(counts), message).toEqual(expected.counts)
  expect(asLines(numbers), message).toEqual(expected.numbers)
  expect(await linesIn(directory), message).toEqual(expected.counts)
  expect(
    (await readdir(directory)).filter((name) => name.startsWith('.')),
    message,
  ).toEqual([])
  expect(result.counters['readings']!['numRecordsIn'], message).toBe(total)
}

describe('a job that fails on the way', () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    it(`comes to the same output, each line once, seed ${seed}`, { timeout: 60_000 }, () => survives(seed))
  }

  it('fails for good at the third failure of the same operator and error without a checkpoint between', async () => {
    const splits = readings(2, 50, 5)
    const fault = ({ id }: { id: number }): void => {
      if (id === 30) throw new Error('always')
    }
    const { job } = faultJob({ splits, directory: join(folder, 'out'), fault })
    const failures: string[] = []
    const events = { failed: ({ error }: { error: { message: string } }) => void failures.push(error.message) }
    const result = await runInProcess(job, { parallelism: 2, restartAttempts: 10, events })
    expect(result.status).toBe('FAILED')
    expect(failures).toHaveLength(3)
    expect(result.failure?.error).toMatchObject({
      code: 'MILLRACE_USER',
      message: expect.stringContaining('Error: always') as string,
    })
    expect(result.failure?.error.at).toMatch(/faults\.test\.ts:\d+:\d+$/)
  })
})

describe('checkpoints that are given up', () => {
  /** A sink that takes its time to flush, now and then more than a checkpoint has. */
  function slow(directory: string, seed: number): Sink<Line> {
    const files = fileSink<Line>({ directory, format: jsonLines() })
    const random = randomSource(seed)
    let flushes = 0
    return {
      ...files,
      createWriter: async (ctx) => {
        const writer = await files.createWriter(ctx)
        return {
          write: (value, timestamp) => writer.write(value, timestamp),
          close: () => writer.close?.(),
          flush: async (checkpointId) => {
            await new Promise((resolve) => setTimeout(resolve, ++flushes === 2 ? 60 : random.pick([0, 0, 5, 60])))
            await writer.flush(checkpointId)
          },
          prepareCommit: (checkpointId) => writer.prepareCommit!(checkpointId),
        }
      },
    }
  }

  for (let seed = 1; seed <= 8; seed++) {
    it(`lose nothing and publish nothing twice, seed ${seed}`, { timeout: 60_000 }, async () => {
      const random = randomSource(seed)
      const splits = readings(3, 400, 20)
      const directory = join(folder, 'out')
      const fault = seed % 2 === 0 ? throwAt([random.below(1_200), random.below(1_200)]) : () => undefined
      const slowly = slow(directory, seed)
      const { job, counts, numbers } = faultJob({ splits, directory: join(folder, 'unused'), fault, numbersTo: slowly })
      let givenUp = 0
      const result = await runInProcess(job, {
        parallelism: random.between(1, 4),
        checkpointIntervalMs: 3,
        checkpointTimeoutMs: 25,
        toleratedCheckpointFailures: 1_000_000,
        restartAttempts: 20,
        events: { checkpointFailed: () => void givenUp++ },
      })
      expect(result.status, JSON.stringify(result.failure)).toBe('FINISHED')
      // A failure may come before the first one is.
      if (seed % 2 === 1) expect(givenUp).toBeGreaterThan(0)
      const expected = expectedLines(splits)
      expect(asLines(counts)).toEqual(expected.counts)
      expect(asLines(numbers)).toEqual(expected.numbers)
      expect(await linesIn(directory)).toEqual(expected.numbers)
    })
  }
})

describe('a commit that fails', () => {
  /** A sink of which every commit publishes one part of several, then fails, as often as asked. */
  function halting(directory: string, failures: number): { sink: Sink<Line>; failed: () => number } {
    const files = fileSink<Line>({ directory, format: jsonLines() })
    let failed = 0
    return {
      failed: () => failed,
      sink: {
        ...files,
        createCommitter: (ctx) => {
          const inner = files.createCommitter!(ctx)
          return {
            recover: (options) => inner.recover!(options),
            commit: async (parts) => {
              if (failed === failures || parts.length < 2) return inner.commit(parts as never)
              await inner.commit(parts.slice(0, 1) as never)
              failed++
              throw new MillraceError('MILLRACE_OUTPUT', 'the disk is tired')
            },
          }
        },
      },
    }
  }

  for (const checkpointIntervalMs of [10, 0]) {
    it(`is done again before the job goes on, ${checkpointIntervalMs === 0 ? 'at its end' : 'on the way'}`, async () => {
      const splits = readings(3, 300, 30)
      const directory = join(folder, 'out')
      const { sink, failed } = halting(directory, 2)
      const { job } = faultJob({ splits, directory: join(folder, 'unused'), numbersTo: sink })
      const result = await runInProcess(job, { parallelism: 2, checkpointIntervalMs, restartAttempts: 10 })
      expect(result.failure).toBeUndefined()
      expect(failed()).toBe(2)
      expect(await linesIn(directory)).toEqual(expectedLines(splits).numbers)
    })
  }

  it('for good leaves the rest to the next start', async () => {
    const splits = readings(3, 100, 10)
    const [directory, checkpointDirectory] = [join(folder, 'out'), join(folder, 'checkpoints')]
    const { sink } = halting(directory, 1)
    const { job } = faultJob({ splits, directory: join(folder, 'unused'), numbersTo: sink })
    const failed = await runInProcess(job, { parallelism: 2, checkpointDirectory })
    expect(failed).toMatchObject({ status: 'FAILED', failure: { error: { code: 'MILLRACE_OUTPUT' } } })
    const result = await runInProcess(job, { parallelism: 1, checkpointDirectory })
    expect(result.status).toBe('FINISHED')
    expect(await linesIn(directory)).toEqual(expectedLines(splits).numbers)
  })
})

/** Suspends the job some time after its start. */
function suspendAfter(ms: number): NonNullable<InProcessOptions['onStart']> {
  return (running) => void setTimeout(() => running.suspend(), ms)
}

describe('a job that is suspended and goes on', () => {
  it(
    'at other parallelisms comes to the same output, and no window fires before its time',
    { timeout: 60_000 },
    async () => {
      const splits = readings(4, 600, 40)
      const directory = join(folder, 'out')
      const checkpointDirectory = join(folder, 'checkpoints')
      const { job, counts, numbers } = faultJob({ splits, directory })
      const restored: (string | undefined)[] = []
      const statuses: string[] = []
      for (const parallelism of [2, 4, 1, 3, 2, 4, 1]) {
        const last = statuses.length === 6
        const options = last ? {} : { onStart: suspendAfter(12) }
        const result = await runInProcess(job, {
          parallelism,
          checkpointDirectory,
          checkpointIntervalMs: 5,
          ...options,
        })
        statuses.push(result.status)
        restored.push(result.restoredFrom)
        expect(result.failure).toBeUndefined()
      }
      expect(statuses).toEqual([...Array<string>(6).fill('SUSPENDED'), 'FINISHED'])
      expect(new Set(restored).size).toBe(7)
      const expected = expectedLines(splits)
      expect(asLines(counts)).toEqual(expected.counts)
      expect(asLines(numbers)).toEqual(expected.numbers)
      expect(await linesIn(directory)).toEqual(expected.counts)
    },
  )

  it('starts afresh after it has finished', async () => {
    const splits = readings(1, 10, 2)
    const checkpointDirectory = join(folder, 'checkpoints')
    const { job, numbers } = faultJob({ splits, directory: join(folder, 'out') })
    await runInProcess(job, { checkpointDirectory })
    const again = await runInProcess(job, { checkpointDirectory })
    expect(again.restoredFrom).toBeUndefined()
    expect(numbers.values()).toHaveLength(20)
  })

  it('goes on where some sources had finished before', { timeout: 60_000 }, async () => {
    const all = readings(3, 400, 20)
    const splits = [all[0]!.slice(0, 5), all[1]!, all[2]!.slice(0, 30)]
    const checkpointDirectory = join(folder, 'checkpoints')
    const { job, counts, numbers } = faultJob({ splits, directory: join(folder, 'out') })
    for (const parallelism of [3, 3, 2]) {
      const result = await runInProcess(job, { parallelism, checkpointDirectory, onStart: suspendAfter(15) })
      expect(result.failure).toBeUndefined()
    }
    const result = await runInProcess(job, { parallelism: 4, checkpointDirectory })
    expect(result.status).toBe('FINISHED')
    const expected = expectedLines(splits)
    expect(asLines(counts)).toEqual(expected.counts)
    expect(asLines(numbers)).toEqual(expected.numbers)
  })
})
