import type { Aggregator } from '../../runtime/contract/state.js'

/** An aggregator whose accumulators can be merged: what session windows need, and what lets sliding windows share slices. */
export interface MergeableAggregator<In, Acc, Out> extends Aggregator<In, Acc, Out> {
  /** Must give what adding the records of both, in any order, would. May change and return `a`; never changes or returns `b`. */
  merge(a: Acc, b: Acc): Acc
}

/** How an aggregator's stored accumulators are told from others': a checkpoint with another name or version is refused. */
export interface AccumulatorSchema {
  /** Default: `custom`. */
  readonly name?: string
  /** Default: 1. Raise it when the accumulator's type changes. */
  readonly version?: number
}

/**
 * Returns its argument, typed: an aggregator written apart from the stream it is used on.
 *
 * An accumulator may be changed in place by `add`. `result` must then not return the accumulator, or a part of it that `add` changes: a
 * record is immutable once emitted.
 */
export function aggregator<In, Acc, Out>(
  functions: MergeableAggregator<In, Acc, Out> & AccumulatorSchema,
): MergeableAggregator<In, Acc, Out> & AccumulatorSchema
export function aggregator<In, Acc, Out>(
  functions: Aggregator<In, Acc, Out> & AccumulatorSchema,
): Aggregator<In, Acc, Out> & AccumulatorSchema
export function aggregator<In, Acc, Out>(
  functions: Aggregator<In, Acc, Out> & AccumulatorSchema,
): Aggregator<In, Acc, Out> & AccumulatorSchema {
  return functions
}
