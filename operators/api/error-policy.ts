import type { FailedRecord, RedrivenRecord } from '../../runtime/contract/failed-record.js'
import type { Sink } from '../../runtime/contract/sink.js'
import type { Source } from '../../runtime/contract/source.js'

/** Where failed records are kept, and come back from. Made by `deadLetter()`. */
export interface DeadLetters {
  readonly kind: 'deadLetters'
  readonly sink: Sink<FailedRecord>
  /** What was redriven to the operator of that uid; `bounded`: what there is at the job's start, not what comes later. */
  readonly redriven: (uid: string, bounded: boolean) => Source<RedrivenLetter>
}

/** A redriven record and the input it goes to. */
export interface RedrivenLetter extends RedrivenRecord {
  readonly input: 0 | 1
}

/**
 * `fail`: the job fails, which is the default. `drop`: the record is dropped, counted (`numFailedRecordsDropped`) and a few a second are
 * shown as warnings. `deadLetter(...)`: it is written to a file, from which it can be fed again.
 */
export type ErrorPolicy = 'fail' | 'drop' | DeadLetters
