import { MillraceError } from './errors.js'

/** The failure of a slot whose heap is full, whoever notices: the thread itself, or the main thread when V8 has ended it. */
export function heapFull(slot: number, cause?: unknown): MillraceError {
  return new MillraceError('MILLRACE_MEMORY', `slot ${slot} ran out of memory`, {
    hint: 'raise --memory, or keep less in variables of the job: keyed state may be larger than memory, plain objects may not',
    ...(cause === undefined ? {} : { cause }),
  })
}
