import { MillraceError } from '../../runtime/contract/errors.js'
import type { CheckpointStorage, StoredFile } from '../../runtime/storage/storage.js'

/** `fails`: nothing happened. `times out`: it happened, but the caller is told it failed. `pass`: as if nothing were wrong. */
export type Fault = 'pass' | 'fails' | 'times out'
export type Operation =
  'createExclusive' | 'write' | 'overwrite' | 'read' | 'readIfExists' | 'readRange' | 'list' | 'delete'

/** A storage whose every operation asks `fault` first. */
export class FaultyStorage implements CheckpointStorage {
  readonly #inner: CheckpointStorage
  readonly #fault: (operation: Operation, path: string) => Fault

  constructor(inner: CheckpointStorage, fault: (operation: Operation, path: string) => Fault) {
    this.#inner = inner
    this.#fault = fault
  }

  createExclusive(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return this.#run('createExclusive', path, () => this.#inner.createExclusive(path, bytes))
  }

  write(path: string, bytes: Uint8Array): Promise<void> {
    return this.#run('write', path, () => this.#inner.write(path, bytes))
  }

  overwrite(path: string, bytes: Uint8Array): Promise<void> {
    return this.#run('overwrite', path, () => this.#inner.overwrite(path, bytes))
  }

  read(path: string): Promise<Buffer> {
    return this.#run('read', path, () => this.#inner.read(path))
  }

  readIfExists(path: string): Promise<Buffer | undefined> {
    return this.#run('readIfExists', path, () => this.#inner.readIfExists(path))
  }

  readRange(path: string, from: number, to: number): Promise<Buffer> {
    return this.#run('readRange', path, () => this.#inner.readRange(path, from, to))
  }

  list(prefix: string): Promise<StoredFile[]> {
    return this.#run('list', prefix, () => this.#inner.list(prefix))
  }

  delete(path: string): Promise<void> {
    return this.#run('delete', path, () => this.#inner.delete(path))
  }

  describe(): string {
    return this.#inner.describe()
  }

  url(): string {
    return this.#inner.url()
  }

  check(): Promise<void> {
    return this.#inner.check()
  }

  async #run<T>(operation: Operation, path: string, act: () => Promise<T>): Promise<T> {
    const fault = this.#fault(operation, path)
    if (fault === 'pass') return act()
    if (fault === 'times out') await act()
    throw new MillraceError('MILLRACE_STORAGE', `cannot ${operation} ${path}: injected: ${fault}`)
  }
}
