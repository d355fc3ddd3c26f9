/**
 * Where state goes that does not fit into memory: sorted bytes, disposable, never restored from. One operator subtask has one to itself
 * (see `LevelSpill.region`). Writes are seen by reads that start after their promise has resolved. Failures are MILLRACE_STORAGE.
 */
export interface SpillStore {
  /** Puts all of them; a value of null deletes. The arrays and bytes are the store's until the promise resolves. */
  write(keys: readonly Uint8Array[], values: readonly (Uint8Array | null)[]): Promise<void>
  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]>
  /** Called only after a write has resolved. */
  getSync(key: Uint8Array): Uint8Array | undefined
  /** Up to `limit` entries with from <= key < to, in order. */
  range(from: Uint8Array, to: Uint8Array, limit: number): Promise<[Uint8Array, Uint8Array][]>
}
