import type { JsonValue } from '../../contract/json.js'
import type { IdentifiedSplit, RawOutput, Source, SplitEnumerator, SplitReader } from '../../contract/source.js'
import type { CheckpointManifest } from '../../checkpoint/manifest.js'

/** A split, and how many of its records were handed over. */
type CountedSplit = { readonly of: JsonValue; readonly read: number }
/** An enumerator's state, and the splits that it ever assigned. */
type CountedState = { readonly of: JsonValue; readonly assigned: readonly string[] }

/** How many records of a split are read, by the uid of its source and its name; Infinity: all. */
export type SplitLimits = (uid: string, splitId: string) => number

/** The source, whose checkpoints say how many records of each split were read, and which ends where `limitOf` says: also what has no end. */
export function countedSource(source: Source<unknown>, limitOf: SplitLimits): Source<unknown> {
  const counted: Source<unknown, CountedSplit, CountedState> = {
    name: source.name,
    bounded: true,
    describe: source.describe,
    ...(source.successors === undefined ? {} : { successors: source.successors }),
    createEnumerator: (ctx) => {
      const assigned = new Set<string>()
      const inner = source.createEnumerator({
        ...ctx,
        assignSplits: (subtask, splits) => {
          for (const { id } of splits) assigned.add(id)
          ctx.assignSplits(
            subtask,
            splits.map((one) => ({ ...one, split: { of: one.split, read: 0 } })),
          )
        },
      })
      return countedEnumerator(inner, assigned)
    },
    createReader: (ctx) => {
      const inner = source.createReader(ctx)
      return {
        openSplit: async (split) => {
          const reader = await inner.openSplit(plain(split))
          return new CountedReader(reader, split.split.read, limitOf(ctx.uid, split.id))
        },
        close: () => inner.close?.(),
      }
    },
  }
  return counted
}

function countedEnumerator(
  inner: SplitEnumerator<JsonValue, JsonValue>,
  assigned: Set<string>,
): SplitEnumerator<CountedSplit, CountedState> {
  return {
    start: (restored, splits) => {
      for (const id of restored?.assigned ?? []) assigned.add(id)
      return inner.start(restored?.of, splits.map(plain))
    },
    splitFinished: (subtask, split, watermark) => inner.splitFinished?.(subtask, plain(split), watermark),
    snapshotState: (checkpointId) => ({ of: inner.snapshotState(checkpointId), assigned: [...assigned] }),
    checkpointComplete: (checkpointId) => inner.checkpointComplete?.(checkpointId),
    close: (ending) => inner.close?.(ending),
  }
}

function plain<T extends IdentifiedSplit<CountedSplit>>(split: T): T & IdentifiedSplit<JsonValue> {
  return { ...split, split: split.split.of }
}

class CountedReader implements SplitReader<unknown, CountedSplit> {
  private readonly inner: SplitReader<unknown, JsonValue>
  private readonly limit: number
  private read: number

  constructor(inner: SplitReader<unknown, JsonValue>, read: number, limit: number) {
    this.inner = inner
    this.read = read
    this.limit = limit
  }

  poll(out: RawOutput<unknown>, max: number): 'more' | 'wait' | 'end' {
    if (this.read >= this.limit) return 'end'
    const counting: RawOutput<unknown> = {
      collect: (raw, timestamp) => {
        this.read++
        out.collect(raw, timestamp)
      },
    }
    const status = this.inner.poll(counting, Math.min(max, this.limit - this.read))
    return this.read >= this.limit ? 'end' : status
  }

  available(): Promise<void> {
    return this.inner.available()
  }

  position(): CountedSplit {
    return { of: this.inner.position(), read: this.read }
  }

  close(): void | Promise<void> {
    return this.inner.close?.()
  }
}

/** How many records of each split had been read when the checkpoint was taken. */
export function readUntil({ sources }: CheckpointManifest): SplitLimits {
  return (uid, splitId) => {
    const source = sources[uid]
    const left = source?.splits.find((one) => one.splitId === splitId)
    if (left !== undefined) return (left.split as CountedSplit).read
    const { assigned } = (source?.enumerator ?? { assigned: [] }) as CountedState
    return assigned.includes(splitId) ? Infinity : 0
  }
}
