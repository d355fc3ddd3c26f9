import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mapKeyOf } from '../../runtime/codec/map-key.js'
import type { Key } from '../../runtime/contract/key.js'
import type { KeyedBackend } from '../../runtime/state/keyed-backend.js'
import { MemorySpillStore } from '../../runtime/state/memory-spill-store.js'
import { StoredSegments } from './stored-segments.js'
import {
  groupOf,
  HandClock,
  Model,
  MODEL_STATES,
  type ModelEntry,
  newBackend,
  readEntry,
  readModel,
  Rows,
  use,
} from './backend-world.js'

const KEYS: readonly Key[] = [
  '__proto__',
  '',
  'é😀',
  '1',
  1,
  1n,
  true,
  -0,
  0.5,
  new Uint8Array([0, 1, 255]),
  ['a', 1],
  ['a', [1n, '']],
  'constructor',
  -7n,
]
const CELLS: readonly Key[] = ['__proto__', 0, '0', ['x'], 2n]
const KINDS = [
  'value',
  'value',
  'clearValue',
  'list',
  'setList',
  'clearList',
  'cell',
  'cell',
  'deleteCell',
  'clearMap',
  'sum',
  'clearSum',
  'text',
  'clearText',
  'pane',
  'pane',
  'deletePane',
  'event',
  'event',
  'event',
  'deleteEvent',
  'processing',
  'deleteProcessing',
  'clearAll',
  'read',
  'advance',
  'fireProcessing',
  'prefetch',
  'freeze',
  'freeze',
  'slice',
  'slice',
  'slice',
  'complete',
  'complete',
  'abort',
  'housekeep',
  'housekeep',
  'restoreSlice',
  'restoreSlice',
  'merge',
  'restart',
  'restart',
] as const

interface Op {
  readonly kind: (typeof KINDS)[number]
  readonly key: number
  readonly n: number
}

interface Pending {
  readonly id: number
  readonly rows: Rows
  readonly model: Model
  readonly watermark: number
  readonly firstTimers: readonly [number, number]
  written: boolean
}

/** The backend, the model that follows it step by step, and what complete checkpoints hold. */
class World {
  backend: KeyedBackend
  model = new Model()
  readonly segments = new StoredSegments()
  durableModel = new Model()
  watermark = -Infinity
  #pending: Pending | undefined
  #durableWatermark = -Infinity
  #firstTimers: readonly [number, number] = [Infinity, Infinity]
  #checkpoints = 0
  readonly #cacheBytes: number
  readonly #clock = new HandClock()

  constructor(cacheBytes: number) {
    this.#cacheBytes = cacheBytes
    this.backend = this.#open(-Infinity)
  }

  async step({ kind, key: keyIndex, n }: Op): Promise<void> {
    switch (kind) {
      case 'advance':
        return this.#advance(n)
      case 'fireProcessing':
        return this.#fireProcessing(n)
      case 'prefetch': {
        if (n % 3 === 0) await prefetch(this.backend, meant(keyIndex))
        const brought = prefetch(this.backend, KEYS.slice(0, n))
        if (n % 3 === 0) await this.#meanwhile(keyIndex, n)
        return brought
      }
      case 'restoreSlice': {
        if (n % 3 === 0) await prefetch(this.backend, meant(keyIndex))
        const moved = this.backend.restoreSlice()
        if (n % 3 === 0) await this.#meanwhile(keyIndex, n)
        if (n % 3 === 1) await prefetch(this.backend, KEYS.slice(keyIndex))
        return moved
      }
      case 'merge':
        return this.segments.merge(n % (this.segments.runs + 1))
      case 'freeze':
        return this.#freeze()
      case 'slice':
        return this.#slice(n)
      case 'complete':
        return this.#complete()
      case 'abort':
        if (this.#pending !== undefined) this.backend.abortCheckpoint(this.#pending.id)
        this.#pending = undefined
        return
      case 'housekeep': {
        if (n % 3 === 0) await prefetch(this.backend, meant(keyIndex))
        const written = this.backend.evictIfNeeded()
        if (n % 3 === 0) await this.#meanwhile(keyIndex, n)
        return written
      }
      case 'restart':
        return this.#restart()
      default: {
        const key = KEYS[keyIndex % KEYS.length]!
        await prefetch(this.backend, [key])
        return this.#change(kind, key, n)
      }
    }
  }

  /** The backend holds what the model does, and so do the complete checkpoints. */
  async check(): Promise<void> {
    await prefetch(this.backend, KEYS)
    for (const key of KEYS) expect(readEntry(this.backend, key)).toEqual(readModel(this.model.of(key)))
    await this.backend.restoreAll()
    for (const key of KEYS) expect(readEntry(this.backend, key)).toEqual(readModel(this.model.of(key)))
    expect(this.backend.pendingEventTimers()).toBe(count(this.model, 'event'))
    expect(this.backend.pendingProcessingTimers()).toBe(count(this.model, 'processing'))
    await this.#freeze()
    await this.#complete()
    await this.#advance(2000)
    await this.#fireProcessing(2000)
  }

  #open(watermark: number): KeyedBackend {
    return newBackend(MODEL_STATES, {
      clock: this.#clock,
      cacheBytes: this.#cacheBytes,
      watermark,
      ...(this.#cacheBytes === Infinity ? {} : { spill: new MemorySpillStore() }),
    })
  }

  /** What records do while the backend waits for its store. Their keys have been prefetched. */
  async #meanwhile(key: number, n: number): Promise<void> {
    for (let i = 0; i < 6; i++) {
      const kind = (['sum', 'clearAll', 'cell', 'clearAll', 'event', 'read'] as const)[(n + i) % 6]!
      this.#change(kind, meant(key)[i >> 1]!, n)
      await Promise.resolve()
    }
  }

  #change(kind: Op['kind'], key: Key, n: number): void {
    use(this.backend, key)
    const entry = this.model.of(key)
    const { store, timers } = this.backend
    const cell = CELLS[n % CELLS.length]!
    switch (kind) {
      case 'value':
        entry.value = { n, deep: [n] }
        return store.value('value').update(entry.value)
      case 'clearValue':
        delete entry.value
        return store.value('value').clear()
      case 'list':
        entry.list.push(n)
        return store.list('list').add(n)
      case 'setList':
        entry.list = Array.from({ length: n % 3 }, () => n)
        return store.list('list').update(entry.list)
      case 'clearList':
        entry.list = []
        return store.list('list').clear()
      case 'cell':
        entry.map.set(mapKeyOf(cell), [cell, n])
        return store.map('map').set(cell, n)
      case 'deleteCell':
        entry.map.delete(mapKeyOf(cell))
        return store.map('map').delete(cell)
      case 'clearMap':
        entry.map.clear()
        return store.map('map').clear()
      case 'sum':
        entry.sum = (entry.sum ?? 0) + n
        return store.reducing<number>('sum').add(n)
      case 'clearSum':
        delete entry.sum
        return store.reducing('sum').clear()
      case 'text':
        entry.text = (entry.text ?? '') + String(n)
        return store.aggregating<number, string>('text').add(n)
      case 'clearText':
        delete entry.text
        return store.aggregating('text').clear()
      case 'pane': {
        const panes = store.panes<number[]>('panes')
        const accumulator = panes.get(n % 4) ?? []
        accumulator.push(n) // in place, and set again at once
        panes.set(n % 4, accumulator)
        entry.panes.set(n % 4, [...((entry.panes.get(n % 4) as number[] | undefined) ?? []), n])
        return
      }
      case 'deletePane':
        entry.panes.delete(n % 4)
        return store.panes('panes').delete(n % 4)
      case 'event':
        entry.event.set(`${n}/${n % 4}`, [n, n % 4])
        return timers.registerEventTimer(n, n % 4)
      case 'deleteEvent':
        entry.event.delete(`${n}/${n % 4}`)
        return timers.deleteEventTimer(n, n % 4)
      case 'processing':
        entry.processing.set(`${n}/0`, [n, 0])
        return timers.registerProcessingTimer(n)
      case 'deleteProcessing':
        entry.processing.delete(`${n}/0`)
        return timers.deleteProcessingTimer(n)
      case 'clearAll':
        return this.#clearAll(entry)
      default:
        expect(readEntry(this.backend, key)).toEqual(readModel(entry))
    }
  }

  #clearAll(entry: ModelEntry): void {
    const { store, timers } = this.backend
    store.value('value').clear()
    store.list('list').clear()
    store.map('map').clear()
    store.reducing('sum').clear()
    store.aggregating('text').clear()
    for (const pane of store.panes('panes').panes()) store.panes('panes').delete(pane)
    for (const [time, namespace] of entry.event.values()) timers.deleteEventTimer(time, namespace)
    for (const [time, namespace] of entry.processing.values()) timers.deleteProcessingTimer(time, namespace)
    this.model.entries.delete(mapKeyOf(entry.key))
  }

  async #advance(n: number): Promise<void> {
    const watermark = Math.max(this.watermark, n)
    this.watermark = watermark
    await this.#fire('event', watermark, n, (yields) =>
      this.backend.advanceWatermark(watermark, (time, namespace) => this.#onTimer('event', time, namespace), yields),
    )
  }

  async #fireProcessing(n: number): Promise<void> {
    await this.#fire('processing', n, n, (yields) =>
      this.backend.fireProcessingTimers(n, (time, namespace) => this.#onTimer('processing', time, namespace), yields),
    )
  }

  async #fire(
    kind: 'event' | 'processing',
    limit: number,
    n: number,
    fire: (yields: () => boolean) => boolean,
  ): Promise<void> {
    for (let slices = 0; slices < 1000; slices++) {
      await (kind === 'event' ? this.backend.prefetchTimers(limit) : this.backend.prefetchProcessingTimers(limit))
      let left = 1 + (n % 3)
      if (fire(() => left-- === 0)) {
        expect(this.model.earliest(kind)).toBeGreaterThan(limit)
        return
      }
      if (slices === 1 && n % 5 === 0) await this.#freeze()
      if (n % 2 === 0) await this.backend.evictIfNeeded()
    }
    throw new Error('firing does not come to an end')
  }

  /** A timer fires only if it is registered, is the earliest, and its own key is current. */
  #onTimer(kind: 'event' | 'processing', time: number, namespace: number): void {
    const entry = this.model.of(this.backend.currentKey())
    expect(entry[kind].has(`${time}/${namespace}`)).toBe(true)
    expect(this.model.earliest(kind)).toBe(time)
    entry[kind].delete(`${time}/${namespace}`)
    const { store, timers } = this.backend
    if (namespace === 1) {
      timers.registerEventTimer(time + 3, 2)
      entry.event.set(`${time + 3}/2`, [time + 3, 2])
    } else if (namespace === 2) {
      entry.sum = (entry.sum ?? 0) + time
      store.reducing<number>('sum').add(time)
    } else if (namespace === 3) {
      timers.registerEventTimer(time - 1, 0)
      entry.event.set(`${time - 1}/0`, [time - 1, 0])
      entry.panes.clear()
      for (const pane of store.panes('panes').panes()) store.panes('panes').delete(pane)
    }
  }

  async #freeze(): Promise<void> {
    const id = ++this.#checkpoints
    this.backend.freeze(id)
    const [rows, model, firstTimers] = [new Rows(), this.model.copy(), this.backend.firstTimers()]
    this.#pending = { id, rows, model, watermark: this.watermark, firstTimers, written: false }
    await Promise.resolve()
  }

  async #slice(n: number): Promise<void> {
    const pending = this.#pending
    if (pending === undefined || pending.written) return
    if (n % 3 === 0) this.backend.encodeSlice(n % 7)
    if (n % 2 === 0) await prefetch(this.backend, meant(n))
    const brought = this.backend.prefetchFrozen()
    if (n % 2 === 0) await this.#meanwhile(n, n)
    await brought
    pending.written = this.backend.writeSlice(pending.rows, n % 11)
  }

  async #complete(): Promise<void> {
    const pending = this.#pending
    if (pending === undefined) return
    if (!pending.written) await this.backend.writeRows(pending.rows)
    this.backend.completeCheckpoint(pending.id)
    await this.segments.add(pending.rows)
    this.#firstTimers = pending.firstTimers
    this.durableModel = pending.model
    this.#durableWatermark = pending.watermark
    this.#pending = undefined
    const restored = this.#open(this.#durableWatermark)
    await this.#restoreInto(restored)
    await restored.restoreAll()
    for (const key of KEYS) expect(readEntry(restored, key)).toEqual(readModel(this.durableModel.of(key)))
    expect(restored.pendingEventTimers()).toBe(count(this.durableModel, 'event'))
    expect(restored.pendingProcessingTimers()).toBe(count(this.durableModel, 'processing'))
    if (this.#cacheBytes === Infinity)
      expect(restored.entries, 'no row is left of what is gone').toBe(this.durableModel.live().length)
  }

  async #restart(): Promise<void> {
    this.#pending = undefined
    await this.backend.close()
    this.backend = this.#open(this.#durableWatermark)
    await this.#restoreInto(this.backend)
    this.model = this.durableModel.copy()
    this.watermark = this.#durableWatermark
  }

  async #restoreInto(backend: KeyedBackend): Promise<void> {
    backend.restoreFrom(await this.segments.open(), this.#firstTimers)
  }
}

/** The keys of `#meanwhile`. */
function meant(key: number): readonly Key[] {
  return [0, 1, 2].map((i) => KEYS[(key + i) % KEYS.length]!)
}

async function prefetch(backend: KeyedBackend, keys: readonly Key[]): Promise<void> {
  const keyGroups = Uint16Array.from(keys, (key) => groupOf(key))
  await backend.prefetch(keys, keyGroups, keys.length)
}

function count(model: Model, kind: 'event' | 'processing'): number {
  let sum = 0
  for (const entry of model.entries.values()) sum += entry[kind].size
  return sum
}

const op: fc.Arbitrary<Op> = fc.record({
  kind: fc.constantFrom(...KINDS),
  key: fc.nat(KEYS.length - 1),
  n: fc.integer({ min: 0, max: 60 }),
})

async function run(ops: readonly Op[], cacheBytes: number): Promise<void> {
  const world = new World(cacheBytes)
  for (const each of ops) await world.step(each)
  await world.check()
}

describe('KeyedBackend against a naive model', () => {
  const ops = fc.array(op, { minLength: 1, maxLength: 150, size: 'max' })

  it('behaves like the model, and each complete checkpoint restores what stood at its freeze', async () => {
    await fc.assert(
      fc.asyncProperty(ops, (list) => run(list, Infinity)),
      { numRuns: 100 },
    )
  })

  it('behaves the same when almost nothing fits into memory', async () => {
    await fc.assert(fc.asyncProperty(ops, fc.constantFrom(0, 700, 2000), run), { numRuns: 150 })
  })
})
