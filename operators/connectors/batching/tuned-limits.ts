import type { BatchingOptions, BatchingTuning, BatchLimits } from './batching-options.js'

/** The service's limits with the bounds that the job set. */
export function tuned(
  service: Pick<BatchLimits, 'maxEntries' | 'maxRequestBytes' | 'maxEntryBytes'>,
  { maxInFlight, maxBufferedEntries, maxBufferedBytes, lingerMs, giveUpMs }: BatchingTuning,
): Pick<BatchingOptions<never, never>, 'limits' | 'giveUpMs'> {
  return {
    limits: {
      ...service,
      ...(maxInFlight === undefined ? {} : { maxInFlight }),
      ...(maxBufferedEntries === undefined ? {} : { maxBufferedEntries }),
      ...(maxBufferedBytes === undefined ? {} : { maxBufferedBytes }),
      ...(lingerMs === undefined ? {} : { lingerMs }),
    },
    ...(giveUpMs === undefined ? {} : { giveUpMs }),
  }
}
