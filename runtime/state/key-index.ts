/*
 * From the keys of one key group to the ids of their entries: hash and id of each, open addressing, linear probing.
 *
 *   hash & mask -> | h 7 | h 7' | free | h 9 | ...     h: 32 bits, the key itself stands in the entry's page
 *
 * A Map would do, but costs twice the time and memory when there are millions of keys: it hangs each entry on a chain of pointers that
 * the garbage collector follows, and a key that it does not hold is compared with others. Here a miss touches one place.
 * Invariants: at least two in five places are free; a key is at most PROBES places behind its own, with nothing free between. Keys for
 * which there is no such place (somebody made them so), and those that are neither strings nor numbers, are in a Map after all.
 */
import type { MapKey } from '../codec/map-key.js'
import { type KeyColumn, PAGE_BITS, PAGE_MASK } from './page-size.js'

const SMALLEST = 8
const PROBES = 64
const COMPOSITE = 0xdc00

/** The id of a key that there is no entry for. */
export const NO_ID: number = -1

/** The ids of a key group's entries, by key. */
export class KeyIndex {
  readonly #pages: readonly KeyColumn[]
  /** Hash and id + 1 of each place; 0 + anything is a free one. */
  #places = new Int32Array(2 * SMALLEST)
  #mask = SMALLEST - 1
  #placed = 0
  readonly #others = new Map<MapKey, number>()

  /** `pages`: where the keys of entries are. */
  constructor(pages: readonly KeyColumn[]) {
    this.#pages = pages
  }

  get size(): number {
    return this.#placed + this.#others.size
  }

  /** The id of the entry of `key`, or NO_ID. */
  get(key: MapKey): number {
    const hash = hashOf(key)
    const places = this.#places
    const mask = this.#mask
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const next = places[2 * at + 1]!
      if (next === 0) break
      if (places[2 * at] !== hash) continue
      const id = next - 1
      if (this.#pages[id >>> PAGE_BITS]!.keys[id & PAGE_MASK] === key) return id
    }
    return this.#others.size === 0 ? NO_ID : (this.#others.get(key) ?? NO_ID)
  }

  has(key: MapKey): boolean {
    return this.get(key) !== NO_ID
  }

  /** Adds a key that is not there yet. */
  add(key: MapKey, id: number): void {
    if (isOther(key)) this.#others.set(key, id)
    else {
      if (5 * (this.#placed + 1) > 3 * (this.#mask + 1)) this.#resize(2 * (this.#mask + 1))
      if (this.#place(hashOf(key), id + 1)) this.#placed++
      else this.#others.set(key, id)
    }
  }

  /** Removes a key that is there. */
  delete(key: MapKey, id: number): void {
    if (this.#others.size > 0 && this.#others.delete(key)) return
    const places = this.#places
    const mask = this.#mask
    let hole = hashOf(key) & mask
    while (places[2 * hole + 1] !== id + 1) hole = (hole + 1) & mask
    // What probed past the hole moves into it, and leaves another.
    for (let at = (hole + 1) & mask; places[2 * at + 1] !== 0; at = (at + 1) & mask) {
      const home = places[2 * at]! & mask
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      places[2 * hole] = places[2 * at]!
      places[2 * hole + 1] = places[2 * at + 1]!
      hole = at
    }
    places[2 * hole + 1] = 0
    this.#placed--
    if (8 * this.#placed < mask && mask >= SMALLEST) this.#resize((mask + 1) >> 1)
  }

  /** Whether there was a place near enough. */
  #place(hash: number, next: number): boolean {
    const places = this.#places
    const mask = this.#mask
    let at = hash & mask
    for (let probes = 0; places[2 * at + 1] !== 0; probes++) {
      if (probes === PROBES) return false
      at = (at + 1) & mask
    }
    places[2 * at] = hash
    places[2 * at + 1] = next
    return true
  }

  #resize(size: number): void {
    const places = this.#places
    this.#places = new Int32Array(2 * size)
    this.#mask = size - 1
    for (let at = 0; at < places.length; at += 2) {
      const next = places[at + 1]!
      if (next === 0 || this.#place(places[at]!, next)) continue
      const id = next - 1
      this.#others.set(this.#pages[id >>> PAGE_BITS]!.keys[id & PAGE_MASK] as MapKey, id)
      this.#placed--
    }
  }
}

/** Keys that are not compared with `===` to what stands in the page: see mapKeyOf. */
function isOther(key: MapKey): boolean {
  if (typeof key === 'number') return false
  return typeof key !== 'string' || (key.length > 0 && (key.charCodeAt(0) & 0xfc00) === COMPOSITE)
}

/** Of strings and numbers; other keys are never placed. */
function hashOf(key: MapKey): number {
  if (typeof key === 'string') return mix(hashText(key))
  if (typeof key === 'number') return mix((key | 0) ^ Math.imul((key / 0x1_0000_0000) | 0, 0x9e3779b1) ^ fraction(key))
  return 0
}

/** 32 bits of what is behind the point, for numbers that are not whole. */
function fraction(key: number): number {
  return key === Math.floor(key) ? 0 : ((key % 1) * 0x7fff_ffff) | 0
}

const MULTIPLIER = 0x2c1b3c6d
const SQUARE: number = Math.imul(MULTIPLIER, MULTIPLIER)
const CUBE: number = Math.imul(SQUARE, MULTIPLIER)
const FOURTH: number = Math.imul(CUBE, MULTIPLIER)

/** Four units a step: the multiplications need not wait for each other. */
function hashText(key: string): number {
  let hash = key.length
  let i = 0
  for (const end = key.length - 3; i < end; i += 4) {
    hash =
      (Math.imul(hash, FOURTH) +
        Math.imul(key.charCodeAt(i), CUBE) +
        Math.imul(key.charCodeAt(i + 1), SQUARE) +
        Math.imul(key.charCodeAt(i + 2), MULTIPLIER) +
        key.charCodeAt(i + 3)) |
      0
  }
  for (; i < key.length; i++) hash = (Math.imul(hash, MULTIPLIER) + key.charCodeAt(i)) | 0
  return hash
}

function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad)
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97)
  return hash ^ (hash >>> 15)
}
