import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { MillraceError } from '../../../runtime/contract/errors.js'
import { inputError } from './file-errors.js'
import type { PinnedFile } from './file-split.js'

/** So much of a file goes into its fingerprint. */
export const HEAD_BYTES = 4096
const MAX_OPEN = 64

/** How many files a reader has open; beyond `MAX_OPEN` a file is closed after each read. */
export interface OpenFiles {
  count: number
}

/** The fingerprint of a file's first bytes, of at most `size`. */
export function fingerprint(head: Uint8Array): string {
  return createHash('sha256').update(head).digest('hex').slice(0, 32)
}

/** MILLRACE_INPUT for a file that is no longer what the checkpoint, or the start of the job, saw. */
export function changedInput(path: string, what: string): MillraceError {
  return new MillraceError('MILLRACE_INPUT', `input ${path} ${what}`, {
    hint: 'put the file back as it was, or start from the beginning with --restore none or under another --job-id',
  })
}

/** A pinned file, opened on the first read. Checks that it is still the one that was pinned, and that no byte of it is missing. */
export class SplitFile {
  private handle: FileHandle | undefined
  private identity: string | undefined
  private readonly file: PinnedFile
  private readonly openFiles: OpenFiles

  constructor(file: PinnedFile, openFiles: OpenFiles) {
    this.file = file
    this.openFiles = openFiles
  }

  /** The first bytes (4 KB, or the whole of a smaller file), after they have been compared with the fingerprint. */
  async readHead(): Promise<Buffer> {
    const head = Buffer.allocUnsafe(Math.min(HEAD_BYTES, this.file.size))
    await this.read(head, 0)
    if (fingerprint(head) !== this.file.head)
      throw changedInput(this.file.path, 'has other content than when the job started')
    return head
  }

  /** Fills `target` from `offset`. A file that ends before that has shrunk: MILLRACE_INPUT. */
  async read(target: Uint8Array, offset: number): Promise<void> {
    const handle = await this.open()
    let done = 0
    while (done < target.length) {
      const { bytesRead } = await handle
        .read(target, done, target.length - done, offset + done)
        .catch((error: unknown) => {
          throw inputError(this.file.path, error)
        })
      if (bytesRead === 0) throw this.shrunk(offset + done)
      done += bytesRead
    }
    await this.release()
  }

  /** Bytes now. */
  async currentSize(): Promise<number> {
    const { size } = await (await this.open()).stat()
    await this.release()
    return size
  }

  async close(): Promise<void> {
    const handle = this.handle
    if (handle === undefined) return
    this.handle = undefined
    this.openFiles.count--
    await handle.close()
  }

  /** Too many files open: this one goes. */
  private async release(): Promise<void> {
    if (this.openFiles.count > MAX_OPEN) await this.close()
  }

  private async open(): Promise<FileHandle> {
    if (this.handle !== undefined) return this.handle
    const handle = await open(this.file.path, 'r').catch((error: unknown) => {
      throw inputError(this.file.path, error)
    })
    this.handle = handle
    this.openFiles.count++
    const { dev, ino, size } = await handle.stat()
    const identity = `${dev}:${ino}`
    this.identity ??= identity
    if (identity !== this.identity) throw changedInput(this.file.path, 'was replaced while it was read')
    if (size < this.file.size) throw this.shrunk(size)
    return handle
  }

  private shrunk(size: number): MillraceError {
    return changedInput(this.file.path, `has shrunk: ${this.file.size} bytes when the job started, ${size} now`)
  }
}
