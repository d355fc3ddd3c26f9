import type { SpillStore } from './spill-store.js'

interface Write {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** Writes on their way to the spill store: reads look here first, so they never see the store lag behind. */
export class SpillBuffer {
  readonly #store: SpillStore
  #waiting = new Map<string, Write>()
  #flying = new Map<string, Write>()

  constructor(store: SpillStore) {
    this.#store = store
  }

  /** Writes that have not been handed to the store. */
  get size(): number {
    return this.#waiting.size
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#waiting.set(text(key), { key, value })
  }

  delete(key: Uint8Array): void {
    this.#waiting.set(text(key), { key, value: null })
  }

  /** What was written last: null when deleted, undefined when the store knows. */
  get(key: Uint8Array): Uint8Array | null | undefined {
    if (this.#waiting.size === 0 && this.#flying.size === 0) return undefined
    const name = text(key)
    return (this.#waiting.get(name) ?? this.#flying.get(name))?.value
  }

  getSync(key: Uint8Array): Uint8Array | undefined {
    const value = this.get(key)
    return value === undefined ? this.#store.getSync(key) : (value ?? undefined)
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    const values = keys.map((key) => this.get(key))
    const unknown = keys.filter((_, i) => values[i] === undefined)
    const read = unknown.length === 0 ? [] : await this.#store.getMany(unknown)
    let next = 0
    return values.map((value) => (value === undefined ? read[next++] : (value ?? undefined)))
  }

  /** Hands all writes to the store. Never two at a time. */
  async flush(): Promise<void> {
    if (this.#waiting.size === 0) return
    this.#flying = this.#waiting
    this.#waiting = new Map()
    const writes = [...this.#flying.values()]
    await this.#store.write(
      writes.map((write) => write.key),
      writes.map((write) => write.value),
    )
    this.#flying = new Map()
  }
}

function text(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}
