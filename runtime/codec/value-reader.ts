/*
 * Reads what a ValueWriter wrote. Invariant: nothing at or after `to` is ever read; every count is held against the bytes
 * that are left before anything is allocated for it, so corrupt bytes cost no more than their own length.
 */
import { isUtf8 } from 'node:buffer'
import { MillraceError } from '../contract/errors.js'
import { SHORT_LATIN1, shortLatin1 } from './short-latin1.js'
import { MAX_VALUE_DEPTH, TAG } from './value-codec.js'
import { type ReadShape, ReadShapes } from './value-read-shapes.js'

const NO_BYTES = Buffer.alloc(0)

/** Reads values and primitives one after another. One thread at a time. After an error, `setSource` starts it again. */
export class ValueReader {
  /** Where the next read begins, as an index into the source. */
  position = 0
  #bytes: Buffer = NO_BYTES
  #to = 0
  #depth = 0
  readonly #scratch = new DataView(new ArrayBuffer(8))
  readonly #shapes = new ReadShapes()

  /** Reads `bytes[from..to)` from now on, without copying it: it must not change while it is read. */
  setSource(bytes: Uint8Array, from: number = 0, to: number = bytes.length): void {
    if (!(from >= 0 && from <= to && to <= bytes.length)) {
      throw new MillraceError('MILLRACE_INTERNAL', `no range of ${bytes.length} bytes: ${from}..${to}`)
    }
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.position = from
    this.#to = to
    this.#depth = 0
  }

  /** Bytes that have not been read. */
  get remaining(): number {
    return this.#to - this.position
  }

  /** The next value, copied out of the source. Throws MILLRACE_CORRUPT for bytes that no writer wrote. */
  readValue(): unknown {
    const at = this.position
    const tag = this.#next()
    if (tag < 0x80) return tag
    if (tag >= TAG.NEGATIVE) return tag - 0x100
    if (tag < TAG.ARRAY) return this.#latin1(tag - TAG.TEXT)
    if (tag < TAG.OBJECT) return this.#array(tag - TAG.ARRAY)
    if (tag < TAG.UNDEFINED) return this.#object(at, tag - TAG.OBJECT)
    return this.#tagged(at, tag)
  }

  /** The next non-negative safe integer. */
  readVarint(): number {
    let byte = this.#next()
    if (byte < 0x80) return byte
    let value = byte & 0x7f
    let factor = 128
    do {
      byte = this.#next()
      value += (byte & 0x7f) * factor
      factor *= 128
    } while (byte > 0x7f && factor <= 0x2000000000000)
    if (byte > 0x7f || byte === 0 || value > Number.MAX_SAFE_INTEGER) throw this.#corrupt('a number out of range')
    return value
  }

  /** The next eight bytes as a number. */
  readF64(): number {
    const low = this.#int32()
    this.#scratch.setInt32(0, this.#int32())
    this.#scratch.setInt32(4, low)
    return this.#scratch.getFloat64(0)
  }

  /** The next text. */
  readString(): string {
    const tag = this.#next()
    if (tag >= TAG.TEXT && tag < TAG.ARRAY) return this.#latin1(tag - TAG.TEXT)
    switch (tag) {
      case TAG.LATIN1:
        return this.#latin1(this.readVarint())
      case TAG.UTF8:
        return this.#utf8(this.readVarint())
      case TAG.UTF16:
        return this.#utf16(this.readVarint())
      default:
        throw this.#corrupt(`no text but tag ${tag}`)
    }
  }

  /** A copy of the next bytes. */
  readBytes(): Uint8Array {
    const count = this.readVarint()
    const at = this.#skip(count)
    const copy = new Uint8Array(count)
    copy.set(this.#bytes.subarray(at, at + count))
    return copy
  }

  #tagged(at: number, tag: number): unknown {
    switch (tag) {
      case TAG.INT16:
        return this.#int16()
      case TAG.INT32:
        return this.#int32()
      case TAG.INT48:
        return this.#int48()
      case TAG.FLOAT64:
        return this.readF64()
      case TAG.UNDEFINED:
        return undefined
      case TAG.NULL:
        return null
      case TAG.FALSE:
        return false
      case TAG.TRUE:
        return true
      case TAG.LATIN1:
        return this.#latin1(this.readVarint())
      case TAG.UTF8:
        return this.#utf8(this.readVarint())
      case TAG.UTF16:
        return this.#utf16(this.readVarint())
      case TAG.BIGINT64:
        return this.#bigint64()
      case TAG.BIGINT_POSITIVE:
        return this.#bigint()
      case TAG.BIGINT_NEGATIVE:
        return -this.#bigint()
      case TAG.BYTES:
        return this.readBytes()
      case TAG.DATE:
        return new Date(this.readF64())
      case TAG.LONG_ARRAY:
        return this.#array(this.readVarint())
      case TAG.LONG_OBJECT:
        return this.#object(at, this.readVarint())
      case TAG.BARE_OBJECT:
        return Object.setPrototypeOf(this.#object(at, this.readVarint()), null)
      case TAG.MAP:
        return this.#map(this.readVarint())
      case TAG.SET:
        return this.#set(this.readVarint())
      default:
        throw this.#corrupt(`unknown tag ${tag}`)
    }
  }

  #array(count: number): unknown[] {
    this.#enter(count)
    const array: unknown[] = []
    for (let i = 0; i < count; i++) array.push(this.readValue())
    this.#depth--
    return array
  }

  /** An object of `count` fields whose tag stands at `at`. */
  #object(at: number, count: number): object {
    if (count === 0) return {}
    this.#enter(2 * count)
    const shape = this.#shapes.find(this.#bytes, at, this.#to) ?? this.#newShape(at, count)
    this.position = at + shape.head.length
    const object = shape.code === undefined ? this.#fields(shape.keys) : shape.code(this)
    this.#depth--
    return object
  }

  /** Decodes the keys of an object seen for the first time. */
  #newShape(at: number, count: number): ReadShape {
    const keys: string[] = []
    for (let i = 0; i < count; i++) keys.push(this.readString())
    return this.#shapes.add(keys, Uint8Array.prototype.slice.call(this.#bytes, at, this.position))
  }

  #fields(keys: readonly string[]): object {
    const object: Record<string, unknown> = {}
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!
      const value = this.readValue()
      if (key !== '__proto__') object[key] = value
      else Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true })
    }
    return object
  }

  #map(count: number): Map<unknown, unknown> {
    this.#enter(2 * count)
    const map = new Map<unknown, unknown>()
    for (let i = 0; i < count; i++) {
      const key = this.readValue()
      map.set(key, this.readValue())
    }
    this.#depth--
    return map
  }

  #set(count: number): Set<unknown> {
    this.#enter(count)
    const set = new Set<unknown>()
    for (let i = 0; i < count; i++) set.add(this.readValue())
    this.#depth--
    return set
  }

  #int16(): number {
    const at = this.#skip(2)
    return ((this.#bytes[at]! | (this.#bytes[at + 1]! << 8)) << 16) >> 16
  }

  #int32(): number {
    const at = this.#skip(4)
    const bytes = this.#bytes
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  }

  #int48(): number {
    const low = this.#int32() >>> 0
    return this.#int16() * 0x100000000 + low
  }

  #bigint64(): bigint {
    const low = this.#int32()
    this.#scratch.setInt32(0, this.#int32())
    this.#scratch.setInt32(4, low)
    return this.#scratch.getBigInt64(0)
  }

  #bigint(): bigint {
    const magnitude = Buffer.from(this.readBytes().reverse().buffer)
    if (magnitude.length === 0) throw this.#corrupt('a bigint without digits')
    return BigInt(`0x${magnitude.toString('hex')}`)
  }

  #latin1(count: number): string {
    const at = this.#skip(count)
    return count <= SHORT_LATIN1 ? shortLatin1(this.#bytes, at, count) : this.#bytes.toString('latin1', at, at + count)
  }

  #utf8(count: number): string {
    const at = this.#skip(count)
    const text = this.#bytes.toString('utf8', at, at + count)
    if (text.includes('\ufffd') && !isUtf8(this.#bytes.subarray(at, at + count))) throw this.#corrupt('no such text')
    return text
  }

  #utf16(count: number): string {
    const at = this.#skip(count)
    if (count % 2 !== 0) throw this.#corrupt('half a character')
    return this.#bytes.toString('utf16le', at, at + count)
  }

  #enter(minimum: number): void {
    if (minimum > this.remaining) throw this.#corrupt('more elements than bytes')
    if (++this.#depth > MAX_VALUE_DEPTH) throw this.#corrupt('nested too deep')
  }

  #next(): number {
    if (this.position >= this.#to) throw this.#corrupt('it ends too early')
    return this.#bytes[this.position++]!
  }

  /** Moves over `count` bytes and returns where they begin. */
  #skip(count: number): number {
    const at = this.position
    if (count > this.#to - at) throw this.#corrupt('it ends too early')
    this.position = at + count
    return at
  }

  #corrupt(what: string): MillraceError {
    return new MillraceError('MILLRACE_CORRUPT', `a stored value cannot be read at byte ${this.position}: ${what}`)
  }
}
