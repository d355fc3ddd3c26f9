import { MillraceError } from '../../runtime/contract/errors.js'
import type { FailedRecord, RedrivenRecord } from '../../runtime/contract/failed-record.js'
import type { Sink } from '../../runtime/contract/sink.js'
import type { Source } from '../../runtime/contract/source.js'
import { atOf } from '../process/user-function.js'
import type { CallSite } from './call-site.js'
import type { Transformation } from './transformation.js'

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

/** Sets what becomes of the operator's failures. MILLRACE_GRAPH for what is no policy. */
export function setErrorPolicy(owner: Transformation, policy: ErrorPolicy, site: CallSite): void {
  requireOperator(owner, 'onError()', site)
  if (policy === 'fail') delete owner.onError
  else if (policy === 'drop' || (policy as Partial<DeadLetters> | null)?.kind === 'deadLetters') owner.onError = policy
  else {
    throw new MillraceError('MILLRACE_GRAPH', `onError() does not know ${JSON.stringify(policy)}`, {
      hint: "use 'fail', 'drop' or deadLetter('file:DIR')",
      ...atOf(site),
    })
  }
}

/** MILLRACE_GRAPH for a source: what it cannot decode has an output of its own. */
export function requireOperator(owner: Transformation, what: string, site: CallSite): void {
  if (owner.work.kind === 'operator') return
  throw new MillraceError('MILLRACE_GRAPH', `${what} of a ${owner.what}`, {
    hint: 'what a source cannot decode is in its `invalid` output',
    ...atOf(site),
  })
}
