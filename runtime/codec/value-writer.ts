/*
 * Appends values to one growing buffer. The hot path is put(): a switch on the type, small integers and short latin1
 * texts first. An object's keys are matched against known shapes and copied as one block (value-write-shapes.ts).
 * Invariant: bytes [0, length) are whole values and primitives; a refused value leaves none of its bytes behind.
 */
import { MillraceError } from '../contract/errors.js'
import { LONG_TEXT, MAX_VALUE_DEPTH, SHORT_LIST, SHORT_TEXT, TAG } from './value-codec.js'
import { explainRefusal, REFUSED } from './value-refusal.js'
import { isWellFormed } from './well-formed.js'
import { type WriteShape, WriteShapes } from './value-write-shapes.js'

/** Writes values and primitives one after another, for a `ValueReader` to read in the same order. One thread at a time. */
export class ValueWriter {
  /** Bytes written since the last {@link reset}. */
  length = 0
  #buffer: Buffer
  #view: DataView
  #depth = 0
  readonly #shapes = new WriteShapes()

  /** `capacity` in bytes is where the buffer starts; it doubles as needed and never shrinks. */
  constructor(capacity: number = 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(16, capacity))
    this.#view = new DataView(this.#buffer.buffer)
  }

  /** Forgets what was written; the buffer stays. */
  reset(): void {
    this.length = 0
  }

  /** A view of what was written, valid until the next write. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length)
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    const copy = new Uint8Array(this.length)
    copy.set(this.bytes())
    return copy
  }

  /**
   * Appends a value of the listed set: undefined, null, booleans, numbers, bigints, strings, Uint8Arrays, Dates, arrays
   * without holes, plain objects (own enumerable string keys), Maps and Sets of these. Shared references are written
   * twice, getters are read, symbol keys are not part of a value. Throws MILLRACE_VALUE, naming the path, for anything else; nothing of the value is written then.
   */
  writeValue(value: unknown): void {
    const start = this.length
    try {
      this.put(value)
    } catch (error) {
      this.length = start
      this.#depth = 0
      throw explainRefusal(value, error)
    }
  }

  /** Appends a non-negative safe integer in 1 to 8 bytes (LEB128). Throws MILLRACE_INTERNAL for anything else. */
  writeVarint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new MillraceError('MILLRACE_INTERNAL', `no varint: ${value}`)
    this.#room(8)
    let at = this.length
    while (value > 0x7fffffff) {
      this.#buffer[at++] = (value % 128) | 0x80
      value = Math.floor(value / 128)
    }
    while (value > 0x7f) {
      this.#buffer[at++] = (value & 0x7f) | 0x80
      value >>>= 7
    }
    this.#buffer[at++] = value
    this.length = at
  }

  /** Appends the eight bytes of a number. Every NaN is the same NaN. */
  writeF64(value: number): void {
    this.#room(8)
    this.#view.setFloat64(this.length, Number.isNaN(value) ? NaN : value, true)
    this.length += 8
  }

  /** Appends a text, lone surrogates included. */
  writeString(value: string): void {
    const count = value.length
    if (count >= LONG_TEXT) return this.#longText(value)
    this.#room(count + 2)
    const buffer = this.#buffer
    let at = this.length
    if (count <= SHORT_TEXT) buffer[at++] = TAG.TEXT | count
    else {
      buffer[at++] = TAG.LATIN1
      buffer[at++] = count
    }
    for (let i = 0; i < count; i++) {
      const unit = value.charCodeAt(i)
      if (unit > 0xff) return this.#longText(value)
      buffer[at++] = unit
    }
    this.length = at
  }

  /** Appends the length of `value` and its bytes. */
  writeBytes(value: Uint8Array): void {
    this.writeVarint(value.length)
    this.#room(value.length)
    this.#buffer.set(value, this.length)
    this.length += value.length
  }

  /** A value inside another one; for {@link writeValue} and the code it generates only. */
  put(value: unknown): void {
    switch (typeof value) {
      case 'string':
        return this.writeString(value)
      case 'number':
        return this.#number(value)
      case 'object':
        return value === null ? this.#byte(TAG.NULL) : this.#object(value)
      case 'boolean':
        return this.#byte(value ? TAG.TRUE : TAG.FALSE)
      case 'undefined':
        return this.#byte(TAG.UNDEFINED)
      case 'bigint':
        return this.#bigint(value)
      default:
        throw REFUSED
    }
  }

  #byte(byte: number): void {
    this.#room(1)
    this.#buffer[this.length++] = byte
  }

  #number(value: number): void {
    this.#room(9)
    const at = this.length
    if ((value | 0) === value && (value !== 0 || 1 / value > 0)) {
      if (value >= -32 && value < 128) {
        this.#buffer[at] = value
        this.length = at + 1
      } else if (value >= -0x8000 && value < 0x8000) {
        this.#buffer[at] = TAG.INT16
        this.#view.setInt16(at + 1, value, true)
        this.length = at + 3
      } else {
        this.#buffer[at] = TAG.INT32
        this.#view.setInt32(at + 1, value, true)
        this.length = at + 5
      }
    } else if (value >= -0x800000000000 && value < 0x800000000000 && Math.floor(value) === value && value !== 0) {
      this.#buffer[at] = TAG.INT48
      this.#view.setUint32(at + 1, value >>> 0, true)
      this.#view.setInt16(at + 5, Math.floor(value / 0x100000000), true)
      this.length = at + 7
    } else {
      this.#buffer[at] = TAG.FLOAT64
      this.length = at + 1
      this.writeF64(value)
    }
  }

  #object(value: object): void {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (++this.#depth > MAX_VALUE_DEPTH) throw REFUSED
    if (prototype === Object.prototype) this.#fields(value, false)
    else if (prototype === Array.prototype && Array.isArray(value)) this.#array(value)
    else if (prototype === null) this.#fields(value, true)
    else if (prototype === Map.prototype) this.#map(value as Map<unknown, unknown>)
    else if (prototype === Set.prototype) this.#set(value as Set<unknown>)
    else if (prototype === Date.prototype) {
      this.#byte(TAG.DATE)
      this.writeF64((value as Date).getTime())
    } else if (prototype === Uint8Array.prototype || prototype === Buffer.prototype) {
      this.#byte(TAG.BYTES)
      this.writeBytes(value as Uint8Array)
    } else throw REFUSED
    this.#depth--
  }

  #fields(value: object, bare: boolean): void {
    const keys = Object.keys(value)
    const shape = this.#shapes.find(keys, bare) ?? this.#newShape(keys, bare)
    const head = shape.head
    this.#room(head.length)
    this.#buffer.set(head, this.length)
    this.length += head.length
    const code = shape.code
    if (code !== undefined) return code(this, value)
    for (let i = 0; i < keys.length; i++) this.put((value as Record<string, unknown>)[keys[i]!])
  }

  /** Encodes the tag and keys of an object seen for the first time, and takes the bytes back. */
  #newShape(keys: readonly string[], bare: boolean): WriteShape {
    const start = this.length
    if (bare) this.#count(TAG.BARE_OBJECT, keys.length)
    else if (keys.length <= SHORT_LIST) this.#byte(TAG.OBJECT | keys.length)
    else this.#count(TAG.LONG_OBJECT, keys.length)
    for (let i = 0; i < keys.length; i++) this.writeString(keys[i]!)
    const head = Uint8Array.prototype.slice.call(this.#buffer, start, this.length)
    this.length = start
    return this.#shapes.add(keys, bare, head)
  }

  #array(value: readonly unknown[]): void {
    if ((value as Partial<RegExpMatchArray>).index !== undefined) throw REFUSED
    const count = value.length
    if (count <= SHORT_LIST) this.#byte(TAG.ARRAY | count)
    else this.#count(TAG.LONG_ARRAY, count)
    for (let i = 0; i < count; i++) {
      const element = value[i]
      if (element === undefined && !Object.hasOwn(value, i)) throw REFUSED
      this.put(element)
    }
  }

  #map(value: ReadonlyMap<unknown, unknown>): void {
    this.#count(TAG.MAP, value.size)
    for (const [key, entry] of value) {
      this.put(key)
      this.put(entry)
    }
  }

  #set(value: ReadonlySet<unknown>): void {
    this.#count(TAG.SET, value.size)
    for (const element of value) this.put(element)
  }

  #count(tag: number, count: number): void {
    this.#byte(tag)
    this.writeVarint(count)
  }

  #bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.#byte(TAG.BIGINT64)
      this.#room(8)
      this.#view.setBigInt64(this.length, value, true)
      this.length += 8
    } else {
      const hex = (value < 0n ? -value : value).toString(16)
      this.#byte(value < 0n ? TAG.BIGINT_NEGATIVE : TAG.BIGINT_POSITIVE)
      this.writeBytes(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').reverse())
    }
  }

  #longText(value: string): void {
    const count = value.length
    const wellFormed = isWellFormed(value)
    const bytes = wellFormed ? Buffer.byteLength(value, 'utf8') : 2 * count
    this.#count(wellFormed ? TAG.UTF8 : TAG.UTF16, bytes)
    this.#room(bytes)
    this.#buffer.write(value, this.length, bytes, wellFormed ? 'utf8' : 'utf16le')
    this.length += bytes
  }

  #room(bytes: number): void {
    const needed = this.length + bytes
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length))
    grown.set(this.bytes())
    this.#buffer = grown
    this.#view = new DataView(grown.buffer)
  }
}
