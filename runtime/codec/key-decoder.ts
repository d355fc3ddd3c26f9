import { isUtf8 } from 'node:buffer'
import { MillraceError } from '../contract/errors.js'
import type { Key } from '../contract/key.js'
import { BIGINT_LONG, BIGINT_ZERO } from './key-bigint.js'
import { KEY_TAG } from './key-codec.js'
import { MAX_KEY_DEPTH } from './key-refusal.js'
import { SHORT_LATIN1, shortLatin1 } from './short-latin1.js'

/**
 * Reads keys back from what `encodeKey` wrote. Strict: bytes that no key encodes to throw MILLRACE_CORRUPT, so that
 * decoding and encoding again gives the same bytes. Never reads at or after `to`. One thread at a time.
 */
export class KeyDecoder {
  /** Where the last decoded key ended. */
  end = 0
  readonly #double = new DataView(new ArrayBuffer(8))

  /** The key at `at`; its bytes are copied. Sets {@link end}. */
  decode(bytes: Uint8Array, at: number, to: number = bytes.length): Key {
    return this.#decode(bytes, at, to, 0)
  }

  #decode(bytes: Uint8Array, at: number, to: number, depth: number): Key {
    if (at >= to) throw corrupt(at, 'it ends too early')
    const tag = bytes[at]
    switch (tag) {
      case KEY_TAG.STRING:
        return this.#string(bytes, at + 1, to)
      case KEY_TAG.NUMBER:
        return this.#number(bytes, at + 1, to)
      case KEY_TAG.BIGINT:
        return this.#bigint(bytes, at + 1, to)
      case KEY_TAG.BYTES:
        return new Uint8Array(this.#content(bytes, at + 1, to))
      case KEY_TAG.TUPLE:
        return this.#tuple(bytes, at + 1, to, depth)
      case KEY_TAG.FALSE:
      case KEY_TAG.TRUE:
        this.end = at + 1
        return tag === KEY_TAG.TRUE
      default:
        throw corrupt(at, `unknown type ${tag}`)
    }
  }

  #tuple(bytes: Uint8Array, at: number, to: number, depth: number): Key {
    if (depth === MAX_KEY_DEPTH) throw corrupt(at, 'it is nested too deep')
    const tuple: Key[] = []
    for (;;) {
      if (at >= to) throw corrupt(at, 'it ends too early')
      if (bytes[at] === KEY_TAG.END) {
        this.end = at + 1
        return tuple
      }
      tuple.push(this.#decode(bytes, at, to, depth + 1))
      at = this.end
    }
  }

  #number(bytes: Uint8Array, at: number, to: number): number {
    if (at + 8 > to) throw corrupt(at, 'it ends too early')
    const flip = bytes[at]! < 0x80 ? 0xff : 0
    const double = this.#double
    for (let i = 0; i < 8; i++) double.setUint8(i, bytes[at + i]! ^ flip)
    if (flip === 0) double.setUint8(0, bytes[at]! & 0x7f)
    const value = double.getFloat64(0)
    if (Number.isNaN(value) || Object.is(value, -0)) throw corrupt(at, 'no such number')
    this.end = at + 8
    return value
  }

  #bigint(bytes: Uint8Array, at: number, to: number): bigint {
    if (at >= to) throw corrupt(at, 'it ends too early')
    const marker = bytes[at++]!
    const flip = marker < BIGINT_ZERO ? 0xff : 0
    let count = Math.abs(marker - BIGINT_ZERO)
    if (count > BIGINT_LONG) throw corrupt(at, 'no such length')
    if (count === BIGINT_LONG) {
      if (at + 4 > to) throw corrupt(at, 'it ends too early')
      count = 0
      for (let i = 0; i < 4; i++) count = count * 256 + (bytes[at++]! ^ flip)
      if (count < BIGINT_LONG) throw corrupt(at, 'no such length')
    }
    if (at + count > to) throw corrupt(at, 'it ends too early')
    if (count > 0 && (bytes[at]! ^ flip) === 0) throw corrupt(at, 'a number with leading zeros')
    const magnitude = Buffer.from(bytes.subarray(at, at + count))
    for (let i = 0; i < count; i++) magnitude[i]! ^= flip
    this.end = at + count
    const value = count === 0 ? 0n : BigInt(`0x${magnitude.toString('hex')}`)
    return flip === 0 ? value : -value
  }

  #string(bytes: Uint8Array, at: number, to: number): string {
    let end = at
    while (end < to && bytes[end]! > 1 && bytes[end]! < 0x80) end++
    if (end - at <= SHORT_LATIN1 && end < to && bytes[end] === KEY_TAG.END) {
      this.end = end + 1
      return shortLatin1(bytes, at, end - at)
    }
    const content = this.#content(bytes, at, to)
    if (!isUtf8(content)) throw corrupt(at, 'no such text')
    return content.toString('utf8')
  }

  /** The unescaped content up to the closing zero, in a buffer of its own. */
  #content(bytes: Uint8Array, at: number, to: number): Buffer {
    const close = bytes.indexOf(KEY_TAG.END, at)
    if (close < 0 || close >= to) throw corrupt(at, 'it ends too early')
    const content = Buffer.allocUnsafe(close - at)
    let length = 0
    for (let i = at; i < close; i++) {
      let byte = bytes[i]!
      if (byte === 1) {
        byte = bytes[++i]! - 1
        if (byte !== 0 && byte !== 1) throw corrupt(i, 'no such escape')
      }
      content[length++] = byte
    }
    this.end = close + 1
    return content.subarray(0, length)
  }
}

function corrupt(at: number, what: string): MillraceError {
  return new MillraceError('MILLRACE_CORRUPT', `a stored key cannot be read at byte ${at}: ${what}`)
}
