import type { SpillStore } from './spill-store.js'

/** A spill store in memory: for tests and the simulator. Every operation takes a turn of the event loop's microtasks. */
export class MemorySpillStore implements SpillStore {
  readonly #rows = new Map<string, Uint8Array>()

  /** How many rows it holds. */
  get size(): number {
    return this.#rows.size
  }

  async write(keys: readonly Uint8Array[], values: readonly (Uint8Array | null)[]): Promise<void> {
    await Promise.resolve()
    for (let i = 0; i < keys.length; i++) {
      const value = values[i]!
      if (value === null) this.#rows.delete(text(keys[i]!))
      else this.#rows.set(text(keys[i]!), new Uint8Array(value))
    }
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    const found = keys.map((key) => this.getSync(key))
    await Promise.resolve()
    return found
  }

  getSync(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(text(key))
  }

  async range(from: Uint8Array, to: Uint8Array, limit: number): Promise<[Uint8Array, Uint8Array][]> {
    const keys = this.#between(from, to).slice(0, limit)
    const rows = keys.map((key): [Uint8Array, Uint8Array] => [
      new Uint8Array(Buffer.from(key, 'latin1')),
      this.#rows.get(key)!,
    ])
    await Promise.resolve()
    return rows
  }

  #between(from: Uint8Array, to: Uint8Array): string[] {
    const low = text(from)
    const high = text(to)
    return [...this.#rows.keys()].filter((key) => key >= low && key < high).sort()
  }
}

/** Latin1: strings compare as their bytes do. */
function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
