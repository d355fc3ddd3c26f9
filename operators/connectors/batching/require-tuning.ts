import { MillraceError } from '../../../runtime/contract/errors.js'
import type { BatchingTuning } from './batching-options.js'

const POSITIVE = ['maxInFlight', 'maxBufferedEntries', 'maxBufferedBytes', 'giveUpMs'] as const

/** MILLRACE_GRAPH if a bound is none. `sink` is its name for the message. */
export function requireTuning(sink: string, tuning: BatchingTuning): void {
  for (const name of POSITIVE) {
    const value = tuning[name]
    if (value === undefined || value > 0) continue
    refuse(`${sink} ${name} is not a positive number: ${value}`)
  }
  const { lingerMs } = tuning
  if (lingerMs !== undefined && !(lingerMs >= 0))
    refuse(`${sink} lingerMs is not a number of milliseconds: ${lingerMs}`)
}

function refuse(message: string): never {
  throw new MillraceError('MILLRACE_GRAPH', message, { hint: 'leave it out for the default' })
}
