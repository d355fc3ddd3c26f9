import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { listPositions, readEntry } from '../../runtime/checkpoint/log-reader.js'
import { openStorage } from '../../runtime/storage/open-storage.js'
import { hiddenParts, kill, pause } from '../chaos/killed-job.js'
import { OutputWatch } from '../chaos/output-watch.js'
import { windFarm } from '../chaos/wind-farm.js'
import { reportOf } from '../cli/run-cli.js'
import { tempFolder } from '../cli/temp-folder.js'
import { describeWith } from './emulators/availability.js'
import { clientFor, useAwsEnv } from './emulators/aws-env.js'
import type { Emulator } from './emulators/emulator.js'
import { startMoto } from './emulators/moto.js'

const farm = windFarm({ files: 2, lines: 2_000 })

describeWith(['moto'], 'a standby, with checkpoints in S3', () => {
  const bucket = `millrace-${randomUUID()}`
  let emulator: Emulator
  let restoreEnv: () => void
  beforeAll(async () => {
    emulator = await startMoto()
    restoreEnv = useAwsEnv({ s3: emulator })
    const client = new S3Client({ ...clientFor(emulator), forcePathStyle: true })
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
  })
  afterAll(async () => {
    restoreEnv()
    await emulator.stop()
  })

  it(
    'takes over from a process that stands still, which commits nothing when it is woken',
    { timeout: 150_000 },
    async () => {
      const url = `s3://${bucket}/farm`
      const storage = openStorage(url)
      const job = farm.job(tempFolder())
      const watch = new OutputWatch([job.path('out')])
      const place = ['--checkpoint-dir', url, '--checkpoint-interval', '200ms']
      const entries = async () => {
        const found = (await listPositions(storage)).map((at) => readEntry(storage, at, 'chaos'))
        return (await Promise.all(found)).flatMap((entry) => entry ?? [])
      }
      const eventually = async (condition: () => Promise<boolean>): Promise<void> => {
        while (!(await condition())) await pause(20)
      }
      const old = job.submit({ params: { rate: 150 }, options: place })
      try {
        await eventually(
          async () =>
            job.lines().length > 0 && (await entries()).some((e) => e.kind === 'checkpoint' && e.position > 2),
        )
        const standby = job.submit({ params: { rate: 1_500 }, options: [...place, '--standby'] })
        await standby.says(new RegExp(`held by process ${old.child.pid} on `))
        old.child.kill('SIGSTOP')
        await eventually(async () => (await entries()).filter(({ kind }) => kind === 'epoch').length === 2)
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
    },
  )
})
