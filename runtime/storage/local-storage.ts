// Invariant: a visible file is complete and durable. Bytes go to a hidden temporary file first, then
//
//   write .tmp-x -> fsync .tmp-x -> link (create once) | rename (replace) -> fsync folder
//
// and a folder that had to be made is fsynced into its parent before its first file counts.
import { randomUUID } from 'node:crypto'
import { link, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { makeFolder, syncFolder } from './durable-folder.js'
import { localStorageError, systemCode } from './local-errors.js'
import { probeStorage } from './probe.js'
import type { CheckpointStorage, StoredFile } from './storage.js'
import { byPath, checkStoragePath } from './storage-path.js'

const TEMPORARY = '.tmp-'
const ABANDONED_AFTER_MS = 3_600_000

/** Checkpoint storage in a folder (local disk, or a network mount with hard links). Made on the first write, with its parents. */
export class LocalStorage implements CheckpointStorage {
  readonly #root: string

  constructor(folder: string) {
    this.#root = resolve(folder)
  }

  async createExclusive(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    const target = this.#file(path)
    const temporary = await this.#writeTemporary(target, bytes)
    let outcome: 'created' | 'exists' = 'created'
    try {
      await link(temporary, target)
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw localStorageError('create', target, linkError(error))
      outcome = 'exists'
    } finally {
      await removeQuietly(temporary)
    }
    // Also when it exists: an earlier attempt of ours may have made the link and failed before this.
    await syncFolder(dirname(target))
    return outcome
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.overwrite(path, bytes)
  }

  async overwrite(path: string, bytes: Uint8Array): Promise<void> {
    const target = this.#file(path)
    const temporary = await this.#writeTemporary(target, bytes)
    try {
      await rename(temporary, target)
    } catch (error) {
      await removeQuietly(temporary)
      throw localStorageError('write', target, error)
    }
    await syncFolder(dirname(target))
  }

  async read(path: string): Promise<Buffer> {
    const target = this.#file(path)
    try {
      return await readFile(target)
    } catch (error) {
      throw localStorageError('read', target, error)
    }
  }

  async readIfExists(path: string): Promise<Buffer | undefined> {
    const target = this.#file(path)
    try {
      return await readFile(target)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw localStorageError('read', target, error)
    }
  }

  async readRange(path: string, from: number, to: number): Promise<Buffer> {
    const target = this.#file(path)
    try {
      const handle = await open(target, 'r')
      try {
        const bytes = Buffer.allocUnsafe(Math.max(0, to - from))
        let filled = 0
        while (filled < bytes.length) {
          const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, from + filled)
          if (bytesRead === 0) break
          filled += bytesRead
        }
        return bytes.subarray(0, filled)
      } finally {
        await handle.close()
      }
    } catch (error) {
      throw localStorageError('read', target, error)
    }
  }

  async list(prefix: string): Promise<StoredFile[]> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    const found: StoredFile[] = []
    await this.#walk(folder, prefix, found)
    return found.sort(byPath)
  }

  async delete(path: string): Promise<void> {
    const target = this.#file(path)
    try {
      await unlink(target)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw localStorageError('delete', target, error)
    }
  }

  describe(): string {
    return this.#root
  }

  url(): string {
    return this.#root
  }

  async check(): Promise<void> {
    try {
      await makeFolder(this.#root)
    } catch (error) {
      throw localStorageError('create the checkpoint folder', this.#root, error)
    }
    await probeStorage(this, randomUUID())
    await this.#removeAbandoned(this.#root, await fileSystemTime(this.#root))
  }

  #file(path: string): string {
    checkStoragePath(path)
    return join(this.#root, path)
  }

  async #writeTemporary(target: string, bytes: Uint8Array): Promise<string> {
    const folder = dirname(target)
    const temporary = join(folder, TEMPORARY + randomUUID())
    try {
      const handle = await openNew(temporary).catch(async (error: unknown) => {
        if (systemCode(error) !== 'ENOENT') throw error
        await makeFolder(folder)
        return openNew(temporary)
      })
      try {
        await handle.writeFile(bytes)
        await handle.sync()
      } finally {
        await handle.close()
      }
      return temporary
    } catch (error) {
      await removeQuietly(temporary)
      throw localStorageError('write', target, error)
    }
  }

  async #walk(folder: string, prefix: string, found: StoredFile[]): Promise<void> {
    const absolute = join(this.#root, folder)
    try {
      for (const entry of await readdir(absolute, { withFileTypes: true })) {
        if (entry.name.startsWith(TEMPORARY)) continue
        const path = folder + entry.name
        if (entry.isDirectory()) {
          if (`${path}/`.startsWith(prefix) || prefix.startsWith(`${path}/`))
            await this.#walk(`${path}/`, prefix, found)
        } else if (path.startsWith(prefix)) {
          const size = await sizeOf(join(absolute, entry.name))
          if (size !== undefined) found.push({ path, size })
        }
      }
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw localStorageError('list', absolute, error)
    }
  }

  /** Temporary files of processes that were killed. Ages are compared on the file system's own clock. */
  async #removeAbandoned(folder: string, nowMs: number): Promise<void> {
    for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) await this.#removeAbandoned(path, nowMs)
      else if (entry.name.startsWith(TEMPORARY)) {
        const age = nowMs - ((await stat(path).catch(() => undefined))?.mtimeMs ?? nowMs)
        if (age > ABANDONED_AFTER_MS) await removeQuietly(path)
      }
    }
  }
}

function openNew(path: string): ReturnType<typeof open> {
  return open(path, 'wx')
}

/** A link refused with EPERM means, on Linux, that the file system knows no hard links: the temporary file was just written there. */
function linkError(error: unknown): unknown {
  return systemCode(error) === 'EPERM'
    ? Object.assign(new Error('link refused', { cause: error }), { code: 'ENOTSUP' })
    : error
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined // deleted since it was listed
    throw error
  }
}

async function fileSystemTime(folder: string): Promise<number> {
  const path = join(folder, TEMPORARY + randomUUID())
  try {
    await (await openNew(path)).close()
    return (await stat(path)).mtimeMs
  } catch (error) {
    throw localStorageError('write', path, error)
  } finally {
    await removeQuietly(path)
  }
}

async function removeQuietly(path: string): Promise<void> {
  await unlink(path).catch(() => undefined)
}
