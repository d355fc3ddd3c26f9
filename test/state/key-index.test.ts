import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mapKeyOf, type MapKey } from '../../runtime/codec/map-key.js'
import type { Key } from '../../runtime/contract/key.js'
import { KeyIndex, NO_ID } from '../../runtime/state/key-index.js'
import { PAGE_BITS, PAGE_MASK } from '../../runtime/state/page-size.js'

/** Numbers of one hash: the more significant half takes back what it adds to the less significant one. */
function collidingNumber(n: number): number {
  const low = Math.imul(n, 0x9e3779b1) >>> 0
  return n * 2 ** 32 + low
}

/** An index and the Map that it must be like; keys stand in pages, as entries' do. */
class Pair {
  readonly pages: { keys: (Key | undefined)[] }[] = []
  readonly index = new KeyIndex(this.pages)
  readonly map = new Map<MapKey, number>()
  private next = 0

  toggle(key: Key): void {
    const mapKey = mapKeyOf(key)
    const id = this.map.get(mapKey)
    if (id === undefined) this.add(key, mapKey)
    else {
      this.map.delete(mapKey)
      this.index.delete(mapKey, id)
      this.pages[id >>> PAGE_BITS]!.keys[id & PAGE_MASK] = undefined
    }
  }

  expectSame(keys: Iterable<Key>): void {
    expect(this.index.size).toBe(this.map.size)
    for (const key of keys) expect(this.index.get(mapKeyOf(key))).toBe(this.map.get(mapKeyOf(key)) ?? NO_ID)
  }

  private add(key: Key, mapKey: MapKey): void {
    const id = this.next++
    const page = (this.pages[id >>> PAGE_BITS] ??= { keys: [] })
    page.keys[id & PAGE_MASK] = key
    this.map.set(mapKey, id)
    this.index.add(mapKey, id)
  }
}

const anyKey: fc.Arbitrary<Key> = fc.oneof(
  fc.integer({ min: -20, max: 20 }),
  fc.double({ noNaN: true }),
  fc.string({ maxLength: 6 }),
  fc.integer({ min: 0, max: 200 }).map((n) => `key-${n}`),
  fc.integer({ min: 1, max: 200 }).map(collidingNumber),
  fc.bigInt({ min: -5n, max: 5n }),
  fc.boolean(),
  fc.tuple(fc.string({ maxLength: 2 }), fc.integer({ min: 0, max: 3 })),
  fc.uint8Array({ maxLength: 3 }),
)

describe('KeyIndex', () => {
  it('is like a Map, whatever is added and removed in whatever order', () => {
    fc.assert(
      fc.property(fc.array(anyKey, { maxLength: 400 }), (keys) => {
        const pair = new Pair()
        for (const key of keys) pair.toggle(key)
        pair.expectSame(keys)
      }),
      { numRuns: 300 },
    )
  })

  it('holds many keys, and as few again', () => {
    const pair = new Pair()
    const keys = Array.from({ length: 20_000 }, (_, n) => `user-${n}`)
    for (const key of keys) pair.toggle(key)
    pair.expectSame(keys)
    for (const key of keys.slice(0, -5)) pair.toggle(key)
    pair.expectSame(keys)
  })

  it('takes thousands of keys of one hash without slowing down', () => {
    const pair = new Pair()
    const keys = Array.from({ length: 5_000 }, (_, n) => collidingNumber(n + 1))
    for (const key of keys) pair.toggle(key)
    pair.expectSame(keys)
    for (const key of keys) pair.toggle(key)
    pair.expectSame(keys)
  })

  it('tells a number from its text and a key from one of the same hash', () => {
    const pair = new Pair()
    for (const key of [1, '1', 1n, true, collidingNumber(1), collidingNumber(2)]) pair.toggle(key)
    pair.expectSame([1, '1', 1n, true, 2, '2', collidingNumber(1), collidingNumber(2), collidingNumber(3)])
  })
})
