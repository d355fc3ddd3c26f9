import type { Key } from './key.js'

/** The side output of what an operator's function failed on. */
export const FAILED_TAG = 'failed'

/** What a function threw, as plain data. */
export interface RecordError {
  /** `TypeError`, `MILLRACE_KEY`... */
  readonly name: string
  readonly message: string
  /** The user's line, `file:line:column`. */
  readonly at?: string
  readonly stack?: string
}

/** A record, or a timer, that an operator's function failed on. What it emitted and stored before it threw stays. */
export interface FailedRecord<T = unknown> {
  /** The operator's. */
  readonly uid: string
  /** The record; not there for a timer. */
  readonly value?: T
  readonly input: 0 | 1
  /** Event time of the record, epoch milliseconds; `NO_TIMESTAMP` where there is none, and for timers of processing time. */
  readonly timestamp: number
  /** Of an operator with state. Not there if it was the key's function that failed. */
  readonly key?: Key
  /** A timer of this time, epoch milliseconds: the function it called, or the window it fired, failed. */
  readonly timer?: { readonly time: number; readonly domain: 'event' | 'processing' }
  readonly error: RecordError
  /** How often it has failed: 1, and one more each time it was fed again from a dead-letter file. */
  readonly attempt: number
  /** Epoch milliseconds. */
  readonly failedAtMs: number
}

/** A record on its way into an operator again. */
export interface RedrivenRecord {
  /** How often it has failed. */
  readonly millraceAttempt: number
  readonly value: unknown
}

/** Where, below the dead letters, what is to be fed again to that operator of that job lies: a file for each dead-letter file. */
export function redrivePrefix(jobId: string, uid: string): string {
  return `redrive/${jobId}/${uid}/`
}
