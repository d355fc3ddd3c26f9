import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CheckpointManifest } from '../../runtime/checkpoint/manifest.js'
import { MillraceError } from '../../runtime/contract/errors.js'
import { Savepoints } from '../../runtime/coordinator/savepoints.js'
import { LocalStorage } from '../../runtime/storage/local-storage.js'
import { draft, segmentRef, withOperatorState, withSegments } from '../checkpoint/manifests.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-savepoints-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const over = new MillraceError('MILLRACE_CONTROL', 'over')
const into = (): LocalStorage => new LocalStorage(join(folder, 'savepoint'))

function checkpoint(checkpointId: number): CheckpointManifest {
  const fields = withSegments([segmentRef(1, 1), segmentRef(1, 2)])
  return {
    ...draft({ checkpointId, ...fields }),
    format: 1,
    kind: 'checkpoint',
    position: checkpointId + 1,
    epoch: 1,
    jobId: 'job',
  }
}

async function savepoints(parts: readonly number[] = [1, 2]): Promise<{
  readonly all: Savepoints
  readonly pinned: () => number
}> {
  const from = new LocalStorage(join(folder, 'checkpoints'))
  for (const id of parts) await from.write(segmentRef(1, id).path, Buffer.from('data'))
  let pinned = 0
  const pin = (): (() => void) => {
    pinned++
    return () => pinned--
  }
  return { all: new Savepoints({ from, pin }), pinned: () => pinned }
}

describe('a savepoint', () => {
  it('is a copy of the first checkpoint that was begun after it was asked for, kept while it is copied', async () => {
    const { all, pinned } = await savepoints()
    const asked = all.ask(into(), 3)
    all.published(checkpoint(3))
    expect(all.waiting).toBe(true)
    expect(pinned()).toBe(0)
    all.published(checkpoint(4))
    expect(all.waiting).toBe(false)
    expect(pinned()).toBe(1)
    expect(await asked).toEqual({ path: join(folder, 'savepoint'), checkpointId: 4, bytes: 8 })
    await all.end(over)
    expect(pinned()).toBe(0)
  })

  it('has files of operator state, too', async () => {
    const { all } = await savepoints()
    const path = 'segments/e1-c1-list.seg'
    await new LocalStorage(join(folder, 'checkpoints')).write(path, Buffer.from([1, 2]))
    const asked = all.ask(into(), 0)
    all.published({ ...checkpoint(1), ...withOperatorState(path) })
    expect(await asked).toMatchObject({ bytes: 2 })
    expect([...(await into().read(path))]).toEqual([1, 2])
    await all.end(over)
  })

  it('that cannot be copied whole leaves no file, and is let go', async () => {
    const { all, pinned } = await savepoints([1])
    const asked = all.ask(into(), 0)
    all.published(checkpoint(1))
    await expect(asked).rejects.toMatchObject({ code: 'MILLRACE_CORRUPT' })
    await all.end(over)
    expect(pinned()).toBe(0)
    const files = await readdir(join(folder, 'savepoint'), { recursive: true, withFileTypes: true })
    expect(files.filter((file) => file.isFile())).toEqual([])
  })

  it('is refused when its checkpoint is given up, unless that was begun before', async () => {
    const { all } = await savepoints()
    const asked = all.ask(into(), 3)
    all.abandoned(3, 'slow')
    expect(all.waiting).toBe(true)
    all.abandoned(4, 'slow')
    await expect(asked).rejects.toMatchObject({ code: 'MILLRACE_CHECKPOINT' })
  })

  it('is refused when the job ends', async () => {
    const { all } = await savepoints()
    const asked = all.ask(into(), 0)
    const ended = all.end(over)
    await expect(asked).rejects.toBe(over)
    await ended
  })
})
