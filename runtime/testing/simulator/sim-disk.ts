import type { StoredFile } from '../../storage/storage.js'
import { byPath } from '../../storage/storage-path.js'

/** Sees what becomes of files. */
export interface DiskWatcher {
  created(path: string, bytes: Buffer, by: string): void
  deleted(path: string, by: string): void
}

/** What outlives processes: files, each operation one atomic step. */
export class SimDisk {
  readonly files: Map<string, Buffer> = new Map()
  watcher: DiskWatcher | undefined

  create(path: string, bytes: Buffer, by: string): 'created' | 'exists' {
    if (this.files.has(path)) return 'exists'
    this.put(path, bytes, by)
    return 'created'
  }

  put(path: string, bytes: Buffer, by: string): void {
    this.files.set(path, bytes)
    this.watcher?.created(path, bytes, by)
  }

  get(path: string): Buffer | undefined {
    const found = this.files.get(path)
    return found === undefined ? undefined : Buffer.from(found)
  }

  list(prefix: string): StoredFile[] {
    const found = [...this.files].filter(([path]) => path.startsWith(prefix))
    return found.map(([path, bytes]) => ({ path, size: bytes.length })).sort(byPath)
  }

  delete(path: string, by: string): void {
    if (this.files.delete(path)) this.watcher?.deleted(path, by)
  }
}
