import { describe, expect, it } from 'vitest'
import type { Key } from '../../runtime/contract/key.js'
import type { StateDescriptor } from '../../runtime/contract/state.js'
import type { KeyedBackend } from '../../runtime/state/keyed-backend.js'
import { checkpoint, groupOf, newBackend, Rows, use } from './backend-world.js'

const VALUE: readonly StateDescriptor[] = [{ name: 'value', kind: 'value', fingerprint: '1' }]
const MAP: readonly StateDescriptor[] = [{ name: 'map', kind: 'map', fingerprint: '1' }]
const LIST: readonly StateDescriptor[] = [{ name: 'list', kind: 'list', fingerprint: '1' }]

function put(backend: KeyedBackend, key: Key, value: unknown): void {
  use(backend, key)
  backend.store.value('value').update(value)
}

function get(backend: KeyedBackend, key: Key): unknown {
  use(backend, key)
  return backend.store.value('value').value()
}

async function restored(states: readonly StateDescriptor[], ...checkpoints: Rows[]): Promise<KeyedBackend> {
  const all = new Rows()
  for (const rows of checkpoints) all.apply(rows)
  const backend = newBackend(states)
  all.restoreInto(backend)
  return backend
}

describe('keyed state', () => {
  it('keeps hostile keys apart, in memory and in rows', async () => {
    const keys: Key[] = [
      '__proto__',
      '',
      '1',
      1,
      1n,
      true,
      'true',
      [1],
      ['1'],
      [[1]],
      new Uint8Array([49]),
      new Uint8Array(),
      '\u00e9',
      'e\u0301',
    ]
    const backend = newBackend(VALUE)
    keys.forEach((key, i) => put(backend, key, i))
    expect(keys.map((key) => get(backend, key))).toEqual(keys.map((_, i) => i))
    const copy = await restored(VALUE, await checkpoint(backend, 1))
    expect(keys.map((key) => get(copy, key))).toEqual(keys.map((_, i) => i))
  })

  it('takes -0 for 0, and says 0', () => {
    const backend = newBackend(VALUE)
    put(backend, -0, 'zero')
    expect(get(backend, 0)).toBe('zero')
    backend.setCurrentKey(-0, groupOf(0))
    expect(Object.is(backend.currentKey(), 0)).toBe(true)
  })

  it('is not confused by a key that its owner changes later', async () => {
    const backend = newBackend(VALUE)
    const bytes = new Uint8Array([1, 2])
    const tuple: [string, Uint8Array] = ['a', bytes]
    put(backend, bytes, 'bytes')
    put(backend, tuple, 'tuple')
    bytes[0] = 9
    tuple[0] = 'b'
    const copy = await restored(VALUE, await checkpoint(backend, 1))
    expect(get(copy, new Uint8Array([1, 2]))).toBe('bytes')
    expect(get(copy, ['a', new Uint8Array([1, 2])])).toBe('tuple')
  })

  it('refuses to be used without a current key, also after a barrier', () => {
    const backend = newBackend(VALUE)
    const value = backend.store.value('value')
    expect(() => value.value()).toThrow(expect.objectContaining({ code: 'MILLRACE_USER' }))
    expect(() => value.update(1)).toThrow(expect.objectContaining({ code: 'MILLRACE_USER' }))
    use(backend, 'a')
    value.update(1)
    backend.freeze(1)
    expect(() => value.value()).toThrow(expect.objectContaining({ code: 'MILLRACE_USER' }))
    expect(() => backend.currentKey()).toThrow(expect.objectContaining({ code: 'MILLRACE_USER' }))
  })

  it('refuses names and kinds that were not declared', () => {
    const { store } = newBackend(VALUE)
    expect(() => store.value('other')).toThrow(expect.objectContaining({ code: 'MILLRACE_GRAPH' }))
    expect(() => store.list('value')).toThrow(expect.objectContaining({ code: 'MILLRACE_GRAPH' }))
    expect(store.value('value')).toBe(store.value('value'))
  })

  it('refuses a value that cannot be stored: the first at once, later ones when they are encoded, naming state and key', async () => {
    const backend = newBackend(VALUE)
    expect(() => put(backend, 'a', () => 1)).toThrow(/state 'value' of operator 'op'.*function/)
    put(backend, 'a', 1)
    put(backend, 'bad key', { deep: Symbol('x') })
    backend.freeze(1)
    await expect(backend.writeRows(new Rows())).rejects.toThrow(
      /state 'value' of operator 'op', key 'bad key'.*\$\.deep/,
    )
  })

  it('never changes a list that was handed out, nor keeps one that was handed in', () => {
    const backend = newBackend(LIST)
    use(backend, 'a')
    const list = backend.store.list<number>('list')
    const mine = [1]
    list.update(mine)
    mine.push(99)
    const before = list.get()
    for (const each of before) list.add(each + 1)
    expect(before).toEqual([1])
    expect(list.get()).toEqual([1, 2])
  })

  it('takes undefined for no value and null for one', () => {
    const backend = newBackend(VALUE)
    put(backend, 'a', null)
    expect(get(backend, 'a')).toBe(null)
    put(backend, 'a', undefined)
    expect(get(backend, 'a')).toBe(undefined)
  })

  it('has no entry for a key that was only read', () => {
    const backend = newBackend(VALUE)
    expect(get(backend, 'a')).toBe(undefined)
    expect(backend.entries).toBe(0)
  })

  it('refuses a key group of another subtask', () => {
    const backend = newBackend(VALUE, { firstKeyGroup: 1, lastKeyGroup: 1 })
    expect(() => backend.setCurrentKey('a', 0)).toThrow(expect.objectContaining({ code: 'MILLRACE_INTERNAL' }))
  })
})

describe('a checkpoint of keyed state', () => {
  it('holds what stood at the freeze, whatever is read, written or deleted before it is encoded', async () => {
    const backend = newBackend([...VALUE, { name: 'panes', kind: 'panes', fingerprint: '' }])
    for (let i = 0; i < 1000; i++) {
      put(backend, `k${i}`, i)
      backend.store.panes<number[]>('panes').set(i, [i])
    }
    backend.freeze(1)
    const rows = new Rows()
    for (let i = 0; i < 1000; i++) {
      use(backend, `k${i}`)
      if (i % 3 === 0) backend.store.value('value').update('new')
      else if (i % 3 === 1) backend.store.value('value').clear()
      backend.store.panes<number[]>('panes').get(i)!.push(-1)
      put(backend, `born ${i}`, 1)
      if (i % 10 === 0) backend.writeSlice(rows, 5)
    }
    await backend.writeRows(rows)
    const copy = newBackend([...VALUE, { name: 'panes', kind: 'panes', fingerprint: '' }])
    rows.restoreInto(copy)
    expect(copy.entries).toBe(1000)
    for (let i = 0; i < 1000; i++) {
      expect(get(copy, `k${i}`)).toBe(i)
      expect(copy.store.panes('panes').get(i)).toEqual([i])
    }
  })

  it('writes only what has changed', async () => {
    const backend = newBackend(VALUE)
    put(backend, 'a', 1)
    put(backend, 'b', 1)
    expect((await checkpoint(backend, 1)).rows.size).toBe(2)
    put(backend, 'b', 2)
    get(backend, 'a')
    expect((await checkpoint(backend, 2)).rows.size).toBe(1)
    expect((await checkpoint(backend, 3)).rows.size).toBe(0)
  })

  it('writes one row for one changed cell of a large map', async () => {
    const backend = newBackend(MAP)
    use(backend, 'a')
    for (let i = 0; i < 1000; i++) backend.store.map<number, number>('map').set(i, i)
    expect((await checkpoint(backend, 1)).rows.size).toBe(1000)
    use(backend, 'a')
    backend.store.map<number, number>('map').set(7, -7)
    backend.store.map<number, number>('map').delete(8)
    backend.store.map<number, number>('map').delete(8)
    const { rows } = await checkpoint(backend, 2)
    expect([...rows.values()].map((row) => row.value === undefined).sort()).toEqual([false, true])
  })

  it('leaves a tombstone for what an earlier one held, and nothing for what was born and is gone since', async () => {
    const backend = newBackend(VALUE)
    put(backend, 'old', 1)
    await checkpoint(backend, 1)
    put(backend, 'short-lived', 1)
    put(backend, 'short-lived', undefined)
    put(backend, 'old', undefined)
    const { rows } = await checkpoint(backend, 2)
    expect([...rows.values()].map((row) => row.value)).toEqual([undefined])
    expect((await checkpoint(backend, 3)).rows.size).toBe(0)
  })

  it('leaves the tombstone to the next one when it is aborted', async () => {
    const backend = newBackend(VALUE)
    put(backend, 'a', 1)
    const first = await checkpoint(backend, 1)
    put(backend, 'a', undefined)
    backend.freeze(2)
    await backend.writeRows(new Rows())
    await backend.evictIfNeeded()
    backend.abortCheckpoint(2)
    const third = await checkpoint(backend, 3)
    expect((await restored(VALUE, first, third)).entries).toBe(0)
    expect(third.rows.size).toBe(1)
  })

  it('frees entries once their tombstones are durable', async () => {
    const backend = newBackend([...VALUE, ...MAP])
    for (let i = 0; i < 300; i++) {
      put(backend, i, i)
      backend.store.map<string, number>('map').set('x', 1)
    }
    await checkpoint(backend, 1)
    for (let i = 0; i < 300; i++) {
      put(backend, i, undefined)
      backend.store.map('map').clear()
    }
    await backend.evictIfNeeded()
    expect(backend.entries).toBe(300)
    await checkpoint(backend, 2)
    await backend.evictIfNeeded()
    expect(backend.entries).toBe(0)
  })

  it('keeps one that came back to life', async () => {
    const backend = newBackend(VALUE)
    put(backend, 'a', 1)
    const rows = [await checkpoint(backend, 1)]
    put(backend, 'a', undefined)
    rows.push(await checkpoint(backend, 2))
    put(backend, 'a', 2)
    await backend.evictIfNeeded()
    expect(get(backend, 'a')).toBe(2)
    rows.push(await checkpoint(backend, 3))
    expect(get(await restored(VALUE, ...rows), 'a')).toBe(2)
  })

  it('that is still pending when the next one begins counts as aborted; its late completion is ignored', async () => {
    const backend = newBackend(VALUE)
    put(backend, 'a', 1)
    backend.freeze(1)
    await backend.writeRows(new Rows())
    put(backend, 'b', 1)
    backend.freeze(2)
    backend.completeCheckpoint(1)
    const rows = new Rows()
    await backend.writeRows(rows)
    expect(rows.rows.size).toBe(2)
  })

  it('cannot be complete before it is written', () => {
    const backend = newBackend(VALUE)
    put(backend, 'a', 1)
    backend.freeze(1)
    expect(() => backend.completeCheckpoint(1)).toThrow(expect.objectContaining({ code: 'MILLRACE_INTERNAL' }))
  })

  it('counts rows and bytes, and is written in slices', async () => {
    const backend = newBackend(VALUE)
    for (let i = 0; i < 100; i++) put(backend, i, i)
    backend.freeze(1)
    const rows = new Rows()
    let slices = 1
    while (!backend.writeSlice(rows, 10)) slices++
    expect(slices).toBeGreaterThan(10)
    let bytes = 0
    for (const { key, value } of rows.rows.values()) bytes += key.length + value!.length
    expect(backend.snapshotSize()).toEqual({ rows: 100, bytes })
  })

  it('orders keys of equal hash by their bytes', async () => {
    const backend = newBackend(VALUE, { firstKeyGroup: 0, lastKeyGroup: 0 })
    const collide = ['Aa', 'BB'].flatMap((a) => ['Aa', 'BB'].flatMap((b) => ['Aa', 'BB'].map((c) => a + b + c)))
    for (const key of collide.reverse()) {
      backend.setCurrentKey(key, 0)
      backend.store.value('value').update(key)
    }
    backend.freeze(1)
    const rows = new Rows() // checks the order
    await backend.writeRows(rows)
    const hashes = new Set([...rows.rows.values()].map((row) => Buffer.from(row.key).toString('hex', 0, 4)))
    expect([hashes.size, rows.rows.size]).toEqual([1, 8])
  })

  it('keeps its list of changed entries short while keys come and go', () => {
    const backend = newBackend(VALUE)
    for (let i = 0; i < 200_000; i++) {
      put(backend, i, 1)
      put(backend, i, undefined)
    }
    expect(backend.entries).toBeLessThan(2)
    backend.freeze(1)
    const rows = new Rows()
    expect(backend.writeSlice(rows, 20_000)).toBe(true)
    expect(rows.rows.size).toBe(0)
  })
})
