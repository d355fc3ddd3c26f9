import { rm } from 'node:fs/promises'
import type { ClassicLevel } from 'classic-level'
import { MillraceError } from '../contract/errors.js'
import type { SpillStore } from './spill-store.js'

type Database = ClassicLevel<Uint8Array, Uint8Array>

/** How much memory a slot's LevelDB may take. */
export interface LevelSpillOptions {
  /** Bytes of LevelDB's block cache. Default 8 MiB. */
  readonly cacheBytes?: number
  /** Bytes of LevelDB's memtable; there are up to two. Default 4 MiB. */
  readonly writeBufferBytes?: number
}

/**
 * A slot's LevelDB, shared by its operators. The folder belongs to one attempt: it is created on the first write, must not exist before,
 * and goes with {@link close}. LevelDB and its native addon are loaded on the first write. One thread.
 */
export class LevelSpill {
  readonly #folder: string
  readonly #options: LevelSpillOptions
  #opening: Promise<Database> | undefined
  #database: Database | undefined
  #regions = 0

  constructor(folder: string, options: LevelSpillOptions = {}) {
    this.#folder = folder
    this.#options = options
  }

  /** A range of its own for one operator subtask. */
  region(): SpillStore {
    const prefix = new Uint8Array(2)
    new DataView(prefix.buffer).setUint16(0, this.#regions++)
    return new LevelRegion(this, prefix)
  }

  /** Whether anything was ever written. */
  get isOpen(): boolean {
    return this.#opening !== undefined
  }

  /** The open database, opened now if need be. */
  open(): Promise<Database> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  /** The database, if it is open. */
  database(): Database | undefined {
    return this.#database
  }

  /** Names the folder in an error of LevelDB. */
  failure(cause: unknown): MillraceError {
    const message = `the spilled state in ${this.#folder} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`
    return new MillraceError('MILLRACE_STORAGE', message, { cause, hint: 'check the disk: space, permissions, health' })
  }

  /** Closes the database and deletes the folder. */
  async close(): Promise<void> {
    if (this.#opening === undefined) return
    try {
      const database = await this.#opening.catch(() => undefined)
      this.#database = undefined
      await database?.close()
      await rm(this.#folder, { recursive: true, force: true })
    } catch (error) {
      throw this.failure(error)
    }
  }

  async #open(): Promise<Database> {
    try {
      const { ClassicLevel } = await import('classic-level')
      const database: Database = new ClassicLevel(this.#folder, {
        keyEncoding: 'view',
        valueEncoding: 'view',
        errorIfExists: true,
        cacheSize: this.#options.cacheBytes ?? 8 * 1024 * 1024,
        writeBufferSize: this.#options.writeBufferBytes ?? 4 * 1024 * 1024,
      })
      await database.open()
      this.#database = database
      return database
    } catch (error) {
      throw this.failure(error instanceof Error && error.cause !== undefined ? error.cause : error)
    }
  }
}

/** The keys of a LevelDB that begin with a prefix. */
class LevelRegion implements SpillStore {
  readonly #spill: LevelSpill
  readonly #prefix: Uint8Array

  constructor(spill: LevelSpill, prefix: Uint8Array) {
    this.#spill = spill
    this.#prefix = prefix
  }

  async write(keys: readonly Uint8Array[], values: readonly (Uint8Array | null)[]): Promise<void> {
    const database = await this.#spill.open()
    const batch = keys.map((key, i) => {
      const value = values[i]!
      return value === null
        ? ({ type: 'del', key: this.#full(key) } as const)
        : ({ type: 'put', key: this.#full(key), value } as const)
    })
    await this.#guard(() => database.batch(batch))
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    const database = await this.#spill.open()
    return this.#guard(() => database.getMany(keys.map((key) => this.#full(key))))
  }

  getSync(key: Uint8Array): Uint8Array | undefined {
    try {
      return this.#spill.database()?.getSync(this.#full(key))
    } catch (error) {
      throw this.#spill.failure(error)
    }
  }

  async range(from: Uint8Array, to: Uint8Array, limit: number): Promise<[Uint8Array, Uint8Array][]> {
    const database = await this.#spill.open()
    const options = { gte: this.#full(from), lt: this.#full(to), limit }
    const rows = await this.#guard(() => database.iterator(options).all())
    return rows.map(([key, value]) => [key.subarray(this.#prefix.length), value])
  }

  #full(key: Uint8Array): Uint8Array {
    const full = new Uint8Array(this.#prefix.length + key.length)
    full.set(this.#prefix)
    full.set(key, this.#prefix.length)
    return full
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw this.#spill.failure(error)
    }
  }
}
