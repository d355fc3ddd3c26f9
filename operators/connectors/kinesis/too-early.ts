import { awsErrorFacts } from '../../../runtime/aws/aws-errors.js'
import type { Clock } from '../../../runtime/contract/time.js'

/** A machine's clock is not expected to be further off: the service refuses signatures beyond it. */
const SKEW_MS = 15 * 60_000

/**
 * The service refuses a timestamp that its clock has not come to: this machine's is ahead of it. Waiting mends it. Services say
 * InvalidArgumentException of many things, so only for timestamps of this hour.
 */
export function isTooEarly(error: unknown, timestampMs: number, clock: Clock): boolean {
  const { name } = awsErrorFacts(error)
  const refused = name === 'InvalidArgumentException' || name === 'ValidationException'
  return refused && timestampMs > clock.now() - SKEW_MS
}
