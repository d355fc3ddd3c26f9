import { MillraceError } from '../contract/errors.js'
import type { Sink, SinkCommitter, SinkWriter } from '../contract/sink.js'

/** A record as it reached a sink. */
export interface Collected<T> {
  readonly value: T
  /** Epoch milliseconds, `NO_TIMESTAMP` for none. */
  readonly timestamp: number
  readonly subtask: number
}

/** A sink that keeps what is committed, for tests; exactly-once, like a file sink. */
export interface CollectSink<T> {
  readonly sink: Sink<T>
  /** Committed so far. In order of emission within each subtask and checkpoint. */
  readonly records: readonly Collected<T>[]
  /** The values of {@link records}. */
  values(): T[]
}

/**
 * A sink for jobs that run in this process. Make it outside of `build`, which runs several times:
 * `const out = collectSink<Alert>()`, then `stream.sinkTo(out.sink, { uid: 'out' })`.
 */
export function collectSink<T>(): CollectSink<T> {
  const records: Collected<T>[] = []
  const prepared = new Map<number, readonly Collected<T>[]>()
  const committed = new Set<number>()
  let batches = 0

  const writer = (subtask: number): SinkWriter<T, number> => {
    let batch: Collected<T>[] = []
    return {
      write: (value, timestamp) => void batch.push({ value, timestamp, subtask }),
      flush: () => undefined,
      prepareCommit: () => {
        if (batch.length === 0) return []
        prepared.set(batches, batch)
        batch = []
        return [batches++]
      },
    }
  }
  const committer: SinkCommitter<number> = {
    commit: async (ids) => {
      for (const id of ids) {
        if (committed.has(id)) continue
        const batch = prepared.get(id)
        if (batch === undefined) throw unknownBatch()
        committed.add(id)
        prepared.delete(id)
        for (const record of batch) records.push(record)
      }
    },
  }
  const sink: Sink<T, number> = {
    name: 'collect',
    guarantee: 'exactly-once',
    describe: 'collect:',
    createWriter: ({ subtask }) => writer(subtask),
    createCommitter: () => committer,
  }
  return { sink, records, values: () => records.map(({ value }) => value) }
}

function unknownBatch(): MillraceError {
  return new MillraceError('MILLRACE_OUTPUT', 'collectSink() does not have what is to be committed', {
    hint: 'make it outside of build(), and use it with runInProcess() only: other threads and processes have one of their own',
  })
}
