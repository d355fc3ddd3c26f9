import type { AccumulatorSchema, MergeableAggregator } from './aggregator.js'

/** The accumulator of {@link meanOf}. */
export interface MeanAccumulator {
  sum: number
  count: number
}

/** How many records. */
export function count(): MergeableAggregator<unknown, number, number> & AccumulatorSchema {
  return { name: 'count', create: () => 0, add: (acc) => acc + 1, result: (acc) => acc, merge: (a, b) => a + b }
}

/**
 * The sum of a number of each record, in floating point: exact for whole numbers up to 2^53; else the last bits depend on the order of
 * addition, with sliding windows on how records share slices, and above parallelism 1 on which of them are combined by their senders.
 */
export function sumOf<In>(
  numberOf: (value: In) => number,
): MergeableAggregator<In, number, number> & AccumulatorSchema {
  return {
    name: 'sum',
    create: () => 0,
    add: (acc, value) => acc + numberOf(value),
    result: (acc) => acc,
    merge: (a, b) => a + b,
  }
}

/** The least number. */
export function minOf<In>(
  numberOf: (value: In) => number,
): MergeableAggregator<In, number, number> & AccumulatorSchema {
  return {
    name: 'min',
    create: () => Infinity,
    add: (acc, value) => Math.min(acc, numberOf(value)),
    result: (acc) => acc,
    merge: (a, b) => Math.min(a, b),
  }
}

/** The greatest number. */
export function maxOf<In>(
  numberOf: (value: In) => number,
): MergeableAggregator<In, number, number> & AccumulatorSchema {
  return {
    name: 'max',
    create: () => -Infinity,
    add: (acc, value) => Math.max(acc, numberOf(value)),
    result: (acc) => acc,
    merge: (a, b) => Math.max(a, b),
  }
}

/** The mean of a number of each record; as exact as {@link sumOf}. */
export function meanOf<In>(
  numberOf: (value: In) => number,
): MergeableAggregator<In, MeanAccumulator, number> & AccumulatorSchema {
  return {
    name: 'mean',
    create: () => ({ sum: 0, count: 0 }),
    add: (acc, value) => {
      acc.sum += numberOf(value)
      acc.count += 1
      return acc
    },
    result: (acc) => acc.sum / acc.count,
    merge: (a, b) => {
      a.sum += b.sum
      a.count += b.count
      return a
    },
  }
}
