// Invariant: a copy is a convenience. What can't be copied is only in the storage; what a copy does not hold, or holds damaged (readers
// check it against what the manifest says), is read from the storage; what is deleted there is deleted here.
import { mkdir, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { LocalStorage } from './local-storage.js'
import type { CheckpointStorage, StoredFile } from './storage.js'

/** The disk is somebody else's, too: no copies where less than this is left. */
const RESERVED_BYTES = 1024 ** 3
const COPIES = '#copies='
const SEGMENTS = 'segments/'

/** A storage elsewhere, and a folder of this machine that keeps the segments that were written from here: they are read without a download. */
export class LocalCopies implements CheckpointStorage {
  readonly #storage: CheckpointStorage
  readonly #folder: string
  readonly #copies: LocalStorage

  constructor(storage: CheckpointStorage, folder: string) {
    this.#storage = storage
    this.#folder = folder
    this.#copies = new LocalStorage(folder)
  }

  createExclusive(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return this.#storage.createExclusive(path, bytes)
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.#storage.write(path, bytes)
    if (path.startsWith(SEGMENTS)) await this.#copy(path, bytes).catch(() => {})
  }

  overwrite(path: string, bytes: Uint8Array): Promise<void> {
    return this.#storage.overwrite(path, bytes)
  }

  read(path: string): Promise<Buffer> {
    return this.#storage.read(path)
  }

  readIfExists(path: string): Promise<Buffer | undefined> {
    return this.#storage.readIfExists(path)
  }

  async readRange(path: string, from: number, to: number): Promise<Buffer> {
    const copied = await this.#copies.readRange(basename(path), from, to).catch(() => undefined)
    return copied?.length === to - from ? copied : this.#storage.readRange(path, from, to)
  }

  list(prefix: string): Promise<StoredFile[]> {
    return this.#storage.list(prefix)
  }

  async delete(path: string): Promise<void> {
    await this.#storage.delete(path)
    await this.dropCopy(path)
  }

  describe(): string {
    return this.#storage.describe()
  }

  url(): string {
    return this.#storage.url() + COPIES + encodeURIComponent(this.#folder)
  }

  check(): Promise<void> {
    return this.#storage.check()
  }

  /** Deletes a copy that is not what was written; false when there is none. */
  async dropCopy(path: string): Promise<boolean> {
    return rm(join(this.#folder, basename(path))).then(
      () => true,
      () => false,
    )
  }

  /** Deletes the copies of all other segments: what earlier runs left. */
  async keepOnly(paths: readonly string[]): Promise<void> {
    const kept = new Set(paths.map((path) => basename(path)))
    for (const name of await readdir(this.#folder).catch(() => [])) if (!kept.has(name)) await this.dropCopy(name)
  }

  /** Not made durable: a copy that a crash has cut off is found out by those who read it. */
  async #copy(path: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const { bavail, bsize } = await statfs(this.#folder)
    if (bavail * bsize - bytes.length < RESERVED_BYTES) return
    const target = join(this.#folder, basename(path))
    await writeFile(`${target}.part`, bytes)
    await rename(`${target}.part`, target)
  }
}

/** A storage's URL without what {@link LocalCopies.url} adds, and the folder that says; undefined: no copies. */
export function splitCopies(url: string): { readonly url: string; readonly folder: string | undefined } {
  const at = url.indexOf(COPIES)
  if (at < 0) return { url, folder: undefined }
  return { url: url.slice(0, at), folder: decodeURIComponent(url.slice(at + COPIES.length)) }
}
