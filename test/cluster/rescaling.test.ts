import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { JobCoordinator } from '../../runtime/coordinator/job-coordinator.js'
import { runInProcess, type InProcessResult } from '../../runtime/testing/index.js'
import { expectedLines, itemsBetween, rescaleWorld, ruleAt, SPLITS } from './rescale-runs.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-rescaling-'))
})
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }))

const ITEMS_A_PHASE = 300
const RULES_A_PHASE = 20

/** `+n`: the running job is rescaled; `n`: it is suspended and goes on from its checkpoint, as another process would. */
const SEQUENCES: readonly (readonly string[])[] = [
  ['1', '128', '7', '1'],
  ['2', '+5', '16', '+3', '7', '4'],
]

describe('a job with state of every kind', () => {
  it.each(SEQUENCES.map((phases) => [phases] as const))(
    'writes at parallelism %j what plain loops write',
    async (phases) => {
      const world = rescaleWorld()
      const { job, items, rules, lines, clock, seen } = world
      const running: { coordinator: JobCoordinator | undefined } = { coordinator: undefined }
      let result: Promise<InProcessResult> | undefined
      const start = (parallelism: number): void => {
        running.coordinator = undefined
        result = runInProcess(job, {
          parallelism,
          clock,
          checkpointDirectory: folder,
          checkpointIntervalMs: 250,
          onStart: (coordinator) => void (running.coordinator = coordinator as JobCoordinator),
        })
      }
      const suspend = async (): Promise<void> => {
        running.coordinator!.suspend()
        expect((await result!).failure).toBeUndefined()
      }

      let parallelism = 1
      for (const [phase, to] of phases.entries()) {
        parallelism = Number(to)
        if (to.startsWith('+')) await running.coordinator!.rescale(parallelism)
        else {
          if (phase > 0) await suspend()
          start(parallelism)
        }
        const before = seen.items
        for (const item of itemsBetween(phase * ITEMS_A_PHASE, (phase + 1) * ITEMS_A_PHASE)) {
          items.push(item.id % SPLITS, item)
        }
        for (let n = phase * RULES_A_PHASE; n < (phase + 1) * RULES_A_PHASE; n++) rules.push(n % 2, ruleAt(n))
        // In the middle of it.
        await vi.waitFor(() => expect(seen.items).toBeGreaterThanOrEqual(before + ITEMS_A_PHASE / 2), 60_000)
      }
      clock.jump()
      const given = itemsBetween(0, phases.length * ITEMS_A_PHASE)
      const givenRules = Array.from({ length: phases.length * RULES_A_PHASE }, (_, n) => ruleAt(n))
      const expected = expectedLines(given, givenRules, parallelism)
      const byTheClock = expected.filter((line) => line.endsWith('by the clock')).length
      await vi.waitFor(() => expect(seen.clockTimers).toBeGreaterThanOrEqual(byTheClock), 60_000)
      items.endAll()
      rules.endAll()
      const { status, failure } = await result!
      expect(failure).toBeUndefined()
      expect(status).toBe('FINISHED')
      expect([...lines.all].sort()).toEqual(expected)
    },
    240_000,
  )
})
