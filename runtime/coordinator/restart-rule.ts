import type { JobFailure } from './job-failure.js'

/** What to do after a failure. */
export type RestartDecision = { readonly kind: 'restart'; readonly delayMs: number } | { readonly kind: 'fail' }

/** Says when to try again. Pure but for what it counts. */
export interface RestartRule {
  failed(failure: JobFailure): RestartDecision
  checkpointCompleted?(): void
}
