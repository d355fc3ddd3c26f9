import { MillraceError } from '../../runtime/contract/errors.js'
import { durationMs, type Duration } from '../api/duration.js'

/** When a call that failed is made again. Flink: `AsyncRetryStrategies`. */
export interface AsyncRetry {
  /** Calls of one record, the first one included. */
  readonly maxAttempts: number
  /** Before the second call. */
  readonly delay: Duration
  /** Each delay is so many times the one before. Default 1: all the same. */
  readonly multiplier?: number
  /** No delay is longer. */
  readonly maxDelay?: Duration
  /** Whether this failure may pass. Default: every one. */
  readonly ifException?: (error: unknown) => boolean
}

/** Milliseconds before the next call of a record; undefined: there is none. */
export type RetryDelay = (failures: number, error: unknown) => number | undefined

/** The strategy as a function. MILLRACE_GRAPH for what makes no sense. */
export function retryDelay(retry: AsyncRetry | undefined): RetryDelay {
  if (retry === undefined) return () => undefined
  const { maxAttempts, multiplier = 1, ifException = () => true } = retry
  const delayMs = durationMs(retry.delay, 'the delay of `retry`')
  const maxDelayMs = retry.maxDelay === undefined ? Infinity : durationMs(retry.maxDelay, 'the maxDelay of `retry`')
  if (!Number.isSafeInteger(maxAttempts) || maxAttempts < 1) {
    throw new MillraceError(
      'MILLRACE_GRAPH',
      `maxAttempts of \`retry\` must be a whole number above 0, not ${maxAttempts}`,
    )
  }
  if (!(multiplier >= 1)) {
    throw new MillraceError('MILLRACE_GRAPH', `the multiplier of \`retry\` must be 1 or more, not ${multiplier}`)
  }
  return (failures, error) => {
    if (failures >= maxAttempts || !ifException(error)) return undefined
    return Math.min(maxDelayMs, delayMs * multiplier ** (failures - 1))
  }
}
