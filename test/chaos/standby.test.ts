import { describe, expect, it, vi } from 'vitest'
import { reportOf, type CliResult } from '../cli/run-cli.js'
import { tempFolder } from '../cli/temp-folder.js'
import { hiddenParts, kill, until, type KilledJob } from './killed-job.js'
import { moments } from './moments.js'
import { OutputWatch } from './output-watch.js'
import { windFarm } from './wind-farm.js'

vi.setConfig({ testTimeout: 150_000 })

const farm = windFarm({ files: 2, lines: 2_000 })
const STANDBY = { options: ['--standby'], params: { rate: 1_500 } }

const statuses = ({ stdout }: CliResult): unknown[] =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('{"job"'))
    .map((line) => (JSON.parse(line) as { status: string }).status)

async function began(job: KilledJob, rate: number): Promise<ReturnType<KilledJob['submit']>> {
  const cli = job.submit({ params: { rate } })
  await until(cli, () => (job.newestCheckpoint()?.checkpointId ?? 0) >= 2 && job.lines().length > 0)
  return cli
}

describe('a standby process', () => {
  it('says whom it waits for, takes over when that one is killed, and is the only one of three', async () => {
    const job = farm.job(tempFolder())
    const holder = await began(job, 300)
    const standbys = [1, 2, 3].map(() => job.submit(STANDBY))
    const held = new RegExp(`stands by: job "chaos" is held by process ${holder.child.pid} on `)
    await Promise.all(standbys.map((cli) => cli.says(held)))
    await kill(holder)
    const all = await Promise.all(standbys.map((cli) => cli.ended))
    const took = all.filter(({ stderr }) => stderr.includes('takes job "chaos" over'))
    expect(took).toHaveLength(1)
    // The others waited for that one then, and heard that there is nothing left to do.
    for (const each of all) {
      expect(each, each.stderr).toMatchObject({ code: 0 })
      expect(reportOf(each)).toMatchObject({ status: 'FINISHED', recordsIn: farm.recordsIn })
      expect(statuses(each)).toEqual(each === took[0] ? ['STANDBY', 'FINISHED'] : ['STANDBY', 'STANDBY', 'FINISHED'])
    }
    expect(job.epochs()).toHaveLength(2)
    expect(job.lines()).toEqual(farm.alerts)
  })

  it('takes over from a process that stands still, which publishes nothing when it is woken', async () => {
    const job = farm.job(tempFolder())
    const watch = new OutputWatch([job.path('out')])
    const old = await began(job, 300)
    await until(old, moments['a part has just been begun']!(job))
    old.child.kill('SIGSTOP')
    try {
      const standby = job.submit(STANDBY)
      await until(standby, () => job.epochs().length === 2)
      old.child.kill('SIGCONT')
      const ended = await old.ended
      expect(ended, ended.stderr).toMatchObject({ code: 1 })
      expect(reportOf(ended)).toMatchObject({ status: 'FAILED', failure: { code: 'MILLRACE_FENCED' } })
      const finished = await standby.ended
      expect(finished, finished.stderr).toMatchObject({ code: 0 })
      expect(reportOf(finished)).toMatchObject({ status: 'FINISHED', recordsIn: farm.recordsIn })
      await watch.stop()
      expect(watch.complaints).toEqual([])
      expect(job.lines()).toEqual(farm.alerts)
      expect(hiddenParts(job.path('out'))).toEqual([])
    } finally {
      await kill(old)
    }
  })

  it('goes on with a job whose process a signal stopped; a signal ends itself, and it has started nothing', async () => {
    const job = farm.job(tempFolder())
    const holder = await began(job, 300)
    const [one, other] = [job.submit(STANDBY), job.submit(STANDBY)]
    await Promise.all([one.says(/stands by/), other.says(/stands by/)])
    other.child.kill('SIGINT')
    expect(await other.ended).toMatchObject({ code: 130 })
    holder.child.kill('SIGTERM')
    expect(reportOf(await holder.ended)).toMatchObject({ status: 'SUSPENDED' })
    const finished = await one.ended
    expect(finished, finished.stderr).toMatchObject({ code: 0 })
    expect(reportOf(finished)).toMatchObject({ status: 'FINISHED', recordsIn: farm.recordsIn })
    expect(job.lines()).toEqual(farm.alerts)
  })

  it('is refused before it waits if the job does not fit the checkpoint', async () => {
    const job = farm.job(tempFolder())
    const holder = await began(job, 300)
    try {
      const refused = await job.submit({ ...STANDBY, params: { input: 'file:elsewhere' } }).ended
      expect(refused.code).toBe(2)
      expect(statuses(refused)).toEqual(['REFUSED'])
    } finally {
      await kill(holder)
    }
  })
})
