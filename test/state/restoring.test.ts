import { describe, expect, it } from 'vitest'
import type { StateDescriptor } from '../../runtime/contract/state.js'
import type { KeyedBackend } from '../../runtime/state/keyed-backend.js'
import { MemorySpillStore } from '../../runtime/state/memory-spill-store.js'
import { FaultyStorage } from '../storage/faulty-storage.js'
import { MemoryStorage } from '../storage/memory-storage.js'
import { advance, checkpoint, groupOf, HandClock, newBackend, use } from './backend-world.js'
import { StoredSegments } from './stored-segments.js'

const STATES: readonly StateDescriptor[] = [
  { name: 'count', kind: 'value', fingerprint: '1' },
  { name: 'map', kind: 'map', fingerprint: '1' },
]
const KEYS = 2_000
const NO_TIMERS = [Infinity, Infinity] as const

function names(first: number, last: number): string[] {
  return Array.from({ length: last - first }, (_, i) => `key ${first + i}`)
}

async function prefetch(backend: KeyedBackend, keys: readonly string[]): Promise<void> {
  await backend.prefetch(
    keys,
    Uint16Array.from(keys, (key) => groupOf(key)),
    keys.length,
  )
}

/** KEYS keys, each with its number as a value, a map of two cells, and with `timers` an event timer at 1000 + its number. */
async function stored(
  segments: StoredSegments,
  { timers = false, processing = false }: { timers?: boolean; processing?: boolean } = {},
): Promise<readonly [number, number]> {
  const backend = newBackend(STATES)
  for (const [i, key] of names(0, KEYS).entries()) {
    use(backend, key)
    backend.store.value('count').update(i)
    backend.store.map('map').set('a', i)
    backend.store.map('map').set('b', -i)
    if (timers) backend.timers.registerEventTimer(1000 + i)
  }
  if (processing) backend.timers.registerProcessingTimer(5000)
  await segments.add(await checkpoint(backend, 1))
  return backend.firstTimers()
}

/** Storage that counts what is read. */
function counting(): { storage: FaultyStorage; reads: () => number; memory: MemoryStorage } {
  let reads = 0
  const memory = new MemoryStorage()
  const storage = new FaultyStorage(memory, (operation) => {
    if (operation === 'readRange') reads++
    return 'pass'
  })
  return { storage, memory, reads: () => reads }
}

describe('a backend that restores on demand', () => {
  it('reads footer and index, then what is asked for, and no key twice', async () => {
    const { storage, reads } = counting()
    const segments = new StoredSegments(storage)
    await stored(segments)
    const backend = newBackend(STATES)
    backend.restoreFrom(await segments.open(), NO_TIMERS)
    expect(reads()).toBe(2)
    await prefetch(backend, ['key 7', 'new'])
    use(backend, 'key 7')
    expect(backend.store.value('count').value()).toBe(7)
    expect([...backend.store.map('map').entries()]).toEqual([
      ['a', 7],
      ['b', -7],
    ])
    use(backend, 'new')
    expect(backend.store.value('count').value()).toBe(undefined)
    expect(backend.entries).toBeLessThan(KEYS / 10)
    const before = reads()
    expect(backend.prefetch(['key 7', 'new'], Uint16Array.of(groupOf('key 7'), groupOf('new')), 2)).toBe(undefined)
    expect(reads()).toBe(before)
  })

  it('refuses to use a key that nobody has prefetched: it would seem to be new', async () => {
    const segments = new StoredSegments()
    await stored(segments)
    const backend = newBackend(STATES)
    backend.restoreFrom(await segments.open(), NO_TIMERS)
    expect(() => use(backend, 'key 7')).toThrow(expect.objectContaining({ code: 'MILLRACE_INTERNAL' }))
  })

  it('moves everything behind, a key that was deleted meanwhile excepted', async () => {
    const segments = new StoredSegments()
    await stored(segments)
    const backend = newBackend(STATES)
    backend.restoreFrom(await segments.open(), NO_TIMERS)
    await prefetch(backend, names(0, 10))
    for (const key of names(0, 10)) {
      use(backend, key)
      backend.store.value('count').clear()
      backend.store.map('map').clear()
    }
    const tombstones = await checkpoint(backend, 2)
    expect([...tombstones.rows.values()].filter(({ value }) => value === undefined)).toHaveLength(30)
    await backend.evictIfNeeded()
    let slices = 0
    for (let moving = backend.restoreSlice(); moving !== undefined; moving = backend.restoreSlice(), slices++)
      await moving
    expect(slices).toBeGreaterThan(10)
    expect([backend.entries, backend.mayMiss]).toEqual([KEYS - 10, false])
    for (const [i, key] of names(0, KEYS).entries()) {
      use(backend, key)
      expect(backend.store.value('count').value()).toBe(i < 10 ? undefined : i)
    }
    expect((await checkpoint(backend, 3)).rows.size, 'what was only moved has not changed').toBe(0)
  })

  it('holds no more in memory than it may, and the rest is spilled', async () => {
    const segments = new StoredSegments()
    await stored(segments)
    const backend = newBackend(STATES, { cacheBytes: 40_000, spill: new MemorySpillStore() })
    backend.restoreFrom(await segments.open(), NO_TIMERS)
    for (let moving = backend.restoreSlice(); moving !== undefined; moving = backend.restoreSlice()) {
      await moving
      expect(backend.chargedBytes).toBeLessThan(60_000)
    }
    await prefetch(backend, names(0, KEYS))
    for (const [i, key] of names(0, KEYS).entries()) {
      use(backend, key)
      expect(backend.store.value('count').value()).toBe(i)
    }
  })

  it('fires timers in time, by their order, and reads no blocks for a watermark below them', async () => {
    const { storage, reads } = counting()
    const segments = new StoredSegments(storage)
    const firstTimers = await stored(segments, { timers: true })
    expect(firstTimers).toEqual([1000, Infinity])
    const backend = newBackend(STATES)
    backend.restoreFrom(await segments.open(), firstTimers)
    await advance(backend, 999, () => expect.fail('nothing is due'))
    expect(backend.prefetchProcessingTimers(1e15)).toBe(undefined)
    expect(reads()).toBe(2)
    const fired: number[] = []
    const onTimer = (time: number): void => {
      fired.push(time)
      expect(backend.store.value('count').value()).toBe(time - 1000)
    }
    await advance(backend, 1009, onTimer)
    expect(fired).toEqual(Array.from({ length: 10 }, (_, i) => 1000 + i))
    expect(backend.entries, 'only what is due').toBeLessThan(100)
    await backend.restoreSlice()
    await advance(backend, Infinity, onTimer)
    expect(fired).toEqual(Array.from({ length: KEYS }, (_, i) => 1000 + i))
  })

  it('knows when the next processing timer is due, and does not take event timers for it', async () => {
    const segments = new StoredSegments()
    const firstTimers = await stored(segments, { timers: true, processing: true })
    const clock = new HandClock()
    const backend = newBackend(STATES, { clock })
    backend.restoreFrom(await segments.open(), firstTimers)
    expect(backend.nextProcessingTimer()).toBe(5000)
    await backend.prefetchProcessingTimers(5000)
    expect(backend.entries).toBe(1)
    const fired: number[] = []
    expect(
      backend.fireProcessingTimers(
        5000,
        (time) => fired.push(time),
        () => false,
      ),
    ).toBe(true)
    expect(fired).toEqual([5000])
    expect(backend.nextProcessingTimer()).toBe(Infinity)
  })

  it('looks itself when the checkpoint does not say when timers are due', async () => {
    const segments = new StoredSegments()
    await stored(segments, { timers: true })
    const backend = newBackend(STATES)
    backend.restoreFrom(await segments.open(), [-Infinity, -Infinity])
    const fired: number[] = []
    await advance(backend, 1500, (time) => fired.push(time))
    expect(fired).toHaveLength(501)
  })

  it('takes only its own key groups', async () => {
    const segments = new StoredSegments()
    await stored(segments)
    const halves = [newBackend(STATES, { lastKeyGroup: 1 }), newBackend(STATES, { firstKeyGroup: 2 })] as const
    halves[0].restoreFrom(await segments.open(0, 1), NO_TIMERS)
    halves[1].restoreFrom(await segments.open(2), NO_TIMERS)
    for (const half of halves) await half.restoreAll()
    expect(halves[0].entries + halves[1].entries).toBe(KEYS)
    for (const [i, key] of names(0, KEYS).entries()) {
      const half = halves[groupOf(key) < 2 ? 0 : 1]
      use(half, key)
      expect(half.store.value('count').value()).toBe(i)
    }
  })

  it('fails naming the file when a block turns out to be damaged', async () => {
    const { storage, memory } = counting()
    const segments = new StoredSegments(storage)
    await stored(segments)
    memory.files.get('segments/1.seg')![1000]! ^= 1
    const backend = newBackend(STATES)
    backend.restoreFrom(await segments.open(), NO_TIMERS)
    await expect(backend.restoreAll()).rejects.toMatchObject({
      code: 'MILLRACE_CORRUPT',
      message: expect.stringContaining('segments/1.seg') as string,
    })
  })

  it('ends what is under way when it is closed', async () => {
    const segments = new StoredSegments()
    await stored(segments)
    const backend = newBackend(STATES)
    backend.restoreFrom(await segments.open(), NO_TIMERS)
    const moving = backend.restoreAll()
    await backend.close()
    await moving
    expect(backend.entries).toBeLessThan(KEYS)
  })
})
