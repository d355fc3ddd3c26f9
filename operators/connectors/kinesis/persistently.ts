import { isTransient } from '../../../runtime/aws/aws-errors.js'
import { backoffMs } from '../../../runtime/aws/backoff.js'
import type { Clock } from '../../../runtime/contract/time.js'
import { Pause } from './pause.js'

/** How long and how often to ask again. */
export interface Patience {
  readonly clock: Clock
  readonly random: () => number
  /** Default: without end. */
  readonly attempts?: number
  /** Errors that are worth another try beside throttling, 5xx, time-outs and broken connections. */
  readonly alsoRetry?: (error: unknown) => boolean
  /** Told of the tenth failure in a row, the hundredth, and so on. */
  readonly warn?: (failures: number, error: unknown) => void
  /** Asking is given up: the last error is thrown. */
  readonly stopped?: () => boolean
}

const BASE_MS = 200
const MAX_MS = 10_000

/** Asks until there is an answer, or an error that asking again does not mend; waits between, exponentially and jittered. */
export async function persistently<T>(ask: () => Promise<T>, patience: Patience): Promise<T> {
  const { clock, random, attempts = Infinity, alsoRetry, stopped } = patience
  const pause = new Pause(clock)
  for (let failures = 1; ; failures++) {
    try {
      return await ask()
    } catch (error) {
      const worthIt = isTransient(error) || alsoRetry?.(error) === true
      if (!worthIt || failures >= attempts || stopped?.() === true) throw error
      if (isPowerOfTen(failures)) patience.warn?.(failures, error)
      await pause.wait(backoffMs(failures, { baseMs: BASE_MS, maxMs: MAX_MS, random }))
      if (stopped?.() === true) throw error
    }
  }
}

/** 10, 100, 1000...: when a row of failures is worth a word. */
export function isPowerOfTen(count: number): boolean {
  return count >= 10 && Number.isInteger(Math.log10(count))
}
