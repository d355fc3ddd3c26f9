import { describe, expect, it } from 'vitest'
import { s3SinkOver, type S3SinkOptions } from '../../../operators/connectors/s3/s3-sink.js'
import { defineJob } from '../../../operators/index.js'
import type { JobDefinition } from '../../../runtime/contract/graph.js'
import { runInProcess, sourceOf } from '../../../runtime/testing/index.js'
import { tempFolder } from '../support.js'
import { S3Model } from './s3-model.js'
import { PART } from './small-job.js'

interface Row {
  readonly id: number
}

const arrays = [0, 1, 2].map((array) => Array.from({ length: 200 }, (_, i): Row => ({ id: array * 1000 + i })))
const all = arrays
  .flat()
  .map((row) => JSON.stringify(row))
  .sort()

const lasting: Partial<S3SinkOptions<Row>> = {
  prefix: 'lake',
  partition: ({ id }) => `p=${id % 4}`,
  roll: { bytes: 700, intervalMs: 1e9, inactivityMs: 1e9 },
}

function jobOn(model: S3Model, seen: (id: number) => void, options = lasting): JobDefinition {
  return defineJob({
    name: 'lake',
    build(env) {
      env
        .fromSource(sourceOf(arrays, { recordsPerPoll: 5, pollEveryMs: 1 }), { uid: 'rows' })
        .map((row) => {
          seen(row.id)
          return row
        })
        .sinkTo(
          s3SinkOver<Row>({ bucket: 'bucket', ...options }, () => Promise.resolve(model.calls()), PART),
          { uid: 'lake' },
        )
    },
  })
}

describe('a job that writes to S3', () => {
  it('has everything published at its end, and no upload left', async () => {
    const model = new S3Model(PART)
    expect(
      (
        await runInProcess(
          jobOn(model, () => undefined),
          { parallelism: 2 },
        )
      ).status,
    ).toBe('FINISHED')
    expect(model.lines().sort()).toEqual(all)
    expect(model.uploads.size).toBe(0)
  })

  it('that fails several times has each record once, and no upload left', async () => {
    const model = new S3Model(PART)
    const failAt = new Set([60, 1120, 2150])
    const job = jobOn(model, (id) => {
      if (failAt.delete(id)) throw new Error(`failed at ${id}`)
    })
    const result = await runInProcess(job, { parallelism: 2, checkpointIntervalMs: 5, restartAttempts: 10 })
    expect(result.status).toBe('FINISHED')
    expect(failAt.size).toBe(0)
    expect(model.lines().sort()).toEqual(all)
    expect(model.uploads.size).toBe(0)
  })

  it('that is suspended with open objects goes on with another parallelism, and has each record once', async () => {
    const model = new S3Model(PART)
    const checkpointDirectory = tempFolder()
    let seen = 0
    for (const [parallelism, until] of [
      [3, 200],
      [1, 400],
      [2, Infinity],
    ] as const) {
      let suspend: () => void = () => undefined
      const job = jobOn(model, () => {
        if (++seen === until) suspend()
      })
      const result = await runInProcess(job, {
        parallelism,
        checkpointDirectory,
        checkpointIntervalMs: 10,
        onStart: (running) => (suspend = () => running.suspend()),
      })
      expect(result.status).toBe(until === Infinity ? 'FINISHED' : 'SUSPENDED')
    }
    expect(model.lines().sort()).toEqual(all)
    expect(model.uploads.size).toBe(0)
  })

  it('has what a subtask that had finished was given to end, too', async () => {
    const model = new S3Model(PART)
    const checkpointDirectory = tempFolder()
    let suspend: () => void = () => undefined
    let seen = 0
    const short = [[{ id: 1 }], arrays[0]!]
    const job = defineJob({
      name: 'lake',
      build(env) {
        env
          .fromSource(sourceOf<Row>(short, { recordsPerPoll: 5, pollEveryMs: 1 }), { uid: 'rows' })
          .map((row) => {
            if (++seen === 150) suspend()
            return row
          })
          .sinkTo(
            s3SinkOver<Row>({ bucket: 'bucket', ...lasting }, () => Promise.resolve(model.calls()), PART),
            { uid: 'lake' },
          )
      },
    })
    const run = () =>
      runInProcess(job, {
        parallelism: 2,
        checkpointDirectory,
        onStart: (running) => (suspend = () => running.suspend()),
      })
    expect((await run()).status).toBe('SUSPENDED')
    suspend = () => undefined
    expect((await run()).status).toBe('FINISHED')
    expect(model.lines()).toHaveLength(201)
    expect(model.uploads.size).toBe(0)
  })
})
