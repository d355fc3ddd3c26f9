import { describe, expect, it } from 'vitest'
import type { StateDescriptor } from '../../runtime/contract/state.js'
import type { KeyedBackend } from '../../runtime/state/keyed-backend.js'
import { checkpoint, HandClock, newBackend, use } from './backend-world.js'

const STATES: readonly StateDescriptor[] = [
  { name: 'value', kind: 'value', fingerprint: '', ttlMs: 100 },
  { name: 'list', kind: 'list', fingerprint: '', ttlMs: 100 },
  { name: 'map', kind: 'map', fingerprint: '', ttlMs: 100 },
  { name: 'sum', kind: 'reducing', fingerprint: '', ttlMs: 100, reduce: (a: number, b: number) => a + b },
]

function world(): { clock: HandClock; backend: KeyedBackend } {
  const clock = new HandClock()
  return { clock, backend: newBackend(STATES, { clock }) }
}

function writeAll(backend: KeyedBackend): void {
  backend.store.value('value').update(1)
  backend.store.list('list').add(1)
  backend.store.map('map').set('a', 1)
  backend.store.reducing('sum').add(1)
}

describe('state with a time to live', () => {
  it('is gone that long after the last write, and not before', () => {
    const { clock, backend } = world()
    use(backend, 'k')
    writeAll(backend)
    clock.time += 60
    backend.store.value('value').update(2)
    backend.store.list('list').add(2)
    backend.store.map('map').set('b', 2)
    backend.store.reducing('sum').add(2)
    clock.time += 39
    expect(backend.store.list('list').get()).toEqual([1, 2])
    clock.time += 1
    expect(backend.store.value('value').value()).toBe(2)
    expect(backend.store.list('list').get()).toEqual([2])
    expect(backend.store.map('map').has('a')).toBe(false)
    expect([...backend.store.map('map').entries()]).toEqual([['b', 2]])
    expect(backend.store.reducing('sum').get()).toBe(3)
    clock.time += 60
    expect(backend.store.value('value').value()).toBe(undefined)
    expect(backend.store.list('list').get()).toEqual([])
    expect(backend.store.map('map').isEmpty()).toBe(true)
    expect(backend.store.reducing('sum').get()).toBe(undefined)
  })

  it('counts from the write across a restore', async () => {
    const { clock, backend } = world()
    use(backend, 'k')
    writeAll(backend)
    const rows = await checkpoint(backend, 1)
    clock.time += 99
    const copy = newBackend(STATES, { clock })
    rows.restoreInto(copy)
    use(copy, 'k')
    expect(copy.store.value('value').value()).toBe(1)
    clock.time += 1
    expect(copy.store.value('value').value()).toBe(undefined)
    expect(copy.store.list('list').get()).toEqual([])
    expect(copy.store.map('map').get('a')).toBe(undefined)
  })

  it('is written to a checkpoint no more, and leaves a tombstone where it was', async () => {
    const { clock, backend } = world()
    use(backend, 'k')
    writeAll(backend)
    use(backend, 'other')
    writeAll(backend)
    const first = await checkpoint(backend, 1)
    expect(first.rows.size).toBe(4)
    clock.time += 100
    use(backend, 'k')
    backend.store.value('value').value()
    backend.store.map('map').get('a')
    first.apply(await checkpoint(backend, 2))
    expect(first.rows.size).toBe(2)
  })

  it('leaves memory and checkpoints without being read', async () => {
    const { clock, backend } = world()
    for (let i = 0; i < 50; i++) {
      use(backend, i)
      writeAll(backend)
    }
    const rows = await checkpoint(backend, 1)
    clock.time += 100
    for (let i = 0; i < 8; i++) await backend.evictIfNeeded() // one round over the slots of a page
    rows.apply(await checkpoint(backend, 2))
    await backend.evictIfNeeded()
    expect([rows.rows.size, backend.entries]).toEqual([0, 0])
  })

  it('lives on when the time to live is taken away, and dies when one is added', async () => {
    const { clock, backend } = world()
    use(backend, 'k')
    writeAll(backend)
    const rows = await checkpoint(backend, 1)
    const withoutTtl = STATES.map(({ ttlMs: _, ...state }) => state)
    const forever = newBackend(withoutTtl, { clock, restoredSchema: backend.schema() })
    rows.restoreInto(forever)
    clock.time += 1000
    use(forever, 'k')
    expect(forever.store.value('value').value()).toBe(1)
    forever.store.list('list').add(2)
    const again = newBackend(STATES, { clock, restoredSchema: forever.schema() })
    ;(await checkpoint(forever, 1)).restoreInto(again)
    clock.time += 99
    use(again, 'k')
    expect(again.store.list('list').get()).toEqual([1, 2])
    clock.time += 1
    expect(again.store.list('list').get()).toEqual([])
  })
})
