import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SegmentRanges } from '../../runtime/checkpoint/segment-ranges.js'
import { SegmentRunWriter } from '../../runtime/checkpoint/segment-run.js'
import type { SegmentRef } from '../../runtime/checkpoint/manifest.js'
import { LocalCopies } from '../../runtime/storage/local-copies.js'
import { openStorage } from '../../runtime/storage/open-storage.js'
import { addRows, row } from '../checkpoint/rows.js'
import { FaultyStorage } from './faulty-storage.js'
import { MemoryStorage } from './memory-storage.js'

let folder: string
let remote: MemoryStorage
let downloads: number
let storage: LocalCopies

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-copies-'))
  remote = new MemoryStorage()
  downloads = 0
  const counting = new FaultyStorage(remote, (operation) => {
    if (operation === 'readRange') downloads++
    return 'pass'
  })
  storage = new LocalCopies(counting, join(folder, 'copies'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const copies = (): string[] => readdirSync(join(folder, 'copies')).sort()
const rows = Array.from({ length: 3_000 }, (_, i) => row(i >> 8, `key-${String(i).padStart(5, '0')}`, 'x'.repeat(60)))

async function store(): Promise<readonly SegmentRef[]> {
  const target = { epoch: 1, checkpointId: 1, uid: 'op', subtask: 0, run: 's' }
  const writer = new SegmentRunWriter(storage, target)
  await addRows(writer, rows)
  return writer.finish()
}

async function count(refs: readonly SegmentRef[]): Promise<number> {
  const ranges = await SegmentRanges.open(storage, refs, 0, 15)
  let found = 0
  for (let i = 0; i + 1 < ranges.bounds.length; i++) {
    const cursor = await ranges.read(ranges.bounds[i]!, ranges.bounds[i + 1]!)
    while (cursor.next()) found++
  }
  return found
}

describe('local copies of segments', () => {
  it('are read in place of the storage, and go when the segment is deleted', async () => {
    const refs = await store()
    expect(await count(refs)).toBe(rows.length)
    expect(downloads).toBe(0)
    await storage.delete(refs[0]!.path)
    expect(copies()).toEqual([])
    expect(remote.files.size).toBe(0)
  })

  it('that are damaged anywhere, or cut off, are dropped, and the storage is read', async () => {
    const refs = await store()
    const path = join(folder, 'copies', copies()[0]!)
    const good = readFileSync(path)
    const damaged = [100, good.length - 100, good.length - 10].map((at) => {
      const bytes = Buffer.from(good)
      bytes[at]! ^= 1
      return bytes
    })
    for (const bytes of [...damaged, good.subarray(0, 60_000), Buffer.alloc(0)]) {
      writeFileSync(path, bytes)
      downloads = 0
      expect(await count(refs)).toBe(rows.length)
      expect(downloads).toBeGreaterThan(0)
    }
  })

  it('do not hide that the storage itself is damaged', async () => {
    const refs = await store()
    remote.files.get(refs[0]!.path)![100]! ^= 1
    expect(await count(refs)).toBe(rows.length)
    await storage.keepOnly([])
    await expect(count(refs)).rejects.toMatchObject({ code: 'MILLRACE_CORRUPT' })
  })

  it('are of segments only, and those of earlier runs are deleted', async () => {
    await storage.write('manifests/1.json', Buffer.from('{}'))
    await storage.write('segments/a.seg', Buffer.from('a'))
    await storage.write('segments/b.seg', Buffer.from('b'))
    expect(copies()).toEqual(['a.seg', 'b.seg'])
    await storage.keepOnly(['segments/b.seg'])
    expect(copies()).toEqual(['b.seg'])
  })

  it('fail nothing where they cannot be written', async () => {
    writeFileSync(join(folder, 'copies'), 'in the way')
    const refs = await store()
    expect(await count(refs)).toBe(rows.length)
    await storage.delete(refs[0]!.path)
  })

  it('are opened by the same URL in another thread', () => {
    const here = new LocalCopies(openStorage('s3://bucket/job?region=eu-west-1'), '/data/a b#c')
    const there = openStorage(here.url())
    expect(there).toBeInstanceOf(LocalCopies)
    expect([there.url(), there.describe()]).toEqual([here.url(), 's3://bucket/job'])
  })
})
