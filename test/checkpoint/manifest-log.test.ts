import { describe, expect, it } from 'vitest'
import type { CheckpointDraft, CheckpointManifest } from '../../runtime/checkpoint/manifest.js'
import { ManifestLog, type Takeover } from '../../runtime/checkpoint/manifest-log.js'
import type { MillraceError } from '../../runtime/contract/errors.js'
import type { CheckpointStorage } from '../../runtime/storage/storage.js'
import { FaultyStorage, type Fault } from '../storage/faulty-storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'
import { draft, identity, segmentRef, withOperatorState, withSegments } from './manifests.js'

type Choose = (latest: CheckpointManifest | undefined) => CheckpointManifest | undefined

let nonces = 0
const open = (storage: CheckpointStorage, retained?: number): Promise<ManifestLog> =>
  ManifestLog.open(storage, { jobId: 'job', ...(retained === undefined ? {} : { retained }) })

const takeOver = (log: ManifestLog, pid: number, choose: Choose = (latest) => latest): Promise<Takeover> =>
  log.takeover({ nonce: `epoch-${nonces++}`, runId: 'run', holder: identity(pid), createdAtMs: 0, choose })

const append = (
  log: ManifestLog,
  checkpointId: number,
  fields: Partial<CheckpointDraft> = {},
): Promise<CheckpointManifest> => log.append(draft({ nonce: `checkpoint-${nonces++}`, checkpointId, ...fields }))

const owned = async (storage: CheckpointStorage, retained?: number): Promise<ManifestLog> => {
  const log = await open(storage, retained)
  await takeOver(log, 1)
  return log
}

const path = (position: number): string => `manifests/${String(position).padStart(12, '0')}.json`
const positions = (storage: MemoryStorage): number[] =>
  [...storage.files.keys()]
    .filter((name) => name.startsWith('manifests/'))
    .map((name) => parseInt(name.slice(10)))
    .sort((a, b) => a - b)
const segments = (storage: MemoryStorage): string[] =>
  [...storage.files.keys()].filter((name) => name.startsWith('segments/')).sort()

describe('the log of a job', () => {
  it('is empty at first', async () => {
    const log = await open(new MemoryStorage())
    expect([log.latest(), log.newestPosition(), log.newestEpoch()]).toEqual([undefined, 0, 0])
  })

  it('numbers epochs and checkpoints in one line, which the next process goes on from', async () => {
    const storage = new MemoryStorage()
    const first = await owned(storage)
    expect(await append(first, 1)).toMatchObject({ position: 2, epoch: 1, checkpointId: 1, jobId: 'job' })
    expect((await append(first, 2)).position).toBe(3)
    const second = await open(storage)
    expect(second.latest()).toEqual(first.latest())
    const { record, checkpoint } = await takeOver(second, 2)
    expect(record).toMatchObject({ position: 4, epoch: 2, continues: 3, holder: { pid: 2 } })
    expect(checkpoint?.checkpointId).toBe(2)
    expect(await append(second, 3)).toMatchObject({ position: 5, epoch: 2 })
  })

  it('goes on from the last checkpoint through any number of epochs that made none', async () => {
    const storage = new MemoryStorage()
    await append(await owned(storage), 1)
    for (let i = 0; i < 3; i++) await owned(storage)
    expect((await open(storage)).latest()?.position).toBe(2)
  })

  it('does not go back to the checkpoints of a run that was given up for a fresh start', async () => {
    const storage = new MemoryStorage()
    await append(await owned(storage), 1)
    const fresh = await open(storage)
    expect((await takeOver(fresh, 2, () => undefined)).checkpoint).toBeUndefined()
    expect((await open(storage)).latest()).toBeUndefined()
    await append(fresh, 1)
    expect((await open(storage)).latest()?.position).toBe(4)
  })

  it('goes on from an older checkpoint when that is chosen', async () => {
    const storage = new MemoryStorage()
    const first = await owned(storage)
    const older = await append(first, 1)
    await append(first, 2)
    await takeOver(await open(storage), 2, () => older)
    expect((await open(storage)).latest()?.checkpointId).toBe(1)
  })

  it('writes nothing when the choice is refused', async () => {
    const storage = new MemoryStorage()
    const log = await open(storage)
    const refuse: Choose = () => {
      throw new Error('other parameters')
    }
    await expect(takeOver(log, 1, refuse)).rejects.toThrow('other parameters')
    expect(storage.files.size).toBe(0)
  })

  it('asks again when the old process got another checkpoint in before the takeover', async () => {
    const storage = new MemoryStorage()
    const first = await owned(storage)
    await append(first, 1)
    const second = await open(storage)
    await append(first, 2)
    const asked: (number | undefined)[] = []
    const { record } = await takeOver(second, 2, (latest) => {
      asked.push(latest?.checkpointId)
      return latest
    })
    expect(asked).toEqual([1, 2])
    expect(record).toMatchObject({ position: 4, epoch: 2, continues: 3 })
  })

  it('fences the old process, which names the new one, and stays fenced', async () => {
    const storage = new MemoryStorage()
    const first = await owned(storage)
    await append(first, 1)
    await takeOver(await open(storage), 77)
    await expect(append(first, 2)).rejects.toMatchObject({
      code: 'MILLRACE_FENCED',
      message: 'another process took over job "job" (process 77 on here)',
    })
    storage.files.delete(path(3))
    await expect(append(first, 3)).rejects.toMatchObject({ code: 'MILLRACE_FENCED' })
  })

  it('takes no append before a takeover', async () => {
    await expect(append(await open(new MemoryStorage()), 1)).rejects.toMatchObject({ code: 'MILLRACE_INTERNAL' })
  })
})

describe('a damaged log', () => {
  const setUp = async (): Promise<MemoryStorage> => {
    const storage = new MemoryStorage()
    const log = await owned(storage)
    await append(log, 1)
    await append(log, 2)
    return storage
  }

  it('is not passed over: a corrupt newest checkpoint is named', async () => {
    const storage = await setUp()
    const bytes = storage.files.get(path(3)) as Buffer
    for (const damaged of [
      bytes.subarray(0, 50),
      Buffer.alloc(0),
      Buffer.from(bytes.toString().replace('nonce', 'nonse')),
    ]) {
      storage.files.set(path(3), damaged)
      await expect(open(storage)).rejects.toMatchObject({
        code: 'MILLRACE_CORRUPT',
        message: expect.stringContaining(`memory:/${path(3)}`) as string,
      })
    }
  })

  it('says so when the checkpoint to go on from is missing', async () => {
    const storage = await setUp()
    await owned(storage)
    storage.files.delete(path(3))
    await expect(open(storage)).rejects.toMatchObject({
      code: 'MILLRACE_CORRUPT',
      message: `the checkpoint that memory:/${path(4)} continues is missing`,
    })
  })

  it('says so when a file was renamed', async () => {
    const storage = await setUp()
    storage.files.set(path(4), storage.files.get(path(2)) as Buffer)
    await expect(open(storage)).rejects.toMatchObject({
      code: 'MILLRACE_CORRUPT',
      message: `checkpoint file memory:/${path(4)} holds position 2, not 4`,
    })
  })

  it('is another job’s: refused before anything is written', async () => {
    const storage = await setUp()
    const before = [...storage.files.keys()]
    await expect(ManifestLog.open(storage, { jobId: 'other' })).rejects.toMatchObject({
      code: 'MILLRACE_RESTORE',
      message: 'memory: holds checkpoints of job "job", not "other"',
    })
    expect([...storage.files.keys()]).toEqual(before)
  })

  it('holds files of others: they are no entries', async () => {
    const storage = await setUp()
    storage.files.set('manifests/000000000009.json.bak', Buffer.from('x'))
    storage.files.set('manifests/notes.txt', Buffer.from('x'))
    expect((await open(storage)).newestPosition()).toBe(3)
  })
})

describe('an append whose answer got lost', () => {
  /** Faults of the next createExclusive calls, in turn. */
  const faulty = async (): Promise<{ files: MemoryStorage; log: ManifestLog; next: (...faults: Fault[]) => void }> => {
    const files = new MemoryStorage()
    let faults: Fault[] = []
    const create = (operation: string): Fault => (operation === 'createExclusive' ? (faults.shift() ?? 'pass') : 'pass')
    const log = await owned(new FaultyStorage(files, create))
    return { files, log, next: (...given) => void (faults = given) }
  }

  it('counts as ours when it reads back our nonce', async () => {
    const { files, log, next } = await faulty()
    next('times out')
    expect((await append(log, 1)).position).toBe(2)
    expect(positions(files)).toEqual([1, 2])
  })

  it('is tried again when nothing was written', async () => {
    const { files, log, next } = await faulty()
    next('fails', 'fails')
    expect((await append(log, 1)).position).toBe(2)
    expect(positions(files)).toEqual([1, 2])
  })

  it('fails with the first cause when it never works, and the next one may work', async () => {
    const { files, log, next } = await faulty()
    next('fails', 'fails', 'fails')
    await expect(append(log, 1)).rejects.toMatchObject({
      code: 'MILLRACE_STORAGE',
      message: expect.stringContaining(path(2)) as string,
    })
    expect((await append(log, 2)).position).toBe(2)
    expect(positions(files)).toEqual([1, 2])
  })

  it('comes before the next one when it was written after all', async () => {
    const { files, log, next } = await faulty()
    next('times out', 'fails', 'fails')
    await expect(append(log, 1)).rejects.toMatchObject({ code: 'MILLRACE_STORAGE' })
    expect(await append(log, 2)).toMatchObject({ position: 3, checkpointId: 2 })
    expect(positions(files)).toEqual([1, 2, 3])
    expect((await open(files)).latest()?.checkpointId).toBe(2)
  })

  it('is fenced when the log went on elsewhere meanwhile and its position was deleted', async () => {
    const { files, log, next } = await faulty()
    next('times out', 'fails', 'fails')
    await expect(append(log, 1)).rejects.toMatchObject({ code: 'MILLRACE_STORAGE' })
    const other = await owned(files, 1)
    await append(other, 2)
    await other.retire()
    expect(positions(files)).toEqual([1, 3, 4])
    await expect(append(log, 2)).rejects.toMatchObject({ code: 'MILLRACE_FENCED' })
    expect((await open(files)).latest()?.position).toBe(4)
  })

  it('may be a takeover, which can be tried again', async () => {
    const { files, log } = await faulty()
    await append(log, 1)
    let broken = true
    const create = (operation: string): Fault => (broken && operation === 'createExclusive' ? 'fails' : 'pass')
    const second = await open(new FaultyStorage(files, create))
    await expect(takeOver(second, 2)).rejects.toMatchObject({ code: 'MILLRACE_STORAGE' })
    broken = false
    expect((await takeOver(second, 2)).record).toMatchObject({ position: 3, epoch: 2 })
  })
})

describe('retention', () => {
  const withFiles = async (
    storage: MemoryStorage,
    epoch: number,
    ids: readonly number[],
  ): Promise<Partial<CheckpointDraft>> => {
    const refs = ids.map((id) => segmentRef(epoch, id))
    for (const ref of refs) if (!storage.files.has(ref.path)) await storage.write(ref.path, Buffer.from('x'))
    return withSegments(refs)
  }

  it('keeps the newest two checkpoints, what they refer to, and every epoch record', async () => {
    const storage = new MemoryStorage()
    const log = await owned(storage)
    for (const [id, refs] of [
      [1, [1]],
      [2, [1, 2]],
      [3, [2, 3]],
      [4, [3, 4]],
    ] as const) {
      await append(log, id, await withFiles(storage, 1, refs))
      expect((await log.retire()).problems).toEqual([])
    }
    expect(positions(storage)).toEqual([1, 4, 5])
    expect(segments(storage)).toEqual([2, 3, 4].map((id) => segmentRef(1, id).path))
  })

  it('keeps a file of operator state as long as a checkpoint that is kept names it', async () => {
    const storage = new MemoryStorage()
    const log = await owned(storage)
    const file = (id: number): string => `segments/e1-c${id}-list.seg`
    for (const [id, of] of [
      [1, 1],
      [2, 2],
      [3, 2],
      [4, 2],
      [5, 5],
    ] as const) {
      if (!storage.files.has(file(of))) await storage.write(file(of), Buffer.from('xx'))
      await append(log, id, withOperatorState(file(of)))
      await log.retire()
    }
    expect(segments(storage)).toEqual([file(2), file(5)])
  })

  it('keeps a pinned checkpoint and its segments until it is let go', async () => {
    const storage = new MemoryStorage()
    const log = await owned(storage)
    const first = await append(log, 1, await withFiles(storage, 1, [1]))
    const unpin = log.pin(first)
    const again = log.pin(first)
    for (const id of [2, 3, 4]) {
      await append(log, id, await withFiles(storage, 1, [id]))
      await log.retire()
    }
    expect(positions(storage)).toEqual([1, 2, 4, 5])
    expect(segments(storage)).toContain(segmentRef(1, 1).path)
    unpin()
    await log.retire()
    expect(positions(storage)).toEqual([1, 2, 4, 5])
    again()
    await log.retire()
    expect(positions(storage)).toEqual([1, 4, 5])
    expect(segments(storage)).not.toContain(segmentRef(1, 1).path)
  })

  it('does not touch segments of its own epoch that no manifest has seen yet', async () => {
    const storage = new MemoryStorage()
    const log = await owned(storage, 1)
    await append(log, 1, await withFiles(storage, 1, [1]))
    await storage.write(segmentRef(1, 99).path, Buffer.from('in the making'))
    await log.retire()
    expect(segments(storage)).toContain(segmentRef(1, 99).path)
  })

  it('sweeps what earlier epochs left, once this one has a checkpoint, and nothing of a later epoch', async () => {
    const storage = new MemoryStorage()
    const first = await owned(storage)
    for (const id of [1, 2, 3]) await append(first, id, await withFiles(storage, 1, [id]))
    await storage.write(segmentRef(1, 50).path, Buffer.from('aborted'))
    await storage.write(segmentRef(7, 1).path, Buffer.from('of a later epoch'))
    const second = await open(storage)
    await takeOver(second, 2)
    await second.retire()
    expect(positions(storage)).toEqual([1, 2, 3, 4, 5])
    await append(second, 4, await withFiles(storage, 2, [4]))
    await second.retire()
    expect(positions(storage)).toEqual([1, 4, 5, 6])
    expect(segments(storage)).toEqual([segmentRef(1, 3).path, segmentRef(2, 4).path, segmentRef(7, 1).path])
  })

  it('reports what it cannot delete, keeps its segments while the manifest stands, and tries again', async () => {
    const files = new MemoryStorage()
    let fault: Fault = 'pass'
    const storage = new FaultyStorage(files, (operation) => (operation === 'delete' ? fault : 'pass'))
    const log = await owned(storage, 1)
    await append(log, 1, await withFiles(files, 1, [1]))
    await append(log, 2, await withFiles(files, 1, [2]))
    fault = 'fails'
    const report = await log.retire()
    expect(report.deleted).toEqual([])
    expect(report.problems.map(({ code }) => code)).toEqual(['MILLRACE_STORAGE'])
    expect(segments(files)).toHaveLength(2)
    fault = 'pass'
    expect((await log.retire()).deleted).toEqual([path(2), segmentRef(1, 1).path])
  })

  it('keeps what a checkpoint of an earlier epoch refers to that could not be read just now, and looks again', async () => {
    const files = new MemoryStorage()
    const first = await owned(files)
    await append(first, 1, await withFiles(files, 1, [1]))
    await append(first, 2, await withFiles(files, 1, [2]))
    let fault: Fault = 'pass'
    const storage = new FaultyStorage(files, (_, file) => (file === path(2) ? fault : 'pass'))
    const second = await open(storage)
    await takeOver(second, 2)
    for (const id of [3, 4]) await append(second, id, await withFiles(files, 2, [id]))
    fault = 'fails'
    expect((await second.retire()).problems.map(({ code }) => code)).toEqual(['MILLRACE_STORAGE'])
    expect(positions(files)).toContain(2)
    expect(segments(files)).toContain(segmentRef(1, 1).path)
    fault = 'pass'
    expect((await second.retire()).problems).toEqual([])
    expect(positions(files)).not.toContain(2)
    expect(segments(files)).toEqual([3, 4].map((id) => segmentRef(2, id).path))
  })

  it('reports a damaged old checkpoint and goes on without it', async () => {
    const storage = new MemoryStorage()
    const first = await owned(storage)
    await append(first, 1)
    await append(first, 2)
    const second = await owned(storage)
    storage.files.set(path(2), Buffer.from('damaged'))
    await append(second, 3)
    const { problems } = await second.retire()
    expect(problems.map((problem: MillraceError) => problem.code)).toEqual(['MILLRACE_CORRUPT'])
    expect((await open(storage)).latest()?.checkpointId).toBe(3)
  })
})
