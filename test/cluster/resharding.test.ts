import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runInProcess } from '../../runtime/testing/index.js'
import { randomSource } from '../oracles/random-source.js'
import { expectedOf, randomShards, reshardJob, textsOf, type Reading, type ReshardJob } from './reshard-runs.js'

const RUNS = Number(process.env['MILLRACE_STREAMS'] ?? 8)
const FIRST_SEED = Number(process.env['MILLRACE_SEED'] ?? 1)

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-reshard-'))
})
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))

function expectAll(
  { order, late, windows }: ReshardJob,
  shards: ReturnType<typeof randomShards>,
  message: string,
): void {
  const expected = expectedOf(shards)
  expect(late.values(), message).toEqual([])
  expect(textsOf(order), message).toEqual(expected.order)
  expect(textsOf(windows), message).toEqual(expected.windows)
}

describe('a stream that is resharded', () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    it(
      `loses nothing, and has no record late, twice or before an older one of its key, seed ${seed}`,
      { timeout: 20_000 },
      async () => {
        const random = randomSource(seed)
        const shards = randomShards(random, random.between(2, 8))
        const parallelism = random.between(1, 4)
        const run = reshardJob(shards, random)
        const result = await runInProcess(run.job, { parallelism, checkpointIntervalMs: random.pick([0, 2]) })
        const message = `seed ${seed} parallelism ${parallelism}`
        expect(result.status, `${message} ${JSON.stringify(result.failure)}`).toBe('FINISHED')
        expectAll(run, shards, message)
      },
    )

    it(`is read on after failures as if there had been none, seed ${seed}`, { timeout: 20_000 }, async () => {
      const random = randomSource(1000 + seed)
      const shards = randomShards(random, random.between(2, 8))
      const readings = shards.flatMap(({ records }) => records)
      const faults = new Set(Array.from({ length: random.between(1, 4) }, () => random.pick(readings)))
      let thrown = 0
      const fault = (reading: Reading): void => {
        if (faults.delete(reading)) throw new Error(`fault ${'abcdefg'[thrown++]}`)
      }
      const parallelism = random.between(1, 4)
      const run = reshardJob(shards, random, fault)
      const result = await runInProcess(run.job, {
        parallelism,
        checkpointIntervalMs: random.between(1, 8),
        restartAttempts: 20,
      })
      const message = `seed ${seed} parallelism ${parallelism}`
      expect(result.status, `${message} ${JSON.stringify(result.failure)}`).toBe('FINISHED')
      expect(thrown).toBeGreaterThan(0)
      expectAll(run, shards, message)
    })

    it(`is read on at another parallelism as if nothing had been, seed ${seed}`, { timeout: 20_000 }, async () => {
      const random = randomSource(2000 + seed)
      const shards = randomShards(random, random.between(2, 8))
      const readings = shards.flatMap(({ records }) => records)
      const stops = Array.from({ length: 3 }, () => random.pick(readings))
      let suspend = (): void => undefined
      const run = reshardJob(shards, random, (reading) => {
        if (stops.includes(reading)) suspend()
      })
      let status = ''
      const used: number[] = []
      for (let runs = 0; runs < 20 && status !== 'FINISHED'; runs++) {
        const parallelism = random.between(1, 4)
        used.push(parallelism)
        const result = await runInProcess(run.job, {
          parallelism,
          checkpointDirectory: folder,
          onStart: (running) => (suspend = () => running.suspend()),
        })
        status = result.status
        expect(result.failure, `seed ${seed}`).toBeUndefined()
      }
      expect(status, `seed ${seed}`).toBe('FINISHED')
      expectAll(run, shards, `seed ${seed} parallelism ${used.join(', ')}`)
    })
  }
})
