import { describe, expect, it } from 'vitest'
import { S3Model } from './s3-model.js'
import { type JobShape, PART, type Row, runProcess, type World } from './small-job.js'

const rows: Row[] = Array.from({ length: 60 }, (_, id) => ({ id, part: `p=${id % 3}` }))
const all = rows.map((row) => JSON.stringify(row)).sort()

const shapes: Record<string, JobShape> = {
  'objects stay open across checkpoints': {
    rows,
    every: 7,
    parallelism: () => 2,
    options: { partition: ({ part }) => part, roll: { bytes: 300, intervalMs: 400, inactivityMs: 400 } },
  },
  'gzipped, one object a subtask': {
    rows,
    every: 9,
    parallelism: () => 1,
    options: { gzip: true, roll: { bytes: 500, intervalMs: 10_000 } },
  },
  'every checkpoint ends the objects': {
    rows,
    every: 11,
    parallelism: () => 2,
    options: { partition: ({ part }) => part, roll: { onCheckpoint: true } },
  },
  'few objects may be open, and the parallelism changes': {
    rows,
    every: 8,
    parallelism: (epoch) => 1 + (epoch % 3),
    options: { partition: ({ part }) => part, maxOpenObjects: 2, checkpointBytes: 100, roll: { bytes: 200 } },
  },
}

/** Runs the job; the process dies at the n-th of its moments. False when it had fewer. */
async function runWithCrash(world: World, shape: JobShape, moment: number): Promise<boolean> {
  const process = { dead: false }
  let moments = 0
  const pass = (): Error | undefined => {
    if (process.dead) return new Error('dead')
    if (moments++ !== moment) return undefined
    process.dead = true
    return new Error('killed')
  }
  world.model.fault = pass
  const step = (): void => {
    const error = pass()
    if (error !== undefined) throw error
  }
  try {
    await runProcess(world, { ...shape, step }, process)
  } catch (error) {
    if (!process.dead) throw error
  } finally {
    world.model.fault = () => undefined
  }
  return process.dead
}

describe('a process that is killed between any two steps', () => {
  for (const [name, shape] of Object.entries(shapes)) {
    it(`leaves each record once, and no upload, after the next has ended: ${name}`, async () => {
      let moment = 0
      for (let crashed = true; crashed; moment++) {
        const world: World = { model: new S3Model(PART), manifests: [], epoch: 0 }
        crashed = await runWithCrash(world, shape, moment)
        // And the one that takes over, at a moment of its own.
        if (crashed && moment % 2 === 1) await runWithCrash(world, shape, (moment * 7) % 23)
        await runProcess(world, shape, { dead: false })
        expect([moment, world.model.lines().sort()]).toEqual([moment, all])
        expect([moment, [...world.model.uploads.keys()]]).toEqual([moment, []])
      }
      expect(moment).toBeGreaterThan(40)
    })
  }
})

describe('requests that fail', () => {
  it('with their effect or without, fail the attempt; the next brings each record once', async () => {
    for (const name of ['createUpload', 'uploadPart', 'completeUpload', 'tokenOf', 'listUploads'] as const) {
      for (const phase of ['before', 'after'] as const) {
        for (const nth of [1, 2, 5]) {
          const world: World = { model: new S3Model(PART), manifests: [], epoch: 0 }
          let seen = 0
          world.model.fault = (call, when) => {
            if (call.name !== name || when !== phase || ++seen !== nth) return undefined
            return Object.assign(new Error('timed out'), { name: 'TimeoutError' })
          }
          const shape = shapes['objects stay open across checkpoints']!
          for (let attempt = 1; attempt < 4 && world.manifests.at(-1)?.final !== true; attempt++) {
            await runProcess(world, shape, { dead: false }).catch((error: unknown) => {
              expect(error).toMatchObject({ code: 'MILLRACE_OUTPUT' })
            })
          }
          world.model.fault = () => undefined
          await runProcess(world, shape, { dead: false })
          expect([name, phase, nth, world.model.lines().sort()]).toEqual([name, phase, nth, all])
          expect([...world.model.uploads.keys()]).toEqual([])
        }
      }
    }
  })
})
