// Kills at moments that only the files show, without anything of the job holding still: the shipped file sink, as fast as it is.
import { expect, it } from 'vitest'
import { reportOf } from '../cli/run-cli.js'
import { tempFolder } from '../cli/temp-folder.js'
import { hiddenParts, holds } from './killed-job.js'
import { moments } from './moments.js'
import { OutputWatch } from './output-watch.js'
import { windFarm } from './wind-farm.js'

const farm = windFarm({ files: 3, lines: 3_000 })

it('killed the moment a file appears, at each kind of file, gives every line once', { timeout: 180_000 }, async () => {
  const job = farm.job(tempFolder())
  const watch = new OutputWatch([job.path('out'), job.path('invalid')])
  for (const [name, moment] of [...Object.entries(moments), ...Object.entries(moments)]) {
    const before = job.newestCheckpoint()
    const epochs = job.epochs().length
    const cli = job.submit({ parallelism: 3, params: { rate: 250 } })
    if (await holds(cli, () => (job.newestCheckpoint()?.epoch ?? 0) > epochs)) await holds(cli, moment(job))
    cli.child.kill('SIGKILL')
    const { signal, stderr } = await cli.ended
    expect(signal, stderr).toBe('SIGKILL')
    expect(job.epochs()[epochs]!.continues, name).toBe(before?.position ?? null)
  }
  const last = await job.submit().ended
  expect(last, last.stderr).toMatchObject({ code: 0 })
  expect(reportOf(last)).toMatchObject({ status: 'FINISHED', recordsIn: farm.recordsIn, lateRecordsDropped: 0 })
  await watch.stop()
  expect(watch.complaints).toEqual([])
  expect(job.lines()).toEqual(farm.alerts)
  expect(hiddenParts(job.path('out'))).toEqual([])
})
