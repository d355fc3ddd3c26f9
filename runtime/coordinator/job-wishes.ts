/**
 * What is wanted of a running job: to stop, to be canceled, a savepoint, another parallelism. What is wanted of the job is wanted of each
 * of its attempts, until it is done or the job has ended. Main thread.
 */
import { MillraceError } from '../contract/errors.js'
import type { Clock } from '../contract/time.js'
import { planJob, type ExecutionPlan } from '../plan/plan.js'
import type { CheckpointStorage } from '../storage/storage.js'
import type { Attempt } from './attempt.js'
import type { Checkpoints } from './checkpoints.js'
import type { SavepointInfo, Savepoints } from './savepoints.js'

/** What a job is doing. */
export type JobPhase = 'starting' | 'running' | 'restarting' | 'rescaling' | 'stopping' | 'canceling' | 'ended'

/** What takes checkpoints while the job runs. */
export interface CheckpointParts {
  readonly checkpoints: Checkpoints
  readonly savepoints: Savepoints
}

interface RescaleWish {
  readonly parallelism: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The wishes of one job in this process. */
export class JobWishes {
  phase: JobPhase = 'starting'
  /** What the next attempt runs with. */
  parallelism: number
  canceling = false
  suspending = false
  private stopping: 'suspend' | 'drain' | undefined
  private rescales: RescaleWish[] = []
  private readonly jobId: string
  private readonly plan: ExecutionPlan
  private parts: CheckpointParts | undefined
  private attempt: Attempt | undefined
  private endDelay: () => void = () => {}

  constructor(jobId: string, plan: ExecutionPlan) {
    this.jobId = jobId
    this.plan = plan
    this.parallelism = plan.parallelism
  }

  /** The job can be asked for checkpoints from now on. */
  began(parts: CheckpointParts): void {
    this.parts = parts
  }

  /** Nothing can be wanted any more. */
  ended(): MillraceError {
    this.phase = 'ended'
    this.parts = undefined
    const error = this.over()
    this.endRescales(error)
    return error
  }

  /** All that is wanted is asked of the attempt, and what comes later too. */
  attempting(attempt: Attempt): void {
    this.attempt = attempt
    if (this.suspending || this.stopping === 'suspend') attempt.suspend()
    if (this.stopping === 'drain') attempt.drain()
    if (this.parts?.savepoints.waiting === true) attempt.savepoint()
  }

  /** All of an attempt has started. */
  running(parallelism: number): void {
    if (this.endIsWanted) return
    const rescaled = this.rescales.filter((wish) => wish.parallelism === parallelism)
    this.rescales = this.rescales.filter((wish) => !rescaled.includes(wish))
    for (const { resolve } of rescaled) resolve()
    this.phase = this.rescales.length === 0 ? 'running' : 'rescaling'
  }

  /** Takes a last checkpoint and stops. */
  suspend(): void {
    this.suspending = true
    this.attempt?.suspend()
    this.endDelay()
  }

  /** Ends the job without a checkpoint. */
  cancel(): void {
    if (this.phase === 'ended') throw this.over()
    this.canceling = true
    this.phase = 'canceling'
    this.attempt?.cancel()
    this.endDelay()
  }

  /** A savepoint in the empty storage `into`. */
  async savepoint(into: CheckpointStorage): Promise<SavepointInfo> {
    const { savepoints, checkpoints } = this.goingOn()
    const savepoint = savepoints.ask(into, checkpoints.lastId)
    this.attempt?.savepoint()
    return savepoint
  }

  /** A savepoint, then the job's end. */
  async stop(into: CheckpointStorage, drain: boolean): Promise<SavepointInfo> {
    const { savepoints, checkpoints } = this.goingOn()
    this.stopping = drain ? 'drain' : 'suspend'
    this.phase = 'stopping'
    const savepoint = savepoints.ask(into, checkpoints.lastId)
    this.endDelay()
    if (this.attempt !== undefined) this.attempting(this.attempt)
    return savepoint
  }

  /** Resolves when all slots of an attempt with that parallelism run. */
  async rescale(parallelism: number): Promise<void> {
    this.goingOn()
    const { graph, maxParallelism } = this.plan
    if (parallelism > maxParallelism) {
      throw new MillraceError(
        'MILLRACE_USAGE',
        `parallelism ${parallelism} is more than the job's maximum parallelism ${maxParallelism}`,
        {
          hint: 'its first checkpoint has fixed that; only a job that starts afresh may have another --max-parallelism',
        },
      )
    }
    planJob(graph, parallelism, maxParallelism)
    if (parallelism === this.parallelism && this.rescales.length === 0) return
    this.endRescales(new MillraceError('MILLRACE_CONTROL', `another rescale came after this one, to ${parallelism}`))
    this.parallelism = parallelism
    this.phase = 'rescaling'
    const rescaled = new Promise<void>((resolve, reject) => this.rescales.push({ parallelism, resolve, reject }))
    this.attempt?.rescale()
    return rescaled
  }

  /** Waits before another attempt; not if the job's end is wanted, nor any longer once it is. */
  async delay(ms: number, clock: Clock): Promise<void> {
    if (this.phase === 'running') this.phase = 'restarting'
    this.attempt = undefined
    if (this.endIsWanted) return
    await new Promise<void>((resolve) => {
      const cancel = clock.setTimeout(resolve, ms)
      this.endDelay = () => {
        cancel()
        resolve()
      }
    })
  }

  private get endIsWanted(): boolean {
    return this.canceling || this.suspending || this.stopping !== undefined
  }

  private goingOn(): CheckpointParts {
    if (this.parts === undefined) throw this.phase === 'ended' ? this.over() : this.starting()
    if (this.endIsWanted) {
      const doing = this.canceling ? 'canceled' : 'stopped'
      throw new MillraceError('MILLRACE_CONTROL', `job "${this.jobId}" is being ${doing}`, {
        hint: 'wait for its end, and submit it again',
      })
    }
    return this.parts
  }

  private endRescales(error: MillraceError): void {
    for (const { reject } of this.rescales.splice(0)) reject(error)
  }

  private starting(): MillraceError {
    return new MillraceError('MILLRACE_CONTROL', `job "${this.jobId}" is only starting`, {
      hint: 'try again in a moment',
    })
  }

  private over(): MillraceError {
    return new MillraceError('MILLRACE_CONTROL', `job "${this.jobId}" has ended`, {
      hint: 'what it had reached is in its last checkpoint',
    })
  }
}
