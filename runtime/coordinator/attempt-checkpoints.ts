/**
 * Invariant: checkpoints of an attempt are committed in the order in which they were begun, one at a time. One that is given up takes those
 * with it that are older and not complete; newer ones hold all that it would have held.
 *
 *   request -> trigger -> acknowledgements -> commit (log) -> publish (sinks) -> complete
 *                 \__ timeout, declined __________\__ given up: too many in a row fail the attempt
 *
 * Semantics: Flink's CheckpointCoordinator and CheckpointFailureManager.
 */
import { MillraceError } from '../contract/errors.js'
import type { JsonValue } from '../contract/json.js'
import { steadyTime, type Clock } from '../contract/time.js'
import type { OperatorSnapshot, ToSlot } from '../worker/protocol.js'
import type { CheckpointRules } from './checkpoint-rules.js'
import type { CheckpointSink } from './checkpoint-sink.js'
import { PendingCheckpoint, type CheckpointReason } from './pending-checkpoint.js'

/** See `request`. */
const WEIGHT: Readonly<Record<CheckpointReason, number>> = {
  periodic: 0,
  savepoint: 1,
  rescale: 2,
  suspend: 3,
  final: 3,
}

/** How an attempt ends with its last checkpoint. */
export type Closing = 'finished' | 'suspended' | 'rescaled'

/** What the attempt ends as after a checkpoint, if it does. */
const CLOSING: Readonly<Record<CheckpointReason, Closing | undefined>> = {
  periodic: undefined,
  savepoint: undefined,
  rescale: 'rescaled',
  suspend: 'suspended',
  final: 'finished',
}

/** What takes checkpoints needs of its attempt. */
export interface CheckpointedAttempt {
  readonly clock: Clock
  readonly rules: CheckpointRules
  readonly sink: CheckpointSink
  /** Acknowledgements that make one complete. */
  readonly slots: number
  readonly tasks: number
  /** What each source's enumerator has to be restored with. */
  enumerators(checkpointId: number): Readonly<Record<string, JsonValue>>
  broadcast(message: ToSlot): void
  completed(checkpointId: number): void
  fail(error: unknown, uid?: string): void
  /** The attempt has ended. */
  readonly over: boolean
}

/** The checkpoints of one attempt. Main thread. */
export class AttemptCheckpoints {
  private readonly attempt: CheckpointedAttempt
  /** Oldest first; until they are in the log or given up. */
  private underWay: PendingCheckpoint[] = []
  private readonly timeouts = new Map<PendingCheckpoint, () => void>()
  /** Resolves when what has been begun with the log is done. */
  private committed: Promise<void> = Promise.resolve()
  private committing = false
  /** One that is in the log, and no longer in `underWay`. */
  private publishing = false
  private requested: CheckpointReason | undefined
  private closing: Closing | undefined
  private draining = false
  private started = false
  private failures = 0
  private lastEndMs = -Infinity
  private cancelTimer: () => void = () => {}
  private cancelPause: () => void = () => {}

  constructor(attempt: CheckpointedAttempt) {
    this.attempt = attempt
  }

  /** How the attempt ends, once its last checkpoint is in the log. */
  get closingAs(): Closing | undefined {
    return this.closing
  }

  /** All slots and sources have started. */
  start(): void {
    this.started = true
    this.schedule()
    this.triggerNext()
  }

  /** No checkpoint but the final one from now on. False: too late, another last one was asked for. */
  drain(): boolean {
    if (this.draining || this.requested === 'suspend' || this.closing !== undefined) return false
    this.draining = true
    if (this.requested !== 'final') this.requested = undefined
    return true
  }

  /** Of several reasons the weightiest: what a lighter one wants, its checkpoint does too. Of two that end the attempt, the first. */
  request(reason: CheckpointReason): void {
    if (this.closing !== undefined || (this.draining && reason !== 'final')) return
    if (this.requested === undefined || WEIGHT[reason] > WEIGHT[this.requested]) this.requested = reason
    this.triggerNext()
  }

  acknowledge(slot: number, checkpointId: number, operators: readonly OperatorSnapshot[]): void {
    const pending = this.underWay.find(({ id }) => id === checkpointId)
    if (pending === undefined) return this.attempt.sink.late(operators)
    if (!pending.acknowledge(slot, operators)) return
    this.endTimeout(pending)
    this.commitNext()
  }

  /** A subtask could not store its share. Records in flight that are no values don't count: from now on they are not overtaken. */
  declined(checkpointId: number, error: MillraceError, uid: string | undefined): void {
    this.giveUp(checkpointId, `not stored: ${error.message}`, error, uid, error.code !== 'MILLRACE_VALUE')
  }

  /** The attempt has ended: resolves when it is known which of its checkpoints are in the log. */
  async end(): Promise<void> {
    this.cancelTimer()
    this.cancelPause()
    for (const cancel of this.timeouts.values()) cancel()
    await this.committed
    for (const pending of this.underWay) this.attempt.sink.lost(pending)
  }

  private schedule(): void {
    const { rules, clock } = this.attempt
    if (rules.intervalMs <= 0) return
    this.cancelTimer = clock.setTimeout(() => {
      this.request('periodic')
      this.schedule()
    }, rules.intervalMs)
  }

  /** Triggers what is requested; what has to wait is looked at again when a checkpoint ends. */
  private triggerNext(): void {
    const { attempt, requested: reason } = this
    if (reason === undefined || !this.started || this.closing !== undefined || attempt.over) return
    if (this.underWay.length + (this.publishing ? 1 : 0) >= attempt.rules.maxConcurrent) return
    if (this.underWay.some((pending) => CLOSING[pending.reason] !== undefined)) return
    if (reason === 'periodic' && this.pauses()) return
    this.requested = undefined
    const { sink, clock, slots, tasks } = attempt
    const id = sink.nextId()
    const now = clock.now()
    let enumerators: Readonly<Record<string, JsonValue>>
    try {
      enumerators = attempt.enumerators(id)
    } catch (error) {
      return attempt.fail(error)
    }
    const pending = new PendingCheckpoint({ id, reason, triggeredAtMs: now, enumerators, slots, tasks })
    this.underWay.push(pending)
    const { timeoutMs, alignmentTimeoutMs } = attempt.rules
    const patient = reason !== 'periodic' || alignmentTimeoutMs === Infinity
    attempt.broadcast({
      type: 'triggerCheckpoint',
      checkpointId: id,
      timestampMs: now,
      // What a user asks for has nothing in flight.
      ...(patient ? {} : { alignmentTimeoutMs }),
    })
    this.timeouts.set(
      pending,
      clock.setTimeout(() => this.expired(pending), timeoutMs),
    )
  }

  /** The last one ended just now: asks again when the pause is over. */
  private pauses(): boolean {
    const { rules, clock } = this.attempt
    const leftMs = this.lastEndMs + rules.minPauseMs - steadyTime(clock)
    if (leftMs <= 0) return false
    this.cancelPause()
    this.cancelPause = clock.setTimeout(() => this.triggerNext(), leftMs)
    return true
  }

  private commitNext(): void {
    const next = this.underWay[0]
    if (this.committing || next?.complete !== true || this.attempt.over) return
    this.committing = true
    this.committed = this.commit(next)
  }

  private async commit(pending: PendingCheckpoint): Promise<void> {
    const { attempt } = this
    try {
      const manifest = await attempt.sink.commit(pending)
      this.underWay = this.underWay.filter((one) => one !== pending)
      this.publishing = true
      // A final one of an earlier attempt may have come to light: the job is over with it.
      this.closing = manifest.final ? 'finished' : CLOSING[pending.reason]
      await attempt.sink.publish(manifest, pending)
    } catch (error) {
      this.committing = false
      const { code, message } = error as MillraceError
      if (attempt.over || code !== 'MILLRACE_STORAGE' || !this.underWay.includes(pending)) return attempt.fail(error)
      this.giveUp(pending.id, `not committed: ${message}`, error)
      return this.commitNext()
    }
    this.committing = false
    this.publishing = false
    this.failures = 0
    this.lastEndMs = steadyTime(attempt.clock)
    if (attempt.over) return
    attempt.broadcast({ type: 'checkpointComplete', checkpointId: pending.id })
    try {
      attempt.completed(pending.id)
    } catch (error) {
      return attempt.fail(error)
    }
    if (this.closing !== undefined) return attempt.broadcast({ type: 'close' })
    this.commitNext()
    this.triggerNext()
  }

  private expired(pending: PendingCheckpoint): void {
    const reason = `not complete after ${this.attempt.rules.timeoutMs} ms`
    const error = new MillraceError('MILLRACE_CHECKPOINT', `checkpoint ${pending.id} was ${reason}`, {
      hint: 'look for backpressure and slow storage; --checkpoint-timeout gives more time, --tolerated-checkpoint-failures lets the job go on',
    })
    this.giveUp(pending.id, reason, error)
  }

  /** `error` fails the attempt if it is one too many. Of one that is no longer under way: nothing. */
  private giveUp(checkpointId: number, reason: string, error: unknown, uid?: string, counts = true): void {
    const { attempt } = this
    if (attempt.over || !this.underWay.some(({ id }) => id === checkpointId)) return
    const given = this.underWay.filter(({ id, complete }) => id === checkpointId || (id < checkpointId && !complete))
    this.underWay = this.underWay.filter((one) => !given.includes(one))
    this.lastEndMs = steadyTime(attempt.clock)
    for (const pending of given) {
      this.endTimeout(pending)
      attempt.sink.abandon(pending, reason)
      attempt.broadcast({ type: 'checkpointAborted', checkpointId: pending.id })
    }
    if (counts && given.at(-1)!.reason !== 'savepoint') this.failures++
    if (this.failures > attempt.rules.toleratedFailures) return attempt.fail(error, uid)
    const closing = given.find((pending) => CLOSING[pending.reason] !== undefined)
    if (closing !== undefined) return this.request(closing.reason)
    this.triggerNext()
  }

  private endTimeout(pending: PendingCheckpoint): void {
    this.timeouts.get(pending)?.()
    this.timeouts.delete(pending)
  }
}
