import { describe, expect, it } from 'vitest'
import { checkpointPlace, findCheckpoint, laterCheckpoints } from '../../runtime/checkpoint/find-checkpoint.js'
import { importCheckpoint } from '../../runtime/checkpoint/import-checkpoint.js'
import { logPath } from '../../runtime/checkpoint/log-path.js'
import type { CheckpointManifest } from '../../runtime/checkpoint/manifest.js'
import { ManifestLog } from '../../runtime/checkpoint/manifest-log.js'
import type { CheckpointStorage } from '../../runtime/storage/storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'
import { draft, identity, segmentRef, withOperatorState, withSegments } from './manifests.js'

/** A job's storage with checkpoints 1 to `last`, each with a segment. */
async function jobStorage(jobId: string, last: number): Promise<CheckpointStorage> {
  const storage = new MemoryStorage()
  const log = await ManifestLog.open(storage, { jobId })
  await log.takeover({ nonce: 'n', runId: 'run', holder: identity(1), createdAtMs: 0, choose: (latest) => latest })
  for (let id = 1; id <= last; id++) {
    const segment = segmentRef(1, id)
    await storage.write(segment.path, Buffer.from([id, id, id, id]))
    await log.append(draft({ nonce: `n${id}`, checkpointId: id, ...withSegments([segment]) }))
  }
  return storage
}

function bring(
  from: CheckpointStorage,
  checkpoint: CheckpointManifest,
  into: CheckpointStorage,
): Promise<CheckpointManifest> {
  const nonce = 'import'
  return importCheckpoint({ from, checkpoint, into, jobId: 'mine', holder: identity(2), nonce, runId: 'new', nowMs: 1 })
}

describe('a checkpoint of another storage', () => {
  it('becomes the newest of the own log, with its segments, id and counters, as a new run', async () => {
    const from = await jobStorage('theirs', 3)
    const into = new MemoryStorage()
    const copy = await bring(from, await findCheckpoint(from, undefined), into)

    const latest = (await ManifestLog.open(into, { jobId: 'mine' })).latest()
    expect(latest).toEqual(copy)
    expect(latest).toMatchObject({ jobId: 'mine', checkpointId: 3, runId: 'new', jobName: 'job' })
    const [segment] = latest!.operators['averages']!.segments
    expect([...(await into.read(segment!.path))]).toEqual([3, 3, 3, 3])
  })

  it('comes with its large operator state, under a name of its own', async () => {
    const from = new MemoryStorage()
    const log = await ManifestLog.open(from, { jobId: 'theirs' })
    await log.takeover({ nonce: 'n', runId: 'run', holder: identity(1), createdAtMs: 0, choose: (latest) => latest })
    await from.write('segments/e1-c1-list.seg', Buffer.from([7, 7]))
    const operators = withOperatorState('segments/e1-c1-list.seg')
    await log.append(draft({ nonce: 'n1', checkpointId: 1, ...operators }))
    const into = new MemoryStorage()
    const copy = await bring(from, await findCheckpoint(from, undefined), into)
    const { parts } = copy.operators['averages']!.operatorState!['list']!
    expect(parts.map(({ content }) => content)).toEqual(['AA==', undefined])
    expect(parts[1]!.path).not.toBe('segments/e1-c1-list.seg')
    expect([...(await into.read(parts[1]!.path!))]).toEqual([7, 7])
  })

  it('does not meet the own segments, and the next process goes on from it', async () => {
    const from = await jobStorage('theirs', 2)
    const into = await jobStorage('mine', 2)
    const before = (await into.list('segments/')).map(({ path }) => path)
    const copy = await bring(from, await findCheckpoint(from, 2), into)
    expect(copy.checkpointId).toBe(1)
    expect(before).not.toContain(copy.operators['averages']!.segments[0]!.path)

    const log = await ManifestLog.open(into, { jobId: 'mine' })
    const next = await log.takeover({
      nonce: 'q',
      runId: 'x',
      holder: identity(3),
      createdAtMs: 2,
      choose: (latest) => latest,
    })
    expect(next.record.continues).toBe(copy.position)
    await log.append({ ...draft({ nonce: 'after', checkpointId: 4 }), operators: copy.operators })
    await log.retire()
    expect([...(await into.read(copy.operators['averages']!.segments[0]!.path))]).toEqual([1, 1, 1, 1])
  })

  it('with a segment missing or short, is refused, and the job still goes on from where it was', async () => {
    for (const damage of ['missing', 'short']) {
      const from = await jobStorage('theirs', 2)
      const into = await jobStorage('mine', 1)
      const named = await findCheckpoint(from, undefined)
      const { path } = named.operators['averages']!.segments[0]!
      await (damage === 'missing' ? from.delete(path) : from.overwrite(path, Buffer.from([1])))
      await expect(bring(from, named, into)).rejects.toMatchObject({
        code: 'MILLRACE_CORRUPT',
        message: expect.stringContaining(path),
      })
      expect((await ManifestLog.open(into, { jobId: 'mine' })).latest()).toMatchObject({
        checkpointId: 1,
        runId: 'run',
      })
    }
  })
})

describe('where a path leads', () => {
  it.each([
    ['/data/job', '/data/job', undefined],
    ['/data/job/manifests/000000000012.json', '/data/job', 12],
    ['/data/job/manifests', '/data/job', undefined],
    ['/data/job/manifests/', '/data/job', undefined],
    ['s3://bucket/prefix/manifests/000000000003.json', 's3://bucket/prefix', 3],
    ['manifests/000000000003.json', '.', 3],
    ['/data/manifests-of-job', '/data/manifests-of-job', undefined],
  ])('%s', (path, storageUrl, position) => {
    expect(checkpointPlace(path)).toEqual({ storageUrl, position })
  })

  it('nothing there, or no checkpoint, is MILLRACE_RESTORE', async () => {
    const storage = await jobStorage('theirs', 1)
    await expect(findCheckpoint(new MemoryStorage(), undefined)).rejects.toMatchObject({ code: 'MILLRACE_RESTORE' })
    await expect(findCheckpoint(storage, 99)).rejects.toMatchObject({
      code: 'MILLRACE_RESTORE',
      message: expect.stringContaining(logPath(99)),
    })
    await expect(findCheckpoint(storage, 1)).rejects.toMatchObject({ code: 'MILLRACE_RESTORE' })
  })

  it('later checkpoints are those behind it that are still there', async () => {
    const storage = await jobStorage('theirs', 4)
    const ids = async (position: number): Promise<number[]> =>
      (await laterCheckpoints(storage, position, 'theirs')).map((one) => one.checkpointId)
    expect(await ids(3)).toEqual([3, 4])
    expect(await ids(0)).toEqual([1, 2, 3, 4])
  })
})
