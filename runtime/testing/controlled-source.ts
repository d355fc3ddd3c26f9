import type { PollStatus, RawOutput, Source, SplitReader } from '../contract/source.js'
import { NO_TIMESTAMP } from '../contract/time.js'
import { deepFreeze } from './deep-freeze.js'
import type { ArraySplit } from './source-of.js'

/** A source that a test feeds while the job runs. */
export interface ControlledSource<T> {
  readonly source: Source<T, ArraySplit, null>
  /** Gives a split more records. */
  push(split: number, ...records: readonly T[]): void
  /** The split has no more records. */
  end(split: number): void
  /** No split has more records. */
  endAll(): void
}

class Feed<T> {
  readonly records: T[] = []
  ended = false
  private changed: (() => void)[] = []

  notify(): void {
    const waiting = this.changed
    this.changed = []
    for (const resolve of waiting) resolve()
  }

  change(): Promise<void> {
    return new Promise((resolve) => this.changed.push(resolve))
  }
}

/**
 * An unbounded source of `splits` splits for in-process clusters, for what depends on when records come: idleness, alignment, processing
 * time. Records stay, so that the job can be restored; split `i` is read by subtask `i % parallelism`.
 */
export function controlledSource<T>(splits = 1): ControlledSource<T> {
  const feeds = Array.from({ length: splits }, () => new Feed<T>())
  const end = (split: number): void => {
    feeds[split]!.ended = true
    feeds[split]!.notify()
  }
  return {
    source: {
      name: 'controlled',
      bounded: false,
      describe: `controlled:${splits}`,
      createEnumerator: (ctx) => ({
        start(restored) {
          if (restored === undefined) {
            feeds.forEach((_, array) =>
              ctx.assignSplits(array % ctx.parallelism, [{ id: `split-${array}`, split: { array, next: 0 } }]),
            )
          }
          ctx.signalNoMoreSplits()
        },
        snapshotState: () => null,
      }),
      createReader: () => ({ openSplit: ({ split: { array, next } }) => new FeedReader(feeds[array]!, array, next) }),
    },
    push(split, ...records) {
      feeds[split]!.records.push(...records.map(deepFreeze))
      feeds[split]!.notify()
    },
    end,
    endAll: () => feeds.forEach((_, split) => end(split)),
  }
}

class FeedReader<T> implements SplitReader<T, ArraySplit> {
  private readonly feed: Feed<T>
  private readonly array: number
  private next: number

  constructor(feed: Feed<T>, array: number, next: number) {
    this.feed = feed
    this.array = array
    this.next = next
  }

  poll(out: RawOutput<T>, max: number): PollStatus {
    const { records, ended } = this.feed
    for (let taken = 0; taken < max && this.next < records.length; taken++)
      out.collect(records[this.next++]!, NO_TIMESTAMP)
    if (this.next < records.length) return 'more'
    return ended ? 'end' : 'wait'
  }

  available(): Promise<void> {
    return this.next < this.feed.records.length || this.feed.ended ? Promise.resolve() : this.feed.change()
  }

  position(): ArraySplit {
    return { array: this.array, next: this.next }
  }
}
