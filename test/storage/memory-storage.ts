import { MillraceError } from '../../runtime/contract/errors.js'
import type { CheckpointStorage, StoredFile } from '../../runtime/storage/storage.js'
import { byPath, checkStoragePath } from '../../runtime/storage/storage-path.js'

/** Checkpoint storage in a map: each operation is one atomic step. `files` is open to tests that damage them. */
export class MemoryStorage implements CheckpointStorage {
  readonly files: Map<string, Buffer> = new Map()

  createExclusive(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    checkStoragePath(path)
    if (this.files.has(path)) return Promise.resolve('exists')
    this.files.set(path, Buffer.from(bytes))
    return Promise.resolve('created')
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.overwrite(path, bytes)
  }

  async overwrite(path: string, bytes: Uint8Array): Promise<void> {
    checkStoragePath(path)
    await Promise.resolve(this.files.set(path, Buffer.from(bytes)))
  }

  async read(path: string): Promise<Buffer> {
    const found = await this.readIfExists(path)
    if (found === undefined) throw new MillraceError('MILLRACE_STORAGE', `cannot read memory:/${path}: no such file`)
    return found
  }

  readIfExists(path: string): Promise<Buffer | undefined> {
    checkStoragePath(path)
    const found = this.files.get(path)
    return Promise.resolve(found === undefined ? undefined : Buffer.from(found))
  }

  async readRange(path: string, from: number, to: number): Promise<Buffer> {
    return (await this.read(path)).subarray(from, Math.max(from, to))
  }

  list(prefix: string): Promise<StoredFile[]> {
    const found = [...this.files].filter(([path]) => path.startsWith(prefix))
    return Promise.resolve(found.map(([path, bytes]) => ({ path, size: bytes.length })).sort(byPath))
  }

  delete(path: string): Promise<void> {
    checkStoragePath(path)
    this.files.delete(path)
    return Promise.resolve()
  }

  describe(): string {
    return 'memory:'
  }

  url(): string {
    return this.describe()
  }

  check(): Promise<void> {
    return Promise.resolve()
  }
}
