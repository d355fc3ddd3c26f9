import { expect, it } from 'vitest'
import { reportOf } from '../cli/run-cli.js'
import { tempFolder } from '../cli/temp-folder.js'
import { hiddenParts, kill, KilledJob, pause, recordsIn, until } from './killed-job.js'
import { OutputWatch } from './output-watch.js'

const KEYS = 50_000
const PASSES = 10
/** After the process has taken the job over. By the last, some of them run again. */
const KILLED_AFTER_MS = [0, 5, 20, 60, 120, 250]

it('a job killed again and again while it reads a large state loses none of it', { timeout: 180_000 }, async () => {
  const job = new KilledJob(tempFolder(), 'large-state', { keys: KEYS, passes: PASSES, output: 'out' })
  const options = ['--checkpoint-interval', '100ms']
  const watch = new OutputWatch([job.path('out')])
  const first = job.submit({ params: { rate: KEYS }, options })
  await until(first, () => {
    const newest = job.newestCheckpoint()
    return newest !== undefined && recordsIn(newest) >= KEYS
  })
  await kill(first)

  for (const [i, afterMs] of KILLED_AFTER_MS.entries()) {
    const before = job.newestCheckpoint()!
    const epochs = job.epochs().length
    const cli = job.submit({ parallelism: (i % 4) + 1, params: { rate: KEYS }, options })
    await until(cli, () => job.epochs().length > epochs)
    await pause(afterMs)
    await kill(cli)
    expect(job.epochs().at(-1)!.continues).toBe(before.position)
  }

  const before = job.newestCheckpoint()!
  const last = await job.submit({ options }).ended
  expect(last, last.stderr).toMatchObject({ code: 0 })
  expect(reportOf(last)).toMatchObject({
    status: 'FINISHED',
    recordsIn: KEYS * PASSES,
    recordsOut: KEYS,
    restoredFrom: expect.stringMatching(new RegExp(`/0*${before.position}\\.json$`)),
  })
  await watch.stop()
  expect(watch.complaints).toEqual([])
  const expected = Array.from({ length: KEYS }, (_, key) => JSON.stringify({ key, times: PASSES, whole: true }))
  expect(job.lines()).toEqual(expected.sort())
  expect(hiddenParts(job.path('out'))).toEqual([])
})
