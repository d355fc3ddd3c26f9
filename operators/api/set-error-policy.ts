import { MillraceError } from '../../runtime/contract/errors.js'
import { atOf } from '../process/user-function.js'
import type { CallSite } from './call-site.js'
import type { DeadLetters, ErrorPolicy } from './error-policy.js'
import type { Transformation } from './transformation.js'

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
