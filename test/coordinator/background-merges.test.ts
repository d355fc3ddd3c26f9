import { describe, expect, it } from 'vitest'
import type { SegmentRef } from '../../runtime/checkpoint/manifest.js'
import type { MergeJob } from '../../runtime/checkpoint/merge-job.js'
import { BackgroundMerges } from '../../runtime/coordinator/background-merges.js'

const ref = (path: string, subtask: number, [first, last]: [number, number], bytes = 100): SegmentRef => ({
  path,
  epoch: 1,
  checkpointId: Number(path.slice(1)),
  uid: 'w',
  subtask,
  run: path,
  firstKeyGroup: first,
  lastKeyGroup: last,
  rows: 1,
  bytes,
  crc: 0,
})

function merges(parallelism: number, fail = false) {
  const jobs: MergeJob[] = []
  const failures: unknown[] = []
  const run = async (job: MergeJob): Promise<SegmentRef[]> => {
    jobs.push(job)
    if (fail) throw new Error('no disk')
    const { subtask, firstKeyGroup, lastKeyGroup } = job.target
    return [{ ...ref(`m${subtask}`, subtask, [firstKeyGroup, lastKeyGroup], 400), path: `m${subtask}` }]
  }
  const options = { storageUrl: '/ck', epoch: 2, parallelism, maxParallelism: 128, run }
  const background = new BackgroundMerges({ ...options, failed: (_uid, error) => failures.push(error) })
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return { background, jobs, failures, settle }
}

const names = (list: readonly SegmentRef[] | undefined) => list?.map((r) => r.path)

describe('BackgroundMerges', () => {
  const four = ['c1', 'c2', 'c3', 'c4'].map((path) => ref(path, 0, [0, 127]))

  it('replaces the runs it merged, in their place, and keeps what came meanwhile behind', async () => {
    const { background, settle } = merges(1)
    background.consider({ w: four }, 4)
    await settle()
    const lists = background.apply({ w: [...four, ref('c5', 0, [0, 127])] })
    expect(names(lists['w'])).toEqual(['m0', 'c5'])
  })

  it('drops a result whose inputs are no longer all in the list', async () => {
    const { background, settle } = merges(1)
    background.consider({ w: four }, 4)
    await settle()
    const restarted = { w: four.slice(0, 2) }
    expect(background.apply(restarted)).toBe(restarted)
    expect(background.apply({ w: four })).toEqual({ w: four })
  })

  it("after a change of parallelism merges each subtask's share of everything older", async () => {
    const { background, jobs, settle } = merges(2)
    const old = [ref('c1', 0, [0, 127]), ref('c2', 0, [0, 127])]
    background.consider({ w: old }, 2)
    await settle()
    expect(jobs.map((job) => [job.target.firstKeyGroup, job.target.lastKeyGroup, job.target.dropTombstones])).toEqual([
      [0, 63, true],
      [64, 127, true],
    ])
    expect(names(background.apply({ w: old })['w'])).toEqual(['m0', 'm1'])
  })

  it('reports a failure, leaves the list alone and tries again', async () => {
    const { background, jobs, failures, settle } = merges(1, true)
    background.consider({ w: four }, 4)
    await settle()
    expect(failures).toHaveLength(1)
    expect(background.apply({ w: four })).toEqual({ w: four })
    background.consider({ w: four }, 5)
    expect(jobs).toHaveLength(2)
  })

  it('leaves a short list alone', () => {
    const { background, jobs } = merges(1)
    background.consider({ w: four.slice(0, 2) }, 2)
    expect(jobs).toHaveLength(0)
  })
})
