import { describe, expect, it } from 'vitest'
import { s3SinkOver, type S3SinkOptions } from '../../../operators/connectors/s3/s3-sink.js'
import { defineJob } from '../../../operators/index.js'
import type { JobDefinition } from '../../../runtime/contract/graph.js'
import { controlledSource, runInProcess, sourceOf } from '../../../runtime/testing/index.js'
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

const slowly = sourceOf(arrays, { recordsPerPoll: 5, pollEveryMs: 1 })

function jobOn(model: S3Model, seen: (id: number) => void, options = lasting, source = slowly): JobDefinition {
  return defineJob({
    name: 'lake',
    build(env) {
      env
        .fromSource(source, { uid: 'rows' })
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
    const feed = controlledSource<Row>(3)
    let seen = 0
    const steps = [
      [3, 0, 67],
      [1, 67, 134],
      [2, 134, 200],
    ] as const
    for (const [parallelism, from, to] of steps) {
      arrays.forEach((rows, split) => feed.push(split, ...rows.slice(from, to)))
      if (to === 200) feed.endAll()
      let suspend: () => void = () => undefined
      const job = jobOn(model, () => void (++seen === 3 * to && to < 200 && suspend()), lasting, feed.source)
      const result = await runInProcess(job, {
        parallelism,
        checkpointDirectory,
        checkpointIntervalMs: 10,
        onStart: (running) => (suspend = () => running.suspend()),
      })
      expect(result.status).toBe(to === 200 ? 'FINISHED' : 'SUSPENDED')
      expect(model.lines().length).toBeLessThan(3 * to + (to === 200 ? 1 : 0))
    }
    expect(model.lines().sort()).toEqual(all)
    expect(model.uploads.size).toBe(0)
  })

  it('has what a subtask that had finished was given to end, too', async () => {
    const model = new S3Model(PART)
    const checkpointDirectory = tempFolder()
    const feed = controlledSource<Row>(2)
    feed.push(0, { id: 1 })
    feed.end(0)
    feed.push(1, ...arrays[0]!.slice(0, 100))
    let suspend: () => void = () => undefined
    let seen = 0
    const job = jobOn(model, () => void (++seen === 101 && suspend()), lasting, feed.source)
    const run = () =>
      runInProcess(job, {
        parallelism: 2,
        checkpointDirectory,
        onStart: (running) => (suspend = () => running.suspend()),
      })
    expect((await run()).status).toBe('SUSPENDED')
    feed.push(1, ...arrays[0]!.slice(100))
    feed.end(1)
    expect((await run()).status).toBe('FINISHED')
    expect(model.lines().sort()).toEqual([...arrays[0]!, { id: 1 }].map((row) => JSON.stringify(row)).sort())
    expect(model.uploads.size).toBe(0)
  })
})
