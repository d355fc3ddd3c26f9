import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { StateDescriptor } from '../../runtime/contract/state.js'
import type { KeyedBackend } from '../../runtime/state/keyed-backend.js'
import { LevelSpill } from '../../runtime/state/level-spill.js'
import { MemorySpillStore } from '../../runtime/state/memory-spill-store.js'
import type { SpillStore } from '../../runtime/state/spill-store.js'
import { advance, checkpoint, groupOf, newBackend, Rows, use } from './backend-world.js'

const STATES: readonly StateDescriptor[] = [{ name: 'count', kind: 'value', fingerprint: '1' }]
const KEYS = 20_000
const CACHE_BYTES = 300_000

/** Counts what is asked of a store. */
class CountingStore implements SpillStore {
  reads = 0
  writes = 0
  readonly #store: SpillStore

  constructor(store: SpillStore) {
    this.#store = store
  }

  write(keys: readonly Uint8Array[], values: readonly (Uint8Array | null)[]): Promise<void> {
    this.writes += keys.length
    return this.#store.write(keys, values)
  }

  getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    this.reads += keys.length
    return this.#store.getMany(keys)
  }

  getSync(key: Uint8Array): Uint8Array | undefined {
    this.reads++
    return this.#store.getSync(key)
  }

  range(from: Uint8Array, to: Uint8Array, limit: number): Promise<[Uint8Array, Uint8Array][]> {
    return this.#store.range(from, to, limit)
  }
}

async function addOne(backend: KeyedBackend, first: number, last: number, endOfWindow?: number): Promise<number> {
  const count = backend.store.value<number>('count')
  let most = 0
  for (let i = first; i < last; i++) {
    use(backend, `key ${i}`)
    count.update((count.value() ?? 0) + 1)
    if (endOfWindow !== undefined) backend.timers.registerEventTimer(endOfWindow)
    if (i % 500 === 0) {
      most = Math.max(most, backend.entries)
      await backend.evictIfNeeded()
    }
  }
  return most
}

describe('state larger than memory', () => {
  const folders: string[] = []
  const closing: LevelSpill[] = []

  afterEach(async () => {
    for (const level of closing.splice(0)) await level.close()
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  function levelSpill(): { level: LevelSpill; folder: string } {
    const root = mkdtempSync(join(tmpdir(), 'millrace-spill-'))
    folders.push(root)
    const level = new LevelSpill(join(root, 'attempt-1'))
    closing.push(level)
    return { level, folder: root }
  }

  it('stays within its cache in LevelDB, counts right and restores', async () => {
    const { level, folder } = levelSpill()
    const backend = newBackend(STATES, { cacheBytes: CACHE_BYTES, spill: level.region() })
    const other = newBackend(STATES, { cacheBytes: 1, spill: level.region() })
    for (let i = 0; i < 10; i++) {
      use(other, `key ${i}`)
      other.store.value('count').update('mine')
      await other.evictIfNeeded()
    }
    const all = new Rows()
    for (let round = 1; round <= 3; round++) {
      expect(await addOne(backend, 0, KEYS)).toBeLessThan(5_000)
      all.apply(await checkpoint(backend, round))
    }
    expect(all.rows.size).toBe(KEYS)
    expect(readdirSync(folder)).toEqual(['attempt-1'])
    const copy = newBackend(STATES)
    all.restoreInto(copy)
    for (let i = 0; i < KEYS; i++) {
      use(copy, `key ${i}`)
      expect(copy.store.value('count').value()).toBe(3)
    }
    use(other, 'key 3')
    expect(other.store.value('count').value()).toBe('mine')
    await backend.close()
    await level.close()
    expect(readdirSync(folder)).toEqual([])
  })

  it('fires the windows of one end, many times what fits, in bounded memory, each once', async () => {
    const backend = newBackend(STATES, { cacheBytes: CACHE_BYTES, spill: new MemorySpillStore() })
    await addOne(backend, 0, KEYS, 60_000)
    let fired = 0
    let most = 0
    let asked = 0
    await advance(
      backend,
      Infinity,
      () => {
        fired++
        most = Math.max(most, backend.entries)
        backend.store.value('count').clear()
      },
      () => ++asked % 300 === 0,
    )
    expect([fired, backend.entries]).toEqual([KEYS, 0])
    expect(most).toBeLessThan(6_000)
  })

  it('reads nothing for new keys, and one batch for a batch of known ones', async () => {
    const store = new CountingStore(new MemorySpillStore())
    const backend = newBackend(STATES, { cacheBytes: CACHE_BYTES, spill: store })
    await addOne(backend, 0, KEYS)
    expect(store.reads).toBeLessThan(KEYS / 50)
    const before = store.reads
    const keys = Array.from({ length: 100 }, (_, i) => `key ${i}`)
    await backend.prefetch(
      keys,
      Uint16Array.from(keys, (key) => groupOf(key)),
      keys.length,
    )
    expect(store.reads - before).toBe(100)
    await addOne(backend, 1, 100)
    expect(store.reads - before).toBe(100)
    expect(
      backend.prefetch(
        keys,
        Uint16Array.from(keys, (key) => groupOf(key)),
        keys.length,
      ),
    ).toBe(undefined)
  })

  it('does not write again what has not changed', async () => {
    const store = new CountingStore(new MemorySpillStore())
    const backend = newBackend(STATES, { cacheBytes: 0, spill: store })
    await addOne(backend, 0, 10)
    await checkpoint(backend, 1)
    await backend.evictIfNeeded()
    for (let i = 0; i < 10; i++) use(backend, `key ${i}`)
    await backend.evictIfNeeded()
    const before = store.writes
    for (let i = 0; i < 10; i++) {
      use(backend, `key ${i}`)
      expect(backend.store.value('count').value()).toBe(1)
    }
    await backend.evictIfNeeded()
    expect(backend.entries).toBe(0)
    expect(store.writes).toBe(before)
  })

  it('costs nothing while everything fits', async () => {
    const { level } = levelSpill()
    const backend = newBackend(STATES, { cacheBytes: 1e9, spill: level.region() })
    await addOne(backend, 0, 1000, 5)
    expect(backend.prefetch(['x'], Uint16Array.of(groupOf('x')), 1)).toBe(undefined)
    expect(backend.prefetchTimers(10)).toBe(undefined)
    backend.freeze(1)
    expect(backend.prefetchFrozen()).toBe(undefined)
    expect(backend.evictIfNeeded()).toBe(undefined)
    expect(level.isOpen).toBe(false)
  })

  it('writes no rows past those that are still being read back', async () => {
    const backend = newBackend(STATES, { cacheBytes: 0, spill: new MemorySpillStore() })
    await addOne(backend, 0, 10)
    await backend.evictIfNeeded()
    backend.freeze(1)
    const rows = new Rows()
    expect(backend.writeSlice(rows, Infinity)).toBe(false)
    const brought = backend.prefetchFrozen()
    for (let i = 0; i < 4; i++) {
      expect(backend.writeSlice(rows, Infinity)).toBe(false)
      await Promise.resolve()
    }
    await brought
    await backend.writeRows(rows)
    const copy = newBackend(STATES)
    rows.restoreInto(copy)
    for (let i = 0; i < 10; i++) {
      use(copy, `key ${i}`)
      expect(copy.store.value('count').value()).toBe(1)
    }
  })

  it('says which folder fails', async () => {
    const { level, folder } = levelSpill()
    const twice = new LevelSpill(join(folder, 'attempt-1'))
    await level.region().write([Uint8Array.of(1)], [Uint8Array.of(1)])
    await expect(twice.region().write([Uint8Array.of(1)], [Uint8Array.of(1)])).rejects.toThrow(
      expect.objectContaining({
        code: 'MILLRACE_STORAGE',
        message: expect.stringContaining(join(folder, 'attempt-1')),
      }),
    )
  })

  it('has both kinds of store behave the same', async () => {
    const { level } = levelSpill()
    for (const store of [new MemorySpillStore(), level.region()]) {
      const key = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes)
      await store.write([key(1, 2), key(1), key(2), key(1, 255)], [key(12), key(1), key(2), key()])
      await store.write([key(2), key(9)], [null, null])
      expect((await store.getMany([key(1), key(2), key(1, 255)])).map((value) => value && [...value])).toEqual([
        [1],
        undefined,
        [],
      ])
      expect([...store.getSync(key(1, 2))!]).toEqual([12])
      expect(store.getSync(key(3))).toBe(undefined)
      const rows = await store.range(key(1), key(1, 255), 10)
      expect(rows.map(([each, value]) => [[...each], [...value]])).toEqual([
        [[1], [1]],
        [[1, 2], [12]],
      ])
      expect(await store.range(key(1), key(3), 1)).toHaveLength(1)
    }
  })
})
