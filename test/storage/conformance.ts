import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { CheckpointStorage } from '../../runtime/storage/storage.js'

export interface StorageUnderTest {
  /** A storage that nobody else writes to. */
  readonly storage: CheckpointStorage
  /** A second one over the same files, as another process would open it. */
  readonly other: CheckpointStorage
}

/** What every checkpoint storage does. Each implementation runs it. */
export function storageConformance(name: string, open: () => Promise<StorageUnderTest>): void {
  describe(`${name} is a checkpoint storage`, () => {
    it('passes its own check', async () => {
      const { storage } = await open()
      await storage.check()
      await storage.check()
      expect(await storage.list('')).toEqual([])
    })

    it('gives back what was written, whole and in ranges', async () => {
      const { storage, other } = await open()
      const bytes = randomBytes(300_000)
      await storage.write('a/b/c.seg', bytes)
      expect(bytes.equals(await other.read('a/b/c.seg'))).toBe(true)
      expect(bytes.subarray(5, 70_000).equals(await other.readRange('a/b/c.seg', 5, 70_000))).toBe(true)
      expect((await other.readRange('a/b/c.seg', 299_990, 400_000)).equals(bytes.subarray(299_990))).toBe(true)
      expect((await other.readRange('a/b/c.seg', 300_000, 300_010)).length).toBe(0)
      expect((await other.readRange('a/b/c.seg', 10, 10)).length).toBe(0)
    })

    it('keeps an empty file', async () => {
      const { storage, other } = await open()
      await storage.write('empty', new Uint8Array(0))
      expect((await other.read('empty')).length).toBe(0)
      expect(await other.list('')).toEqual([{ path: 'empty', size: 0 }])
    })

    it('writes only the viewed part of a buffer', async () => {
      const { storage } = await open()
      const backing = new Uint8Array([1, 2, 3, 4, 5])
      await storage.write('view', backing.subarray(1, 3))
      await storage.createExclusive('exclusive', backing.subarray(2, 5))
      expect([...(await storage.read('view'))]).toEqual([2, 3])
      expect([...(await storage.read('exclusive'))]).toEqual([3, 4, 5])
    })

    it('creates a file once, whoever comes second', async () => {
      const { storage, other } = await open()
      expect(await storage.createExclusive('log/1', Buffer.from('first'))).toBe('created')
      expect(await other.createExclusive('log/1', Buffer.from('second'))).toBe('exists')
      expect(await storage.createExclusive('log/1', Buffer.from('third'))).toBe('exists')
      expect((await other.read('log/1')).toString()).toBe('first')
    })

    it('lets exactly one of many concurrent creators win', async () => {
      const { storage, other } = await open()
      const creators = Array.from({ length: 12 }, (_, i) => {
        const bytes = Buffer.alloc(20_000, i)
        return (i % 2 === 0 ? storage : other).createExclusive('log/7', bytes)
      })
      const outcomes = await Promise.all(creators)
      const winner = outcomes.indexOf('created')
      expect(outcomes.filter((outcome) => outcome === 'created')).toHaveLength(1)
      expect((await storage.read('log/7')).equals(Buffer.alloc(20_000, winner))).toBe(true)
    })

    it('may create a file again after it was deleted', async () => {
      const { storage } = await open()
      await storage.createExclusive('log/1', Buffer.from('a'))
      await storage.delete('log/1')
      expect(await storage.createExclusive('log/1', Buffer.from('b'))).toBe('created')
    })

    it('overwrites as a whole: a reader sees the old or the new bytes', async () => {
      const { storage, other } = await open()
      await storage.overwrite('holder', Buffer.alloc(100_000, 1))
      let done = false
      const writing = storage.overwrite('holder', Buffer.alloc(50_000, 2)).then(() => {
        done = true
      })
      do {
        const seen = await other.read('holder')
        expect(seen.equals(Buffer.alloc(seen.length, seen[0])) && [100_000, 50_000].includes(seen.length)).toBe(true)
      } while (!done)
      await writing
      expect((await other.read('holder')).length).toBe(50_000)
    })

    it('says which file is missing, or gives undefined when asked to', async () => {
      const { storage } = await open()
      const path = `nowhere/${randomUUID()}`
      expect(await storage.readIfExists(path)).toBeUndefined()
      const missing = { code: 'MILLRACE_STORAGE', message: expect.stringContaining(path) as string }
      await expect(storage.read(path)).rejects.toMatchObject(missing)
      await expect(storage.readRange(path, 0, 10)).rejects.toMatchObject(missing)
    })

    it('deletes, and does not mind what is gone', async () => {
      const { storage, other } = await open()
      await storage.write('x/1', Buffer.from('1'))
      await storage.delete('x/1')
      await other.delete('x/1')
      await storage.delete('never/there')
      expect(await storage.readIfExists('x/1')).toBeUndefined()
      expect(await other.list('x/')).toEqual([])
    })

    it('lists by prefix, ordered by path, with sizes', async () => {
      const { storage, other } = await open()
      for (const path of ['m/2', 'm/10', 'm/1', 's/e1-a', 's/e10-b', 's/e2', 'top', 'm/sub/deep']) {
        await storage.write(path, Buffer.alloc(path.length))
      }
      const paths = async (prefix: string): Promise<string[]> => (await other.list(prefix)).map(({ path }) => path)
      expect(await paths('m/')).toEqual(['m/1', 'm/10', 'm/2', 'm/sub/deep'])
      expect(await paths('s/e1')).toEqual(['s/e1-a', 's/e10-b'])
      expect(await paths('m/su')).toEqual(['m/sub/deep'])
      expect(await paths('nothing/')).toEqual([])
      expect(await paths('')).toEqual(['m/1', 'm/10', 'm/2', 'm/sub/deep', 's/e1-a', 's/e10-b', 's/e2', 'top'])
      expect((await other.list('s/e10')).map(({ size }) => size)).toEqual(['s/e10-b'.length])
    })

    it('lists more files than one page holds', async () => {
      const { storage } = await open()
      const count = 1_005
      for (let from = 0; from < count; from += 50) {
        const batch = Array.from({ length: Math.min(50, count - from) }, (_, i) => `many/${from + i}`)
        await Promise.all(batch.map((path) => storage.write(path, Buffer.from('x'))))
      }
      expect(await storage.list('many/')).toHaveLength(count)
    }, 60_000)

    it.each(['', '/abs', 'a//b', '../up', 'a/../b', 'a/./b', 'a/', 'a\\b'])('refuses the path "%s"', async (path) => {
      const { storage } = await open()
      await expect(storage.write(path, Buffer.from('x'))).rejects.toMatchObject({ code: 'MILLRACE_INTERNAL' })
      await expect((async () => storage.read(path))()).rejects.toMatchObject({ code: 'MILLRACE_INTERNAL' })
    })
  })
}
