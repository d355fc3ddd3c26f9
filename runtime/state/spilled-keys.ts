import { murmurHash } from '../codec/key-group.js'

const BITS_PER_KEY = 10
const PROBES = 5
const FIRST_KEYS = 1 << 14

/** One Bloom filter with room for `keys` keys. */
class Layer {
  readonly keys: number
  used = 0
  readonly #words: Uint32Array
  readonly #bits: number

  constructor(keys: number) {
    this.keys = keys
    this.#words = new Uint32Array(Math.ceil((keys * BITS_PER_KEY) / 32))
    this.#bits = this.#words.length * 32
  }

  add(first: number, second: number): void {
    for (let i = 0; i < PROBES; i++) {
      const bit = ((first + Math.imul(i, second)) >>> 0) % this.#bits
      this.#words[bit >>> 5]! |= 1 << (bit & 31)
    }
    this.used++
  }

  has(first: number, second: number): boolean {
    for (let i = 0; i < PROBES; i++) {
      const bit = ((first + Math.imul(i, second)) >>> 0) % this.#bits
      if ((this.#words[bit >>> 5]! & (1 << (bit & 31))) === 0) return false
    }
    return true
  }
}

/**
 * Which keys may have been spilled: Bloom filters, each twice as large as the one before, about 1% wrong each. So a new key costs no
 * read. Keys are row keys (their hash in front).
 */
export class SpilledKeys {
  /** How many keys it has taken. */
  taken = 0
  #layers: Layer[] = []
  #first = 0
  #second = 0

  add(rowKey: Uint8Array): void {
    if (this.has(rowKey)) return
    let layer = this.#layers.at(-1)
    if (layer === undefined || layer.used === layer.keys) {
      layer = new Layer(layer === undefined ? FIRST_KEYS : 2 * layer.keys)
      this.#layers.push(layer)
    }
    layer.add(this.#first, this.#second)
    this.taken++
  }

  has(rowKey: Uint8Array): boolean {
    this.#hash(rowKey)
    for (const layer of this.#layers) if (layer.has(this.#first, this.#second)) return true
    return false
  }

  #hash(rowKey: Uint8Array): void {
    let mixed = 0x811c9dc5
    for (let i = 4; i < rowKey.length; i++) mixed = Math.imul(mixed ^ rowKey[i]!, 0x01000193)
    const hash = (rowKey[0]! << 24) | (rowKey[1]! << 16) | (rowKey[2]! << 8) | rowKey[3]!
    this.#first = murmurHash(hash ^ mixed) ^ mixed
    this.#second = murmurHash(mixed) | 1
  }
}
