import { serializeError, type ErrorCode, type SerializedError } from '../contract/errors.js'
import type { Clock } from '../contract/time.js'
import { OperatorFailure } from '../contract/operator-failure.js'
import type { JobEvents } from './events.js'
import type { FailureHistory } from './failure-history.js'
import { kindOf, type JobFailure } from './job-failure.js'
import type { RestartDecision } from './restart-rule.js'
import type { RestartStrategy } from './restart-strategy.js'

/** What failed, before it is known when. */
export interface FailedOutcome {
  readonly kind: 'failed'
  readonly error: SerializedError
  readonly uid?: string
}

/** What happens when an attempt has failed: it is judged, kept and told. Main thread. */
export class JobFailures {
  /** The first one of this process since the last completed checkpoint. */
  first: JobFailure | undefined
  private readonly parts: {
    readonly strategy: RestartStrategy
    readonly history: FailureHistory
    readonly clock: Clock
    readonly events: JobEvents
  }

  constructor(parts: JobFailures['parts']) {
    this.parts = parts
  }

  checkpointCompleted(checkpointId: number): void {
    this.first = undefined
    this.parts.strategy.checkpointCompleted()
    this.parts.history.checkpointCompleted(checkpointId)
  }

  /** An attempt has failed. */
  judge(outcome: FailedOutcome, attempt: number): RestartDecision {
    const failure = this.of(outcome)
    return this.keep(failure, attempt, this.parts.strategy.failed(failure))
  }

  /** What no attempt can be made after. */
  final(outcome: FailedOutcome): void {
    this.keep(this.of(outcome), 0, { kind: 'fail' })
  }

  private of({ error, uid }: FailedOutcome): JobFailure {
    return { error, atMs: this.parts.clock.now(), ...(uid === undefined ? {} : { uid }) }
  }

  private keep(failure: JobFailure, attempt: number, decision: RestartDecision): RestartDecision {
    const restartInMs = decision.kind === 'restart' ? decision.delayMs : undefined
    // What came before is the successor's business.
    if (this.first === undefined || kindOf(failure.error) === 'fenced') this.first = failure
    this.parts.history.add(failure, attempt, restartInMs)
    this.parts.events.failed(failure, restartInMs)
    return decision
  }
}

/** `code`: of what has none of its own. */
export function failedBy(error: unknown, code: ErrorCode): FailedOutcome {
  const uid = error instanceof OperatorFailure ? { uid: error.uid } : {}
  return { kind: 'failed', error: serializeError(error, code), ...uid }
}
