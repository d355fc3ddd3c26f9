/**
 * Invariant: sum, count, smallest and largest of what was seen are exact; a value in between may be shown as the mean of its bucket. A
 * bucket is a stretch of equal exponent and leading mantissa bits, so no value is further than 0.8% from it; memory is bounded: when there
 * are too many buckets, neighbours become one, and 1.6%.
 *
 *   few distinct values:  Map value -> count, exact
 *   more:                 bits of the double  [sign|exponent|6 bits|...]  -> bucket
 */
import type { Histogram } from '../contract/metrics.js'

/** Distinct values kept as they are: as many as one data point of CloudWatch holds. */
const EXACT_VALUES = 150
/** At six bits of the mantissa: 32 octaves, nearly ten powers of ten. */
const MAX_BUCKETS = 2048
/** What is left of the upper 32 bits: sign, exponent and six bits of the mantissa. */
const FIRST_SHIFT = 14

/** Values and how often each was there; ascending. */
export interface Distribution {
  readonly values: readonly number[]
  readonly counts: readonly number[]
}

interface Bucket {
  count: number
  sum: number
}

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)
const UPPER = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0

/** The values of one subtask between two reports. Slot thread. */
export class LocalHistogram implements Histogram {
  /** Values that are not finite: left out. */
  notFinite = 0
  private exact = new Map<number, number>()
  private buckets: Map<number, Bucket> | undefined
  private shift = FIRST_SHIFT
  private min = Infinity
  private max = -Infinity

  update(value: number): void {
    if (!Number.isFinite(value)) {
      this.notFinite++
      return
    }
    // 0 and -0 are one.
    const given = value + 0
    if (given < this.min) this.min = given
    if (given > this.max) this.max = given
    if (this.buckets !== undefined) return this.put(given, 1)
    this.exact.set(given, (this.exact.get(given) ?? 0) + 1)
    if (this.exact.size > EXACT_VALUES) this.toBuckets()
  }

  /** What was seen since the last call. */
  take(): Distribution {
    const shown =
      this.buckets === undefined
        ? [...this.exact]
        : [...this.buckets].flatMap(([index, bucket]) => this.show(index, bucket))
    shown.sort((a, b) => a[0] - b[0])
    this.exact = new Map()
    this.buckets = undefined
    this.shift = FIRST_SHIFT
    this.min = Infinity
    this.max = -Infinity
    return { values: shown.map(([value]) => value), counts: shown.map(([, count]) => count) }
  }

  private toBuckets(): void {
    this.buckets = new Map()
    for (const [value, count] of this.exact) this.put(value, count)
    this.exact = new Map()
  }

  private put(value: number, count: number): void {
    const index = this.indexOf(value)
    const bucket = this.buckets!.get(index)
    if (bucket !== undefined) {
      bucket.count += count
      bucket.sum += value * count
      return
    }
    this.buckets!.set(index, { count, sum: value * count })
    if (this.buckets!.size > MAX_BUCKETS) this.coarser()
  }

  private coarser(): void {
    const finer = this.buckets!
    this.buckets = new Map()
    this.shift++
    for (const [index, { count, sum }] of finer) {
      const bucket = this.buckets.get(index >>> 1)
      if (bucket === undefined) this.buckets.set(index >>> 1, { count, sum })
      else {
        bucket.count += count
        bucket.sum += sum
      }
    }
  }

  /** The smallest and the largest value of all by themselves, the rest of the bucket by its mean. */
  private show(index: number, { count, sum }: Bucket): [number, number][] {
    const shown: [number, number][] = []
    let rest = count
    let restSum = sum
    for (const extreme of this.min === this.max ? [this.min] : [this.min, this.max]) {
      if (rest === 0 || this.indexOf(extreme) !== index) continue
      shown.push([extreme, 1])
      rest--
      restSum -= extreme
    }
    if (rest > 0) shown.push([Math.min(this.max, Math.max(this.min, restSum / rest)), rest])
    return shown
  }

  private indexOf(value: number): number {
    double[0] = value
    return words[UPPER]! >>> this.shift
  }
}
