/*
 * A column of numbers in its smallest exact form: all the same, 32-bit integers, 32-bit distances from the first (epoch
 * milliseconds), or doubles. Exact means Object.is: -0 is no integer, NaN and infinities are doubles.
 */
import { COLUMN } from './column-tag.js'
import type { ColumnView } from './column-view.js'
import type { FrameBytes } from './frame-bytes.js'
import { align8 } from './frame-sink.js'
import type { FrameSink } from './frame-sink.js'

/** Below this a base could make -0 of a distance. */
const MIN_BASE = 2 ** 32

/** Whether the first `count` entries are numbers. */
export function areNumbers(column: readonly unknown[], count: number): column is readonly number[] {
  for (let i = 0; i < count; i++) if (typeof column[i] !== 'number') return false
  return true
}

/** Appends the first `count` numbers, at least one. */
export function encodeNumbers(sink: FrameSink, column: ArrayLike<number>, count: number): void {
  sink.reserve(16 + count * 8)
  const first = column[0]!
  if (isConstant(column, count)) {
    sink.head(COLUMN.CONSTANT, 0)
    sink.data.f64[sink.length >> 3] = first
    sink.advance(8)
    return
  }
  const from = sink.length
  if (Math.abs(first) < MIN_BASE) {
    if (fillIntegers(sink.data.i32, (from + 8) >> 2, column, count)) {
      sink.head(COLUMN.INT32, 0)
      sink.advance(count * 4)
      return
    }
  } else if (fillDistances(sink.data.i32, (from + 16) >> 2, column, count, first)) {
    sink.head(COLUMN.DISTANCE, 0)
    sink.data.f64[sink.length >> 3] = first
    sink.advance(8 + count * 4)
    return
  }
  sink.head(COLUMN.FLOAT64, 0)
  const doubles = sink.data.f64
  const at = sink.length >> 3
  for (let i = 0; i < count; i++) doubles[at + i] = column[i]!
  sink.advance(count * 8)
}

function isConstant(column: ArrayLike<number>, count: number): boolean {
  const first = column[0]
  for (let i = 1; i < count; i++) if (!Object.is(column[i], first)) return false
  return true
}

function fillIntegers(out: Int32Array, at: number, column: ArrayLike<number>, count: number): boolean {
  for (let i = 0; i < count; i++) {
    const value = column[i]!
    const integer = value | 0
    if (integer !== value || (integer === 0 && 1 / value < 0)) return false
    out[at + i] = integer
  }
  return true
}

function fillDistances(out: Int32Array, at: number, column: ArrayLike<number>, count: number, base: number): boolean {
  for (let i = 0; i < count; i++) {
    const value = column[i]!
    const distance = (value - base) | 0
    if (base + distance !== value) return false
    out[at + i] = distance
  }
  return true
}

/** Makes `view` show the numbers at `at` (behind the head); returns where the column ends. */
export function decodeNumbers(tag: number, data: FrameBytes, at: number, count: number, view: ColumnView): number {
  if (tag === COLUMN.INT32) {
    view.array = data.i32
    view.offset = at >> 2
    return align8(at + count * 4)
  }
  if (tag === COLUMN.FLOAT64) {
    view.array = data.f64
    view.offset = at >> 3
    return at + count * 8
  }
  const doubles = view.doubleScratch(count)
  const base = data.f64[at >> 3]!
  view.array = doubles
  view.offset = 0
  if (tag === COLUMN.CONSTANT) {
    doubles.fill(base, 0, count)
    return at + 8
  }
  const distances = data.i32
  const from = (at + 8) >> 2
  for (let i = 0; i < count; i++) doubles[i] = base + distances[from + i]!
  return align8(at + 8 + count * 4)
}
