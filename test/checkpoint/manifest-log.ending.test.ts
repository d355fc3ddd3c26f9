// What has become of an append whose answer was lost, and the end of a log.
import { describe, expect, it } from 'vitest'
import { ManifestLog } from '../../runtime/checkpoint/manifest-log.js'
import type { CheckpointStorage } from '../../runtime/storage/storage.js'
import { FaultyStorage, type Fault } from '../storage/faulty-storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'
import { draft, identity, segmentRef, withSegments } from './manifests.js'

async function owned(storage: CheckpointStorage, pid: number): Promise<ManifestLog> {
  const log = await ManifestLog.open(storage, { jobId: 'job' })
  await log.takeover({ nonce: `p${pid}`, runId: 'run', holder: identity(pid), createdAtMs: 0, choose: (one) => one })
  return log
}

/** A log that has lost the answers to one append: `first` is what became of its first try. */
async function inDoubt(first: Fault, final = false): Promise<{ files: MemoryStorage; log: ManifestLog }> {
  const files = new MemoryStorage()
  let faults: Fault[] = []
  const create = (operation: string): Fault => (operation === 'createExclusive' ? (faults.shift() ?? 'pass') : 'pass')
  const log = await owned(new FaultyStorage(files, create), 1)
  faults = [first, 'fails', 'fails']
  await expect(log.append(draft({ nonce: 'lost', checkpointId: 1, final }))).rejects.toMatchObject({
    code: 'MILLRACE_STORAGE',
  })
  return { files, log }
}

describe('an append in doubt', () => {
  it('is found when it was written', async () => {
    const { log } = await inDoubt('times out')
    expect(await log.settle()).toMatchObject({ checkpointId: 1, position: 2 })
    expect(log.latest()?.checkpointId).toBe(1)
    expect(await log.settle()).toBe(undefined)
    expect(await log.append(draft({ nonce: 'next', checkpointId: 2 }))).toMatchObject({ position: 3 })
  })

  it('is nothing when it was not, and the next one takes its place', async () => {
    const { log } = await inDoubt('fails')
    expect(await log.settle()).toBe(undefined)
    expect(await log.append(draft({ nonce: 'next', checkpointId: 2 }))).toMatchObject({ position: 2 })
  })

  it('is fenced when another process has taken over, named', async () => {
    for (const first of ['times out', 'fails'] as const) {
      const { files, log } = await inDoubt(first)
      await owned(files, 2)
      await expect(log.settle()).rejects.toMatchObject({ code: 'MILLRACE_FENCED' })
      await expect(log.append(draft({ nonce: 'next' }))).rejects.toMatchObject({ code: 'MILLRACE_FENCED' })
    }
    const files = new MemoryStorage()
    const log = await owned(files, 1)
    expect(await log.settle()).toBe(undefined)
    await owned(files, 2)
    await expect(log.settle()).rejects.toMatchObject({
      code: 'MILLRACE_FENCED',
      message: expect.stringContaining('process 2 on here') as string,
    })
  })

  it('that was the final one is the last one: what comes after it is it', async () => {
    const { files, log } = await inDoubt('times out', true)
    expect(await log.append(draft({ nonce: 'next', checkpointId: 2, final: true }))).toMatchObject({
      checkpointId: 1,
      position: 2,
    })
    expect((await ManifestLog.open(files, { jobId: 'job' })).newestPosition()).toBe(2)
  })
})

describe('a log whose job has ended', () => {
  const withState = async (): Promise<{ files: MemoryStorage; log: ManifestLog }> => {
    const files = new MemoryStorage()
    const log = await owned(files, 1)
    for (const id of [1, 2, 3]) {
      const segment = segmentRef(1, id)
      await files.write(segment.path, Buffer.from('rows'))
      await log.append(draft({ nonce: `c${id}`, checkpointId: id, final: id === 3, ...withSegments([segment]) }))
    }
    await files.write(segmentRef(1, 9).path, Buffer.from('of a checkpoint that was given up'))
    return { files, log }
  }

  it('keeps its epoch records alone when it is forgotten, and the next run is a new one', async () => {
    const { files, log } = await withState()
    expect(await log.forget('end', 77)).toMatchObject({ problems: [] })
    expect([...files.files.keys()].sort()).toEqual(['manifests/000000000001.json', 'manifests/000000000005.json'])
    const next = await ManifestLog.open(files, { jobId: 'job' })
    expect([next.latest(), next.emptyRun()]).toEqual([undefined, undefined])
    await expect(log.append(draft({ nonce: 'late' }))).rejects.toMatchObject({ code: 'MILLRACE_FENCED' })
  })

  it('is not forgotten by a process that was taken over', async () => {
    const { files, log } = await withState()
    await owned(files, 2)
    const before = [...files.files.keys()]
    await expect(log.forget('end', 77)).rejects.toMatchObject({ code: 'MILLRACE_FENCED' })
    expect([...files.files.keys()]).toEqual(before)
  })
})
