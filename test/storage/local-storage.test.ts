import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { localStorageError } from '../../runtime/storage/local-errors.js'
import { LocalStorage } from '../../runtime/storage/local-storage.js'
import { storageConformance } from './conformance.js'

const root = mkdtempSync(join(tmpdir(), 'millrace-storage-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let folders = 0
const newFolder = (): string => join(root, `f${folders++}`, 'checkpoints')

storageConformance('a folder', () => {
  const folder = newFolder()
  return Promise.resolve({ storage: new LocalStorage(folder), other: new LocalStorage(folder) })
})

describe('a folder as checkpoint storage', () => {
  it('leaves no temporary file behind, neither after success nor after "exists"', async () => {
    const folder = newFolder()
    const storage = new LocalStorage(folder)
    await storage.createExclusive('a', Buffer.from('1'))
    await storage.createExclusive('a', Buffer.from('2'))
    await storage.overwrite('b', Buffer.from('3'))
    await storage.overwrite('b', Buffer.from('4'))
    expect(readdirSync(folder).sort()).toEqual(['a', 'b'])
  })

  it('hides temporary files of others from its lists, and removes those left for an hour', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'segments'), { recursive: true })
    const old = join(folder, 'segments', '.tmp-old')
    writeFileSync(old, 'half')
    writeFileSync(join(folder, 'segments', '.tmp-young'), 'half')
    const twoHoursAgo = Date.now() / 1000 - 7200
    utimesSync(old, twoHoursAgo, twoHoursAgo)
    const storage = new LocalStorage(folder)
    expect(await storage.list('')).toEqual([])
    await storage.check()
    expect(readdirSync(join(folder, 'segments'))).toEqual(['.tmp-young'])
  })

  it('makes its folder again when it was removed while it ran', async () => {
    const folder = newFolder()
    const storage = new LocalStorage(folder)
    await storage.write('x/1', Buffer.from('1'))
    rmSync(folder, { recursive: true })
    await storage.write('x/2', Buffer.from('2'))
    expect((await storage.list('')).map(({ path }) => path)).toEqual(['x/2'])
  })

  it('says so when a file is where its folder should be', async () => {
    const file = join(root, 'a-file')
    writeFileSync(file, '')
    for (const folder of [file, join(file, 'below')]) {
      await expect(new LocalStorage(folder).check()).rejects.toMatchObject({
        code: 'MILLRACE_STORAGE',
        message: `cannot create the checkpoint folder ${folder}: a file is in the way of a folder`,
        hint: 'choose another --checkpoint-dir',
      })
    }
  })

  it('says so when it may not write (as root: when the kernel refuses folders)', async () => {
    const folder = newFolder()
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o500)
    const refusing = process.getuid?.() === 0 ? '/proc/millrace' : folder
    await expect(new LocalStorage(refusing).check()).rejects.toMatchObject({
      code: 'MILLRACE_STORAGE',
      message: expect.stringContaining(refusing) as string,
    })
  })

  it('calls a full disk a full disk', async () => {
    const error = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    expect(localStorageError('write', '/data/x', error)).toMatchObject({
      code: 'MILLRACE_STORAGE',
      message: 'cannot write /data/x: disk full',
      hint: 'free space there, or choose another --checkpoint-dir',
    })
  })
})
