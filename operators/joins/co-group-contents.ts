import type { Key } from '../../runtime/contract/key.js'
import type { Collector } from '../process/collector.js'
import type { Window } from '../windows/assigner.js'
import type { Contents } from '../windows/contents.js'

/** Gets a window's records of both streams, either of which may have none. Flink: `CoGroupFunction`. */
export type CoGroupFunction<K, L, R, Out> = (
  left: Iterable<L>,
  right: Iterable<R>,
  out: Collector<Out>,
  key: K,
  window: Window,
) => void | undefined

/** Gets each pair of a left and a right record of one key and window. Flink: `JoinFunction`. */
export type JoinFunction<K, L, R, Out> = (left: L, right: R, key: K, window: Window) => Out

/** What is stored for a window of two streams. */
export interface CoGroups<L, R> {
  readonly left: L[]
  readonly right: R[]
}

/** Records of two streams in one window. `side` says which one the next record is of: set before each. */
export interface CoGroupContents<L, R> extends Contents<L | R, CoGroups<L, R>> {
  side: 0 | 1
}

/** Whole groups. */
export function coGroupContents<L, R>(fn: CoGroupFunction<Key, L, R, unknown>): CoGroupContents<L, R> {
  return contents(({ key, start, end, acc, kept }, emit) => {
    // The function may keep the values: give it lists that later records do not change.
    const [left, right] = kept ? [acc.left.slice(), acc.right.slice()] : [acc.left, acc.right]
    return fn(left, right, { emit }, key, { start, end })
  })
}

/** Pairs, left by left. */
export function joinContents<L, R>(fn: JoinFunction<Key, L, R, unknown>): CoGroupContents<L, R> {
  return contents(({ key, start, end, acc: { left, right } }, emit) => {
    for (let i = 0; i < left.length; i++) {
      for (let j = 0; j < right.length; j++) emit(fn(left[i]!, right[j]!, key, { start, end }))
    }
  })
}

function contents<L, R>(fire: CoGroupContents<L, R>['fire']): CoGroupContents<L, R> {
  return {
    schema: 'co-group/1',
    slices: false,
    side: 0,
    create: () => ({ left: [], right: [] }),
    add(groups, value) {
      if (this.side === 0) groups.left.push(value as L)
      else groups.right.push(value as R)
      return groups
    },
    merge(a, b) {
      for (let i = 0; i < b.left.length; i++) a.left.push(b.left[i]!)
      for (let i = 0; i < b.right.length; i++) a.right.push(b.right[i]!)
      return a
    },
    fire,
  }
}
