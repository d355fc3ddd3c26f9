// Channels full of records that take long, on real threads: a checkpoint does not wait for them, and loses none of them.
import { describe, expect, it } from 'vitest'
import type { CheckpointManifest } from '../../runtime/checkpoint/manifest.js'
import { reportOf } from '../cli/run-cli.js'
import { tempFolder } from '../cli/temp-folder.js'
import { kill, KilledJob, until } from './killed-job.js'

const KEYS = 40
const PASSES = 50

function job(): KilledJob {
  return new KilledJob(tempFolder(), 'backpressured', { keys: KEYS, passes: PASSES, output: 'out' })
}

function inFlight(manifest: CheckpointManifest | undefined): number {
  const files = Object.values(manifest?.operators ?? {}).flatMap(({ channels = [] }) => channels)
  return files.reduce((sum, { bytes }) => sum + bytes, 0)
}

describe('a job under backpressure', () => {
  it(
    'is killed with records in flight again and again, and each counts once, at every parallelism',
    { timeout: 120_000 },
    async () => {
      const backpressured = job()
      for (const [parallelism, slowMs] of [
        [2, 5],
        [3, 5],
        [1, 5],
      ] as const) {
        const before = backpressured.newestCheckpoint()?.position ?? 0
        const cli = backpressured.submit({ parallelism, params: { slowMs }, options: ['--alignment-timeout', '50ms'] })
        await until(cli, () => {
          const newest = backpressured.newestCheckpoint()
          return newest !== undefined && newest.position > before && inFlight(newest) > 100_000
        })
        await kill(cli)
      }
      const last = await backpressured.submit({ parallelism: 4, params: { slowMs: 0 } }).ended
      expect(last, last.stderr).toMatchObject({ code: 0 })
      expect(reportOf(last)).toMatchObject({ status: 'FINISHED', recordsIn: KEYS * PASSES, recordsOut: KEYS * PASSES })
      const expected = Array.from({ length: KEYS * PASSES }, (_, i) =>
        JSON.stringify({ key: i % KEYS, times: Math.floor(i / KEYS) + 1 }),
      )
      expect(backpressured.lines()).toEqual(expected.sort())
    },
  )

  it(
    'has no checkpoint as long as barriers wait in line, and soon has one when they overtake',
    { timeout: 120_000 },
    async () => {
      const [patient, impatient] = [job(), job()]
      // So slow that what is in the channels takes a minute.
      const submit = (one: KilledJob, timeout: string) =>
        one.submit({ params: { slowMs: 100 }, options: ['--alignment-timeout', timeout] })
      const first = submit(impatient, '50ms')
      const second = submit(patient, 'none')
      await until(first, () => {
        const newest = impatient.newestCheckpoint()
        return newest !== undefined && inFlight(newest) > 100_000
      })
      expect(patient.newestCheckpoint()).toBeUndefined()
      await Promise.all([kill(first), kill(second)])
    },
  )
})
