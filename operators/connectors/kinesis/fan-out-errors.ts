import { awsErrorFacts, isTransient } from '../../../runtime/aws/aws-errors.js'
import { MillraceError } from '../../../runtime/contract/errors.js'

/**
 * What becomes of a subscription that is refused or breaks. `in-use`: another one of this consumer is younger than five seconds, or took
 * over. `missing`: no such consumer, stream or shard. `position`: the sequence number is not taken. `fatal`: asking again does not help.
 */
export type SubscriptionTrouble = 'throttled' | 'in-use' | 'missing' | 'position' | 'broken' | 'fatal'

const THROTTLED = ['LimitExceededException', 'KMSThrottlingException', 'ProvisionedThroughputExceededException']
const POSITION = ['InvalidArgumentException']

/** Sorts an error of SubscribeToShard, of its answer or from within its event stream. By name, never by message. */
export function subscriptionTrouble(error: unknown): SubscriptionTrouble {
  if (error instanceof MillraceError) return 'fatal'
  const { name, systemCode, httpStatus } = awsErrorFacts(error)
  if (name === 'ResourceInUseException') return 'in-use'
  if (name === 'ResourceNotFoundException') return 'missing'
  if (POSITION.includes(name)) return 'position'
  if (THROTTLED.includes(name)) return 'throttled'
  if (isTransient(error)) return 'broken'
  if (name === 'CredentialsProviderError' || isCertificate(systemCode)) return 'fatal'
  // Inside an event stream errors have no status of their own: the SDK says whose fault the modelled ones are.
  const fault = (error as { readonly $fault?: unknown }).$fault
  if (fault === 'client' || (httpStatus !== undefined && httpStatus >= 400)) return 'fatal'
  // A connection can break in many ways, and none of them is final.
  return 'broken'
}

function isCertificate(systemCode: string | undefined): boolean {
  return systemCode !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(systemCode)
}
