import { awsErrorFacts, isTransient } from '../../../runtime/aws/aws-errors.js'

/** What became of a claim in one request. */
export type ClaimVerdict =
  | { readonly kind: 'claimed' }
  | { readonly kind: 'duplicate' }
  /** It will never be taken. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It was well: another one cancelled the request. */
  | { readonly kind: 'cancelled' }
  /** Somebody else is at the item, or the service is overloaded. */
  | { readonly kind: 'conflict'; readonly reason: string }

/** What a failed request means. */
export type FailedRequest =
  /** Claim by claim. */
  | { readonly kind: 'verdicts'; readonly verdicts: readonly ClaimVerdict[] }
  /** Ask again, the same with the same token. */
  | { readonly kind: 'again'; readonly reason: string }
  /** The token is that of a request with other parameters, of the last ten minutes. */
  | { readonly kind: 'mismatch' }
  /** One of the claims, or more, is not as the service wants it. */
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'failed' }

interface CancellationReason {
  readonly Code?: string
  readonly Message?: string
}

const INVALID = ['ValidationException', 'SerializationException', 'ItemCollectionSizeLimitExceededException']
const REFUSED = ['ValidationError', 'ItemCollectionSizeLimitExceeded']

/** Reads an error of TransactWriteItems, by names and codes. `claims`: how many were in the request. */
export function readFailure(error: unknown, claims: number): FailedRequest {
  const { name, message, systemCode } = awsErrorFacts(error)
  if (name === 'TransactionCanceledException') {
    const reasons = (error as { CancellationReasons?: readonly CancellationReason[] }).CancellationReasons ?? []
    // Without a reason for each, all that is known is that nothing was written.
    if (reasons.length !== claims) return { kind: 'again', reason: name }
    const verdicts = reasons.map(readReason)
    if (verdicts.every(({ kind }) => kind === 'cancelled')) return { kind: 'again', reason: name }
    return { kind: 'verdicts', verdicts }
  }
  if (name === 'IdempotentParameterMismatchException' || name === 'IdempotentParameterMismatch')
    return { kind: 'mismatch' }
  if (INVALID.includes(name)) return { kind: 'invalid', reason: `${name}: ${message}` }
  if (name === 'TransactionInProgressException' || name === 'TransactionConflictException' || isTransient(error)) {
    return { kind: 'again', reason: systemCode ?? name }
  }
  return { kind: 'failed' }
}

function readReason({ Code: code = 'None', Message: message = '' }: CancellationReason): ClaimVerdict {
  if (code === 'None') return { kind: 'cancelled' }
  if (code === 'ConditionalCheckFailed') return { kind: 'duplicate' }
  if (REFUSED.includes(code)) return { kind: 'refused', reason: message === '' ? code : `${code}: ${message}` }
  return { kind: 'conflict', reason: code }
}
