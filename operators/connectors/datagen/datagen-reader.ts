// Hot path: `poll` is a loop that makes a record and hands it over. Invariant between polls: all indexes of the split below `next`
// have been handed over.
import type { PollStatus, RawOutput, SplitReader } from '../../../runtime/contract/source.js'
import { type Clock, NO_TIMESTAMP } from '../../../runtime/contract/time.js'
import type { DatagenSplit } from './datagen-split.js'
import { Pace } from './pace.js'

/** Makes the records of one split. Slot thread. */
export class DatagenReader<T> implements SplitReader<T, DatagenSplit> {
  private readonly split: DatagenSplit
  private readonly count: number
  private readonly make: (index: number) => T
  private readonly timestampOf: ((value: T, index: number) => number) | undefined
  private readonly pace: Pace | undefined
  private next: number

  constructor(
    split: DatagenSplit,
    count: number,
    make: (index: number) => T,
    timestampOf: ((value: T, index: number) => number) | undefined,
    ratePerSecond: number | undefined,
    clock: Clock,
  ) {
    this.split = split
    this.count = count
    this.make = make
    this.timestampOf = timestampOf
    this.pace = ratePerSecond === undefined ? undefined : new Pace(ratePerSecond, clock)
    this.next = split.next
  }

  poll(out: RawOutput<T>, max: number): PollStatus {
    if (this.next >= this.count) return 'end'
    const most = this.pace === undefined ? max : this.pace.take(max)
    if (most === 0) return max > 0 ? 'wait' : 'more'
    const { make, timestampOf } = this
    const step = this.split.of
    const end = Math.min(this.count, this.next + step * most)
    let index = this.next
    if (timestampOf === undefined) {
      for (; index < end; index += step) out.collect(make(index), NO_TIMESTAMP)
    } else {
      for (; index < end; index += step) {
        const value = make(index)
        out.collect(value, timestampOf(value, index))
      }
    }
    this.next = index
    return index >= this.count ? 'end' : 'more'
  }

  available(): Promise<void> {
    return this.pace?.due() ?? Promise.resolve()
  }

  position(): DatagenSplit {
    const { split, of } = this.split
    return { split, of, next: this.next }
  }

  close(): void {
    this.pace?.close()
  }
}
