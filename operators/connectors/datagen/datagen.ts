import { MillraceError } from '../../../runtime/contract/errors.js'
import type { Source } from '../../../runtime/contract/source.js'
import { DatagenEnumerator } from './datagen-enumerator.js'
import { DatagenReader } from './datagen-reader.js'
import type { DatagenEnumeratorState, DatagenSplit } from './datagen-split.js'

/** What {@link datagen} generates, and how fast. */
export interface DatagenOptions<T> {
  /** Names the stream in messages; a restore with another name, count, splits or seed is refused. Default `generated`. */
  readonly name?: string
  /** How many records. Default: without end. */
  readonly count?: number
  /**
   * Into how many splits the indexes are dealt: split s of n has s, s + n, s + 2n... in that order. `per-subtask`: as many as the
   * source had subtasks when the job first started; a job restored at another parallelism keeps them. Default `per-subtask`.
   */
  readonly splits?: number | 'per-subtask'
  /** The record of a global index: a pure function of its arguments. */
  readonly generate: (index: number, seed: number) => T
  /** The record's own event time, epoch milliseconds. Default: none. */
  readonly timestampOf?: (value: T, index: number) => number
  /** All splits together. Default: as fast as they are taken. */
  readonly ratePerSecond?: number
  /** Passed to `generate`. Default 0. */
  readonly seed?: number
}

/** What {@link datagen} makes. */
export type DatagenSource<T> = Source<T, DatagenSplit, DatagenEnumeratorState>

/** A source that makes its records from their index: the same stream every time, whatever the parallelism. Bounded if `count` is given. */
export function datagen<T>(options: DatagenOptions<T>): DatagenSource<T> {
  const { generate, seed = 0 } = options
  return datagenSource(options, () => (index) => generate(index, seed))
}

/** As {@link datagen}; `open` gives each split a function of its own. */
export function datagenSource<T>(
  options: Omit<DatagenOptions<T>, 'generate'>,
  open: (split: DatagenSplit) => (index: number) => T,
): DatagenSource<T> {
  const { name = 'generated', splits = 'per-subtask', count = Infinity, seed = 0, ratePerSecond, timestampOf } = options
  if (count !== Infinity) requireWhole('count', count, 0)
  if (splits !== 'per-subtask') requireWhole('splits', splits, 1)
  if (ratePerSecond !== undefined && !(ratePerSecond > 0)) refuse('ratePerSecond', ratePerSecond, 'a number above 0')
  return {
    name: 'datagen',
    bounded: count !== Infinity,
    describe: `datagen:${name} (count ${count}, splits ${splits}, seed ${seed})`,
    createEnumerator: (ctx) => new DatagenEnumerator(splits, count, ctx),
    createReader: (ctx) => ({
      openSplit: ({ split }) => {
        const rate = ratePerSecond === undefined ? undefined : ratePerSecond / split.of
        return new DatagenReader(split, count, open(split), timestampOf, rate, ctx.clock)
      },
    }),
  }
}

function requireWhole(option: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) refuse(option, value, `a whole number, at least ${least}`)
}

function refuse(option: string, value: number, wanted: string): never {
  throw new MillraceError('MILLRACE_GRAPH', `datagen ${option} is not ${wanted}: ${value}`, { hint: `give ${wanted}` })
}
