import type { StoredFile } from '../../storage/storage.js'
import { byPath } from '../../storage/storage-path.js'

/** Sees what becomes of files. */
export interface DiskWatcher {
  created(path: string, bytes: Buffer, by: string): void
  deleted(path: string, by: string): void
}

/** What outlives processes: files, each operation one atomic step. A file may be damaged, and its backup put back. */
export class SimDisk {
  readonly files: Map<string, Buffer> = new Map()
  watcher: DiskWatcher | undefined
  /** What damaged files should hold. */
  private readonly backups = new Map<string, Buffer>()
  /** Files that ever were. */
  private readonly damaged = new Set<string>()

  create(path: string, bytes: Buffer, by: string): 'created' | 'exists' {
    if (this.files.has(path)) return 'exists'
    this.put(path, bytes, by)
    return 'created'
  }

  put(path: string, bytes: Buffer, by: string): void {
    this.backups.delete(path)
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
    this.backups.delete(path)
    if (this.files.delete(path)) this.watcher?.deleted(path, by)
  }

  /** The file holds other bytes from now on, and nobody is told. */
  damage(path: string, bytes: Buffer): void {
    this.backups.set(path, this.backups.get(path) ?? this.files.get(path)!)
    this.damaged.add(path)
    this.files.set(path, bytes)
  }

  isDamaged(path: string): boolean {
    return this.backups.has(path)
  }

  /** Whether the text names a file that is or was damaged. */
  namesDamage(text: string): boolean {
    return [...this.damaged].some((path) => text.includes(path))
  }

  get everDamaged(): boolean {
    return this.damaged.size > 0
  }

  /** Puts the backup of every damaged file back. */
  heal(): void {
    for (const [path, bytes] of this.backups) this.files.set(path, bytes)
    this.backups.clear()
  }
}
