import type { Key } from '../../runtime/contract/key.js'
import type { Aggregator } from '../../runtime/contract/state.js'
import type { Collector } from '../process/collector.js'
import type { ReduceFunction } from '../process/keyed-reduce.js'
import type { AccumulatorSchema } from './aggregator.js'
import type { Window } from './assigner.js'
import type { Contents } from './contents.js'

/** Makes a window's result of its key, its bounds and the aggregate. */
export type WindowResultFunction<K, Result, Out> = (key: K, window: Window, result: Result) => Out

/** Gets a window's records, in the order they came (after sessions merged: those of the earlier one first). Flink: `WindowFunction`. */
export type WindowFunction<K, T, Out> = (
  key: K,
  window: Window,
  values: Iterable<T>,
  out: Collector<Out>,
) => void | undefined

/** One accumulator a window; emits its result, through `fn` if there is one. */
export function aggregateContents<In, Acc, Result>(
  aggregator: Aggregator<In, Acc, Result> & AccumulatorSchema,
  fn: WindowResultFunction<Key, Result, unknown> | undefined,
): Contents<In, Acc> {
  const { name = 'custom', version = 1 } = aggregator
  const merge = aggregator.merge?.bind(aggregator)
  return {
    schema: `aggregate ${name}/${version}`,
    create: aggregator.create.bind(aggregator),
    add: aggregator.add.bind(aggregator),
    ...(merge === undefined ? {} : { merge }),
    slices: merge !== undefined,
    fire({ key, start, end, acc }, emit) {
      const result = aggregator.result(acc)
      emit(fn === undefined ? result : fn(key, { start, end }, result))
    },
  }
}

/** The reduced record is the accumulator; `undefined` stands for none yet. */
export function reduceContents<T>(
  reduce: ReduceFunction<T>,
  fn: WindowResultFunction<Key, T, unknown> | undefined,
): Contents<T, T | undefined> {
  return {
    schema: 'reduce/1',
    create: () => undefined,
    add: (acc, value) => (acc === undefined ? value : reduce(acc, value)),
    merge: (a, b) => reduce(a as T, b as T),
    slices: false,
    fire({ key, start, end, acc }, emit) {
      emit(fn === undefined ? acc : fn(key, { start, end }, acc as T))
    },
  }
}

/** All records of a window. */
export function listContents<T>(fn: WindowFunction<Key, T, unknown>): Contents<T, T[]> {
  return {
    schema: 'list/1',
    create: () => [],
    add: append,
    merge: appendAll,
    slices: false,
    fire({ key, start, end, acc, kept }, emit) {
      // The function may keep the values: give it a list that later records do not change.
      return fn(key, { start, end }, kept ? acc.slice() : acc, { emit })
    },
  }
}

function append<T>(values: T[], value: T): T[] {
  values.push(value)
  return values
}

function appendAll<T>(values: T[], more: readonly T[]): T[] {
  for (let i = 0; i < more.length; i++) values.push(more[i]!)
  return values
}
