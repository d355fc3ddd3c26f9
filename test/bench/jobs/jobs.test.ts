import { describe, expect, it } from 'vitest'
import { expected, RECORDS } from './expected.js'
import { runBenchJob } from './run-job.js'

describe.each([1, 2, 4])('benchmark jobs at parallelism %i', (parallelism) => {
  it.each(expected)('$name comes to the pinned answer', async ({ job, count, checksum }) => {
    expect(await runBenchJob(job, parallelism)).toEqual({
      status: 'FINISHED',
      failedAt: undefined,
      result_count: count,
      result_checksum: checksum,
    })
  })
})

describe('benchmark jobs that fail in the middle and go on from a checkpoint', () => {
  const FAIL_AFTER = RECORDS / 4

  it.each(expected)('$name comes to the same answer', async ({ job, count, checksum }) => {
    const { failedAt, ...run } = await runBenchJob(job, 2, FAIL_AFTER)
    expect(failedAt).toBeGreaterThanOrEqual(FAIL_AFTER)
    expect(run).toEqual({ status: 'FINISHED', result_count: count, result_checksum: checksum })
  })
})
