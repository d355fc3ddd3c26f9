/**
 * The life of a submitted job in one process: decide what to go on from, take the log over, publish what the last manifest names, then
 * attempt after attempt until it finishes, is suspended or fails for good. Main thread; never touches a record.
 */
import { randomUUID } from 'node:crypto'
import { logPath } from '../checkpoint/log-path.js'
import type { CheckpointManifest } from '../checkpoint/manifest.js'
import type { ManifestLog } from '../checkpoint/manifest-log.js'
import { MillraceError, serializeError } from '../contract/errors.js'
import type { Ending } from '../contract/source.js'
import { planJob, type ExecutionPlan } from '../plan/plan.js'
import { planHash } from '../plan/plan-hash.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { Attempt, type AttemptOutcome } from './attempt.js'
import { committablesOf, hasCommittables, withoutCommittables } from './checkpoints.js'
import { assignSlots } from './deploy.js'
import { NO_FAILURES, type FailureHistory, type KeptFailures } from './failure-history.js'
import { failedBy, JobFailures, type FailedOutcome } from './job-failures.js'
import type { JobOptions, JobResult, JobStatus } from './job-options.js'
import { JobWishes, type JobPhase } from './job-wishes.js'
import { openJob, type OpenJob } from './open-job.js'
import { restoredSplits } from './restore-plan.js'
import { RestartStrategy } from './restart-strategy.js'
import type { SavepointInfo } from './savepoints.js'
import type { SinkCommitters } from './sink-committers.js'
import { SpareHost } from './spare-host.js'

interface CurrentJob {
  readonly slotParams: Readonly<Record<string, string>>
  readonly plan: ExecutionPlan
}

/** Runs one job in this process. Use it once. */
export class JobCoordinator {
  private readonly options: JobOptions
  private readonly wishes: JobWishes
  private attempt: Attempt | undefined
  private readonly spare: SpareHost | undefined
  private latest: CheckpointManifest | undefined
  private history: FailureHistory | undefined
  private failures: JobFailures | undefined
  private current: CurrentJob

  constructor(options: JobOptions) {
    this.options = options
    this.current = { slotParams: options.slotParams ?? options.params, plan: options.plan }
    this.wishes = new JobWishes(options.jobId, options.plan)
    if (options.spareSlots === true) this.spare = new SpareHost(options.hosts)
  }

  /** What it is doing, and how many slots its attempts have from now on. */
  get state(): { readonly phase: JobPhase; readonly parallelism: number; readonly maxParallelism: number } {
    const { phase, parallelism } = this.wishes
    return { phase, parallelism, maxParallelism: this.options.plan.maxParallelism }
  }

  /** Takes a last checkpoint and stops. */
  suspend(): void {
    this.wishes.suspend()
  }

  /** Ends the job without a checkpoint: what its sinks have not published, and no checkpoint names, is cleared away. */
  cancel(): void {
    this.wishes.cancel()
  }

  /** A savepoint in the empty storage `into`. The job goes on. MILLRACE_CONTROL when it ends before. */
  savepoint(into: CheckpointStorage): Promise<SavepointInfo> {
    return this.wishes.savepoint(into)
  }

  /**
   * A savepoint, then the job's end: SUSPENDED, or with `drain` FINISHED after the end of time has gone through the graph. Should an attempt
   * fail before, the next one is stopped.
   */
  stop(into: CheckpointStorage, drain: boolean): Promise<SavepointInfo> {
    return this.wishes.stop(into, drain)
  }

  /** Goes on with so many slots, from a checkpoint taken now; resolves when it does. MILLRACE_USAGE for more than the job can ever have. */
  rescale(parallelism: number): Promise<void> {
    return this.wishes.rescale(parallelism)
  }

  /** Of this process and those before it, since it took the log over. */
  get kept(): KeptFailures {
    return this.history?.failures ?? NO_FAILURES
  }

  /** Runs the job to its end. Rejects with a MillraceError when it may not start: refused before anything was written. */
  async run(): Promise<JobResult> {
    const { options } = this
    const { clock, events, storage } = options
    const job = await openJob(options, (manifest) => {
      this.latest = manifest
      this.failures?.checkpointCompleted(manifest.checkpointId)
    })
    const { checkpoint, checkpoints, savepoints, history } = job
    this.history = history
    this.latest = checkpoint
    const strategy = new RestartStrategy(options.restart, options.random)
    const failures = new JobFailures({ strategy, history, clock, events })
    this.failures = failures
    let status: JobStatus = 'FAILED'
    try {
      status = await this.runOpen(job, failures)
    } finally {
      await this.spare?.drop()
      await savepoints.end(this.wishes.ended())
      job.merges.close()
      await job.committers.close()
      await history.settled()
    }
    await this.cleanUp(job, status)
    return {
      status,
      counters: this.latest?.counters ?? {},
      checkpoints: checkpoints.completed,
      restoredFrom: checkpoint === undefined ? undefined : pathOf(storage, checkpoint),
      failure: status === 'FAILED' ? failures.first : undefined,
    }
  }

  private async runOpen(job: OpenJob, failures: JobFailures): Promise<JobStatus> {
    const { checkpoint, checkpoints, savepoints, committers } = job
    try {
      await this.prepare(job)
    } catch (error) {
      failures.final(failedBy(error, 'MILLRACE_OUTPUT'))
      return 'FAILED'
    }
    if (checkpoint?.final === true) return 'FINISHED'
    this.wishes.began({ checkpoints, savepoints })
    const status = await this.attempts(job, failures)
    if (status === 'FINISHED') await committers.recover(false, this.latest)
    return status
  }

  /** It has ended whatever becomes of this. */
  private async cleanUp({ log }: OpenJob, status: JobStatus): Promise<void> {
    const { cleanupCheckpoints: when = 'never', events, jobName, clock, randomId = randomUUID } = this.options
    if (when === 'never' || !(status === 'FINISHED' || (status === 'CANCELED' && when === 'ended'))) return
    try {
      const [problem] = (await log.forget(randomId(), clock.now())).problems
      if (problem !== undefined) throw problem
    } catch (error) {
      events.warn(jobName, `its checkpoints are not all deleted: ${serializeError(error).message}`)
    }
  }

  /** First publish what the manifest names, then clear away what it does not. */
  private async prepare({ log, committers, checkpoint: from }: OpenJob): Promise<void> {
    if (from !== undefined) await committers.commit(committablesOf(from))
    if (from?.final === true && hasCommittables(from)) this.latest = await this.noteEnd(log, from)
    await committers.recover(from === undefined, from)
  }

  private async closeAttempt(ending: Ending): Promise<void> {
    const { attempt } = this
    this.attempt = undefined
    await attempt?.close(ending)
  }

  /** All is published: without the note in the log the next start does the same again, but a failed job might start afresh. */
  private async noteEnd(log: ManifestLog, final: CheckpointManifest): Promise<CheckpointManifest> {
    try {
      return await log.append(withoutCommittables(final))
    } catch (error) {
      const { code, message } = serializeError(error)
      if (code === 'MILLRACE_FENCED') throw error
      this.options.events.warn(this.options.jobName, `the log may lack that all output is published: ${message}`)
      return final
    }
  }

  private async attempts(job: OpenJob, failures: JobFailures): Promise<JobStatus> {
    for (let number = 1; ; number++) {
      if (this.wishes.canceling) return this.canceled(job)
      if (this.wishes.suspending && number > 1) return 'SUSPENDED'
      const outcome = await this.nextOutcome(job, number)
      if (outcome.kind === 'rescaled') {
        await this.closeAttempt('restart')
        continue
      }
      if (outcome.kind === 'canceled') {
        await this.closeAttempt(this.latest?.final === true ? 'finished' : 'canceled')
        continue
      }
      if (outcome.kind !== 'failed') {
        await this.closeAttempt(outcome.kind)
        return outcome.kind === 'finished' ? 'FINISHED' : 'SUSPENDED'
      }
      const failed = await this.unlessTakenOver(job, outcome)
      const decision = failures.judge(failed, number)
      // Nothing is left to do: as a failed job, it would be submitted again and start afresh.
      if (this.latest?.final === true && job.checkpoints.allPublished) {
        await this.closeAttempt('finished')
        return 'FINISHED'
      }
      if (decision.kind === 'fail') {
        const final = this.latest?.final === true
        await this.closeAttempt(final ? 'finished' : 'failed')
        // All that failed is the note in the log, which may be there for all that: as a failed job it might start afresh.
        const takenOver = failed.error.code === 'MILLRACE_FENCED'
        return final && job.checkpoints.outputPublished && !takenOver ? 'FINISHED' : 'FAILED'
      }
      await this.spare?.waits(decision.delayMs)
      await this.wishes.delay(decision.delayMs, this.options.clock)
      await this.closeAttempt(this.endingAfterDelay())
    }
  }

  /** Files that a process misses which was taken over, its successor may have deleted: that is not the storage's fault. */
  private async unlessTakenOver({ checkpoints }: OpenJob, outcome: FailedOutcome): Promise<FailedOutcome> {
    try {
      await checkpoints.settle()
    } catch (error) {
      if ((error as MillraceError).code === 'MILLRACE_FENCED') return failedBy(error, 'MILLRACE_FENCED')
    }
    return outcome
  }

  /** What was wanted meanwhile is what sources hear. */
  private endingAfterDelay(): Ending {
    // The last checkpoint is in the log: nothing will be read any more, whatever is left to publish.
    if (this.latest?.final === true) return 'finished'
    if (this.wishes.canceling) return 'canceled'
    return this.wishes.suspending ? 'suspended' : 'restart'
  }

  /** Its last checkpoint stands, published; what was written since then goes, now or, should the log be in doubt, with the next start. */
  private async canceled({ checkpoints, committers }: OpenJob): Promise<JobStatus> {
    try {
      await checkpoints.settle()
      await checkpoints.publishRest()
      if (!checkpoints.inDoubt) await committers.recover(false, this.latest)
    } catch (error) {
      const { uid = '' } = failedBy(error, 'MILLRACE_OUTPUT')
      this.options.events.warn(uid, `could not be cleared away: ${serializeError(error).message}`)
    }
    return this.latest?.final === true && checkpoints.outputPublished ? 'FINISHED' : 'CANCELED'
  }

  private async nextOutcome(job: OpenJob, number: number): Promise<AttemptOutcome> {
    const { checkpoints, committers } = job
    try {
      if (number > 1) await this.refresh(committers)
    } catch (error) {
      return failedBy(error, 'MILLRACE_USER')
    }
    try {
      if (number > 1) await checkpoints.settle()
      await checkpoints.publishRest()
    } catch (error) {
      return failedBy(error, 'MILLRACE_OUTPUT')
    }
    // The attempt before failed, but not before its last checkpoint was in the log.
    if (number > 1 && this.latest?.final === true) return { kind: 'finished' }
    this.planAgain()
    checkpoints.restartFrom(this.latest, this.current.plan)
    return this.runAttempt(job, number)
  }

  /** Secrets may have been renewed. */
  private async refresh(committers: SinkCommitters): Promise<void> {
    const refreshed = await this.options.refresh?.()
    if (refreshed === undefined) return
    const before = this.current.plan
    const plan = planJob(refreshed.graph, before.parallelism, before.maxParallelism)
    if (planHash(plan) !== planHash(before)) {
      throw new MillraceError('MILLRACE_GRAPH', 'the job is another one with its secrets as they are now', {
        hint: 'submit it again; or let its graph not depend on a secret',
      })
    }
    this.current = { slotParams: refreshed.slotParams, plan }
    await committers.renew(plan.graph)
  }

  /** The job may have been rescaled. */
  private planAgain(): void {
    const { plan, slotParams } = this.current
    const { parallelism } = this.wishes
    if (plan.parallelism !== parallelism) {
      this.current = { slotParams, plan: planJob(plan.graph, parallelism, plan.maxParallelism) }
    }
  }

  private async runAttempt({ checkpoints, run }: OpenJob, number: number): Promise<AttemptOutcome> {
    const { options, latest } = this
    const { clock, events } = options
    const { plan, slotParams: params } = this.current
    const started = { attempt: number, parallelism: plan.parallelism }
    events.started({ ...started, from: latest === undefined ? undefined : pathOf(options.storage, latest) })
    const memory = options.memory(plan)
    const assignments = assignSlots({ ...options, ...run, plan, params, memory, attempt: number, restore: latest })
    const restoredSources = Object.fromEntries(
      Object.entries(latest?.sources ?? {}).map(([uid, source]) => [
        uid,
        { state: source.enumerator, splits: restoredSplits(latest!, uid, plan.parallelism) },
      ]),
    )
    const host = await (this.spare?.take(plan.parallelism, memory) ?? options.hosts(plan.parallelism, memory))
    if (this.wishes.canceling) {
      await host.destroy()
      return { kind: 'canceled' }
    }
    this.attempt = new Attempt({
      plan,
      assignments,
      run: {
        jobId: options.jobId,
        runId: run.runId,
        runStartedAtMs: run.startedAtMs,
        parallelism: plan.parallelism,
        attempt: number,
        checkpointing: options.checkpointing.intervalMs > 0,
      },
      host,
      clock,
      checkpoints,
      checkpointing: options.checkpointing,
      restoredSources,
      counterBase: latest?.counters ?? {},
      events,
      running: () => this.wishes.running(plan.parallelism),
      failing: () => this.spare?.prepare(plan.parallelism, memory),
    })
    this.wishes.attempting(this.attempt)
    return this.attempt.run()
  }
}

function pathOf(storage: CheckpointStorage, manifest: CheckpointManifest): string {
  return `${storage.describe()}/${logPath(manifest.position)}`
}
