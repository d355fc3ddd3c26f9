/** A file in checkpoint storage: its path below the storage's root, with `/` between the parts, and its size in bytes. */
export interface StoredFile {
  readonly path: string
  readonly size: number
}

/**
 * Where checkpoint files live. One object a thread, opened by `openStorage(url)`; the simulator supplies its own.
 *
 * Paths are relative, `/`-separated. Every failure is a MILLRACE_STORAGE error naming the path. A failed or timed-out write leaves
 * open whether the file exists: whoever must know reads it back. No operation ever shows a torn file, and what has resolved is durable.
 */
export interface CheckpointStorage {
  /** Creates the file unless there is one, atomically against every other process: exactly one caller sees `created`. */
  createExclusive(path: string, bytes: Uint8Array): Promise<'created' | 'exists'>
  /** Writes a file under a name that nobody else uses. Whether an existing one is replaced is not defined. */
  write(path: string, bytes: Uint8Array): Promise<void>
  /** Writes the file, replacing what was there as a whole: a reader sees the old or the new bytes. */
  overwrite(path: string, bytes: Uint8Array): Promise<void>
  /** The whole file. A missing one is a MILLRACE_STORAGE error. */
  read(path: string): Promise<Buffer>
  /** The whole file, or undefined when there is none. */
  readIfExists(path: string): Promise<Buffer | undefined>
  /** Bytes `from` to `to` (exclusive); fewer where the file ends earlier. A missing file is a MILLRACE_STORAGE error. */
  readRange(path: string, from: number, to: number): Promise<Buffer>
  /** All files whose path begins with the prefix, ordered by path (UTF-16 code units). Complete: it sees every write that resolved. */
  list(prefix: string): Promise<StoredFile[]>
  /** Deletes the file; one that is not there is no error. */
  delete(path: string): Promise<void>
  /**
   * Of a storage that keeps copies of files nearer by: bytes of that file were not what was written. If they may have been a copy's, it is
   * dropped, and true says that the next read may give others.
   */
  dropCopy?(path: string): Promise<boolean>
  /** Where this is, for messages: without what a URL says of how to get there. */
  describe(): string
  /** `openStorage` of it opens the same storage in the same way, also in another thread. */
  url(): string
  /** Fails with one clear MILLRACE_STORAGE error when files cannot be created here. Called once, before a job starts. */
  check(): Promise<void>
}
