import { rmSync } from 'node:fs'
import { describe, expect, it, vi } from 'vitest'
import { HOLDER_PATH } from '../../runtime/checkpoint/holder-record.js'
import { reportOf, type RunningCli } from '../cli/run-cli.js'
import { tempFolder } from '../cli/temp-folder.js'
import { hiddenParts, kill, until, type KilledJob } from './killed-job.js'
import { moments, type Moment } from './moments.js'
import { OutputWatch } from './output-watch.js'
import { windFarm } from './wind-farm.js'

vi.setConfig({ testTimeout: 120_000 })

const farm = windFarm({ files: 2, lines: 3_000 })

/** Starts the job and stops its process, as a debugger or a sleeping machine does, in a checkpoint that is not its first. */
async function stopped(job: KilledJob, moment: Moment): Promise<RunningCli> {
  const cli = job.submit({ params: { rate: 300 } })
  await until(cli, () => (job.newestCheckpoint()?.checkpointId ?? 0) >= 2 && job.lines().length > 0)
  await until(cli, moment(job))
  cli.child.kill('SIGSTOP')
  return cli
}

describe('a job whose process stands still', () => {
  it('is still held by it: a second submit names it, and it goes on when it is woken', async () => {
    const job = farm.job(tempFolder())
    const holder = await stopped(job, moments['the manifest has just appeared']!)
    try {
      const second = await job.submit().ended
      expect(second, second.stderr).toMatchObject({ code: 1 })
      expect(reportOf(second)).toMatchObject({ status: 'FAILED', failure: { code: 'MILLRACE_HELD' } })
      expect(second.stderr).toContain(`held by process ${holder.child.pid} `)
      holder.child.kill('SIGCONT')
      const ended = await holder.ended
      expect(ended, ended.stderr).toMatchObject({ code: 0 })
      expect(reportOf(ended)).toMatchObject({ status: 'FINISHED', restoredFrom: null, recordsIn: farm.recordsIn })
      expect(job.lines()).toEqual(farm.alerts)
    } finally {
      await kill(holder)
    }
  })

  it.each(Object.entries(moments))(
    '(%s) is taken over where its record was lost: woken again, it fails and publishes nothing of its own',
    async (_, moment) => {
      const job = farm.job(tempFolder())
      const watch = new OutputWatch([job.path('out')])
      const old = await stopped(job, moment)
      try {
        rmSync(job.checkpointPath(HOLDER_PATH))
        const successor = job.submit({ params: { rate: 1_500 } })
        await until(successor, () => job.epochs().length === 2)
        old.child.kill('SIGCONT')
        const ended = await old.ended
        expect(ended, ended.stderr).toMatchObject({ code: 1 })
        expect(reportOf(ended)).toMatchObject({ status: 'FAILED', failure: { code: 'MILLRACE_FENCED' } })
        expect(ended.stderr).toContain(`process ${successor.child.pid} `)

        const finished = await successor.ended
        expect(finished, finished.stderr).toMatchObject({ code: 0 })
        expect(reportOf(finished)).toMatchObject({ status: 'FINISHED', recordsIn: farm.recordsIn })
        await watch.stop()
        expect(watch.complaints).toEqual([])
        expect(job.lines()).toEqual(farm.alerts)
        expect(hiddenParts(job.path('out'))).toEqual([])
      } finally {
        await kill(old)
      }
    },
  )
})
