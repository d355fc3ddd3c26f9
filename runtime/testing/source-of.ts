import { MillraceError } from '../contract/errors.js'
import type { PollStatus, RawOutput, Source, SplitReader } from '../contract/source.js'
import { NO_TIMESTAMP, type Clock } from '../contract/time.js'
import { deepFreeze } from './deep-freeze.js'

/** A split of {@link sourceOf}: the next record of one of its arrays. */
export type ArraySplit = { readonly array: number; readonly next: number }

/** How {@link sourceOf} hands its records over. */
export interface SourceOfOptions<T> {
  /** Records that one poll hands over at most: barriers and watermarks come between polls. Default: as many as the engine asks for. */
  readonly recordsPerPoll?: number
  /** Milliseconds between two polls of a split. Default 0. */
  readonly pollEveryMs?: number
  /** Event time of a record as the source knows it; `withTimestamp` and watermark strategies of the job come on top. Default: none. */
  readonly timestamp?: (value: T) => number
}

/**
 * A bounded source of the records of one or several arrays, for tests: each array is a split, with its own watermark and an exact position,
 * so that it goes on after a restore at any parallelism. Array `i` is read by subtask `i % parallelism`. The records are frozen.
 */
export function sourceOf<T>(
  splits: readonly (readonly T[])[],
  options: SourceOfOptions<T> = {},
): Source<T, ArraySplit, null> {
  const { recordsPerPoll = Infinity, pollEveryMs = 0, timestamp = () => NO_TIMESTAMP } = options
  for (const records of splits) for (const record of records) deepFreeze(record)
  return {
    name: 'arrays',
    bounded: true,
    describe: `arrays:${splits.length}`,
    createEnumerator: (ctx) => ({
      start(restored) {
        if (restored === undefined) {
          splits.forEach((_, array) =>
            ctx.assignSplits(array % ctx.parallelism, [{ id: `array-${array}`, split: { array, next: 0 } }]),
          )
        }
        ctx.signalNoMoreSplits()
      },
      snapshotState: () => null,
    }),
    createReader: ({ clock }) => ({
      openSplit: ({ split: { array, next } }) => {
        const records = splits[array]
        if (records === undefined || next > records.length) throw shrunk(array, next)
        return new ArrayReader({ array, records, next, recordsPerPoll, pollEveryMs, timestamp, clock })
      },
    }),
  }
}

function shrunk(array: number, next: number): MillraceError {
  return new MillraceError('MILLRACE_INPUT', `array ${array} of sourceOf() has no record ${next} any more`, {
    hint: 'restore with the same arrays, or longer ones',
  })
}

interface ArrayReading<T> {
  readonly array: number
  readonly records: readonly T[]
  readonly next: number
  readonly recordsPerPoll: number
  readonly pollEveryMs: number
  readonly timestamp: (value: T) => number
  readonly clock: Clock
}

class ArrayReader<T> implements SplitReader<T, ArraySplit> {
  private readonly reading: ArrayReading<T>
  private next: number
  private notBeforeMs = -Infinity

  constructor(reading: ArrayReading<T>) {
    this.reading = reading
    this.next = reading.next
  }

  poll(out: RawOutput<T>, max: number): PollStatus {
    const { records, recordsPerPoll, pollEveryMs, timestamp, clock } = this.reading
    if (pollEveryMs > 0) {
      if (clock.now() < this.notBeforeMs) return 'wait'
      this.notBeforeMs = clock.now() + pollEveryMs
    }
    const end = Math.min(records.length, this.next + Math.min(max, recordsPerPoll))
    while (this.next < end) {
      const record = records[this.next++]!
      out.collect(record, timestamp(record))
    }
    if (this.next === records.length) return 'end'
    return pollEveryMs > 0 ? 'wait' : 'more'
  }

  available(): Promise<void> {
    const { clock } = this.reading
    return new Promise((resolve) => void clock.setTimeout(resolve, Math.max(0, this.notBeforeMs - clock.now())))
  }

  position(): ArraySplit {
    return { array: this.reading.array, next: this.next }
  }
}
