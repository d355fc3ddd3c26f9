import type { BroadcastChannel } from 'node:worker_threads'
import type { Sink } from 'millrace'
import { addHash, emptyChecksum, mergeChecksum } from '../streams/checksum.js'
import { moment, openProbe, readOrders, type Moment } from './probe.js'

/** Part of every checkpoint: count, sum, xor. */
type StoredChecksum = readonly [count: number, sum: number, xor: number]
type ChecksumWriter<T> = Awaited<ReturnType<Sink<T, never, StoredChecksum>['createWriter']>>

/**
 * Keeps the {@link Checksum} of what is written to it and nothing else. It is in each checkpoint, so it stays exact across failures; each
 * subtask's goes to the runner at the end.
 */
export function checksumSink<T>(hashOf: (record: T) => number): Sink<T, never, StoredChecksum> {
  return {
    name: 'checksum',
    guarantee: 'exactly-once',
    describe: 'checksum',
    createWriter: ({ attempt, subtask }) => createWriter(hashOf, attempt, subtask),
  }
}

function createWriter<T>(hashOf: (record: T) => number, attempt: number, subtask: number): ChecksumWriter<T> {
  const { channel: name, failedAt } = readOrders()
  const channel: BroadcastChannel | undefined = name === undefined ? undefined : openProbe(name)
  const checksum = emptyChecksum()
  let awaitingOutput = failedAt !== undefined
  let flushed: Moment | undefined
  return {
    write(record) {
      if (awaitingOutput) {
        awaitingOutput = false
        channel?.postMessage({ kind: 'output', at: moment() })
      }
      addHash(checksum, hashOf(record))
    },
    flush() {
      flushed = moment()
    },
    snapshotState: () => [[checksum.count, checksum.sum, checksum.xor]],
    restoreState(states) {
      for (const [count, sum, xor] of states) mergeChecksum(checksum, { count, sum, xor })
    },
    close() {
      channel?.postMessage({ kind: 'result', attempt, subtask, checksum, at: flushed ?? moment() })
    },
  }
}
