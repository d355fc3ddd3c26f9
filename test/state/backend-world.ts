import { expect } from 'vitest'
import { KeyGrouper } from '../../runtime/codec/key-group.js'
import { mapKeyOf, type MapKey } from '../../runtime/codec/map-key.js'
import type { Key } from '../../runtime/contract/key.js'
import type { StateDescriptor } from '../../runtime/contract/state.js'
import { KeyedBackend, type KeyedBackendOptions } from '../../runtime/state/keyed-backend.js'
import type { RowSink } from '../../runtime/state/row-sink.js'

/** Rows of a checkpoint, or of all complete ones, by key group and hexadecimal row key. */
export class Rows implements RowSink {
  readonly rows = new Map<
    string,
    { keyGroup: number; key: Uint8Array; value: Uint8Array | undefined; minTimer: number }
  >()
  #last = ''

  add(
    keyGroup: number,
    key: Uint8Array,
    from: number,
    to: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    minTimer: number,
  ): void {
    this.#put(keyGroup, key.slice(from, to), new Uint8Array(value.subarray(valueFrom, valueTo)), minTimer)
  }

  addTombstone(keyGroup: number, key: Uint8Array, from: number, to: number): void {
    this.#put(keyGroup, key.slice(from, to), undefined, Infinity)
  }

  /** Puts the rows of a later checkpoint over these. */
  apply(later: Rows): void {
    for (const [name, row] of later.rows) {
      if (row.value === undefined) this.rows.delete(name)
      else this.rows.set(name, row)
    }
  }

  restoreInto(backend: KeyedBackend): void {
    for (const { keyGroup, key, value } of this.rows.values()) backend.restoreRow(keyGroup, key, value!)
  }

  #put(keyGroup: number, key: Uint8Array, value: Uint8Array | undefined, minTimer: number): void {
    const name = `${keyGroup.toString(16).padStart(4, '0')}/${Buffer.from(key).toString('hex')}`
    expect(name > this.#last, 'rows come in order, none twice').toBe(true)
    this.#last = name
    this.rows.set(name, { keyGroup, key, value, minTimer })
  }
}

export const MAX_PARALLELISM = 4
const grouper = new KeyGrouper(MAX_PARALLELISM)

export function groupOf(key: Key): number {
  return grouper.groupOf(key)
}

export function use(backend: KeyedBackend, key: Key): void {
  backend.setCurrentKey(key, groupOf(key))
}

/** A clock that stands where it is put. */
export class HandClock {
  time = 1_000

  now(): number {
    return this.time
  }

  setTimeout(): () => void {
    throw new Error('state sets no timeouts')
  }
}

export function newBackend(
  states: readonly StateDescriptor[],
  options: Partial<KeyedBackendOptions> = {},
): KeyedBackend {
  return new KeyedBackend({
    uid: 'op',
    states,
    firstKeyGroup: 0,
    lastKeyGroup: MAX_PARALLELISM - 1,
    clock: new HandClock(),
    cacheBytes: Infinity,
    ...options,
  })
}

/** A whole checkpoint, completed. */
export async function checkpoint(backend: KeyedBackend, id: number): Promise<Rows> {
  const rows = new Rows()
  backend.freeze(id)
  await backend.writeRows(rows)
  backend.completeCheckpoint(id)
  return rows
}

export const never = (): boolean => false

export async function advance(
  backend: KeyedBackend,
  watermark: number,
  fire: (time: number, namespace: number) => void,
  shouldYield: () => boolean = never,
): Promise<void> {
  for (;;) {
    await backend.prefetchTimers(watermark)
    if (backend.advanceWatermark(watermark, fire, shouldYield)) return
  }
}

/** What a key holds in the naive model. */
export interface ModelEntry {
  key: Key
  value?: unknown
  list: unknown[]
  map: Map<MapKey, [Key, unknown]>
  sum?: number
  text?: string
  panes: Map<number, unknown>
  /** By `time/namespace`. */
  event: Map<string, [number, number]>
  processing: Map<string, [number, number]>
}

export const MODEL_STATES: readonly StateDescriptor[] = [
  { name: 'value', kind: 'value', fingerprint: '1' },
  { name: 'list', kind: 'list', fingerprint: '1' },
  { name: 'map', kind: 'map', fingerprint: '1' },
  { name: 'sum', kind: 'reducing', fingerprint: '1', reduce: (a: number, b: number) => a + b },
  {
    name: 'text',
    kind: 'aggregating',
    fingerprint: '1',
    aggregator: {
      create: () => ({ text: '' }),
      add: (accumulator: unknown, value: never) => ({ text: (accumulator as { text: string }).text + String(value) }),
      result: (accumulator: unknown) => (accumulator as { text: string }).text,
    },
  },
  { name: 'panes', kind: 'panes', fingerprint: '1' },
]

export class Model {
  readonly entries = new Map<MapKey, ModelEntry>()

  of(key: Key): ModelEntry {
    const name = mapKeyOf(key)
    let entry = this.entries.get(name)
    if (entry === undefined) {
      entry = { key, list: [], map: new Map(), panes: new Map(), event: new Map(), processing: new Map() }
      this.entries.set(name, entry)
    }
    return entry
  }

  copy(): Model {
    const copy = new Model()
    for (const [name, entry] of this.entries) copy.entries.set(name, structuredClone(entry))
    return copy
  }

  /** Keys that hold anything. */
  live(): ModelEntry[] {
    return [...this.entries.values()].filter((entry) => !isEmpty(entry))
  }

  earliest(kind: 'event' | 'processing'): number {
    let earliest = Infinity
    for (const entry of this.entries.values())
      for (const [time] of entry[kind].values()) earliest = Math.min(earliest, time)
    return earliest
  }
}

function isEmpty(entry: ModelEntry): boolean {
  const sizes = entry.list.length + entry.map.size + entry.panes.size + entry.event.size + entry.processing.size
  return sizes === 0 && entry.value === undefined && entry.sum === undefined && entry.text === undefined
}

/** Reads all states of a key. */
export function readEntry(backend: KeyedBackend, key: Key): unknown {
  use(backend, key)
  const { store } = backend
  const panes = store.panes<unknown>('panes')
  return {
    value: store.value('value').value(),
    list: [...store.list('list').get()],
    map: [...store.map<Key, unknown>('map').entries()].map(([k, v]) => [mapKeyOf(k), v]).sort(byText),
    sum: store.reducing('sum').get(),
    text: store.aggregating<unknown, string>('text').get(),
    panes: panes.panes().map((pane) => [pane, panes.get(pane)]),
  }
}

export function readModel(entry: ModelEntry): unknown {
  return {
    value: entry.value,
    list: entry.list,
    map: [...entry.map].map(([name, [, v]]) => [name, v]).sort(byText),
    sum: entry.sum,
    text: entry.text,
    panes: [...entry.panes].sort(([a], [b]) => a - b),
  }
}

function byText(a: unknown[], b: unknown[]): number {
  const left = `${typeof a[0]}${String(a[0])}`
  const right = `${typeof b[0]}${String(b[0])}`
  return left < right ? -1 : left > right ? 1 : 0
}
