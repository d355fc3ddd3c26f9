import type { JsonValue } from '../../contract/json.js'
import type { RawOutput, Source, SplitReader } from '../../contract/source.js'

/** A split and how many of its records are still to be read. */
type Limited = { readonly of: JsonValue; readonly left: number }

/** The first `records` records of each split of a source: what has no end gets one. */
export function limitedSource(source: Source<unknown>, records: number): Source<unknown> {
  const unwrap = (split: JsonValue): JsonValue => (split as Limited).of
  return {
    name: source.name,
    bounded: true,
    describe: source.describe,
    createEnumerator: (ctx) => {
      const inner = source.createEnumerator({
        ...ctx,
        assignSplits: (subtask, splits) =>
          ctx.assignSplits(
            subtask,
            splits.map((one) => ({ ...one, split: { of: one.split, left: records } })),
          ),
      })
      return {
        start: (restored, assigned) =>
          inner.start(
            restored,
            assigned.map((one) => ({ ...one, split: unwrap(one.split) })),
          ),
        snapshotState: (checkpointId) => inner.snapshotState(checkpointId),
        checkpointComplete: (checkpointId) => inner.checkpointComplete?.(checkpointId),
        close: (ending) => inner.close?.(ending),
      }
    },
    createReader: (ctx) => {
      const inner = source.createReader(ctx)
      return {
        openSplit: async ({ id, split }) => {
          const { of, left } = split as Limited
          return new LimitedReader(await inner.openSplit({ id, split: of }), left)
        },
        close: () => inner.close?.(),
      }
    },
  }
}

class LimitedReader implements SplitReader<unknown, JsonValue> {
  private readonly inner: SplitReader<unknown, JsonValue>
  private left: number

  constructor(inner: SplitReader<unknown, JsonValue>, left: number) {
    this.inner = inner
    this.left = left
  }

  poll(out: RawOutput<unknown>, max: number): 'more' | 'wait' | 'end' {
    if (this.left <= 0) return 'end'
    const counting: RawOutput<unknown> = {
      collect: (raw, timestamp) => {
        this.left--
        out.collect(raw, timestamp)
      },
    }
    const status = this.inner.poll(counting, Math.min(max, this.left))
    return this.left <= 0 ? 'end' : status
  }

  available(): Promise<void> {
    return this.inner.available()
  }

  position(): JsonValue {
    return { of: this.inner.position(), left: this.left }
  }

  close(): void | Promise<void> {
    return this.inner.close?.()
  }
}
