import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { CheckpointManifest, EpochRecord } from '../../runtime/checkpoint/manifest.js'
import { randomSource } from '../oracles/random-source.js'
import { expectedOutput, inputFiles } from './counting-lines.js'
import { Onlooker, pause, World } from './processes.js'

const KILLS = Number(process.env['MILLRACE_KILLS'] ?? 20)
const SEED = Number(process.env['MILLRACE_SEED'] ?? 1)
/** How long a process may live after it was started, after it took the job over, or after its first checkpoint. */
const LONGEST_MS = 500

/** Where each process went on from, by position in the log; -1 for the beginning. */
function continuedFrom(log: readonly (CheckpointManifest | EpochRecord)[]): number[] {
  return log.flatMap((entry) => (entry.kind === 'epoch' ? [entry.continues ?? -1] : []))
}

function epochs(world: World): number {
  return world.log().filter(({ kind }) => kind === 'epoch').length
}

it(
  `a job killed ${KILLS} times at any moment comes to the undisturbed run's output`,
  { timeout: 300_000 },
  async () => {
    const random = randomSource(SEED)
    const world = new World(mkdtempSync(join(tmpdir(), 'millrace-chaos-')))
    const files = inputFiles(3, 400 * KILLS)
    world.input(files)
    const onlooker = new Onlooker(world)
    let seenBeforeTheEnd = 0
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        const job = world.submit({ records: 20, everyMs: 10 }, '--parallelism', String(random.between(1, 4)))
        const before = epochs(world)
        if (kill % 4 > 0) await job.until(() => epochs(world) > before)
        if (kill % 4 > 1) await job.until(() => world.log().at(-1)!.kind === 'checkpoint')
        await pause(random.below(LONGEST_MS))
        const { code, signal, stderr } = await job.kill()
        expect([signal, code], stderr).toEqual(['SIGKILL', null])
        seenBeforeTheEnd = onlooker.seen.size
      }
      const { report, code, stderr } = await world.submit({ records: 500 }).ended
      expect(report, stderr).toMatchObject({
        status: 'FINISHED',
        recordsIn: files.flat().length,
        lateRecordsDropped: 0,
      })
      expect(code).toBe(0)
      await onlooker.stop()
      expect(onlooker.complaints).toEqual([])
      expect(world.lines()).toEqual(expectedOutput(files))
      expect(report!.recordsOut).toBe(world.lines().length)
      expect(world.hiddenParts()).toEqual([])
      const continued = continuedFrom(world.log())
      expect(continued).toEqual([...continued].sort((a, b) => a - b))
      expect(new Set(continued).size).toBeGreaterThan(KILLS / 3)
      expect(seenBeforeTheEnd).toBeGreaterThan(0)
    } finally {
      await onlooker.stop()
      rmSync(world.folder, { recursive: true, force: true })
    }
  },
)
