import { expect, it } from 'vitest'
import { runKilled, wantedKills } from '../kills/killed-world.js'
import { describeWith } from './emulators/availability.js'
import { awsEnv } from './emulators/aws-env.js'
import { startMoto } from './emulators/moto.js'
import { createBucket } from './support-buckets.js'

const { count, seed, timeout } = wantedKills()

describeWith(['moto'], 'checkpoints in S3', () => {
  it(
    `of a job killed ${count} times, in every way, bring it to the output of an undisturbed run`,
    { timeout },
    async () => {
      const moto = await startMoto()
      try {
        await createBucket(moto, 'checkpoints')
        const env = awsEnv({ s3: moto })
        expect(await runKilled(count, seed, { checkpoints: 's3://checkpoints/counted', env })).toEqual([])
      } finally {
        await moto.stop()
      }
    },
  )
})
