/**
 * The life of a submitted job in one process: decide what to go on from, take the log over, publish what the last manifest names, then
 * attempt after attempt until it finishes, is suspended or fails for good. Main thread; never touches a record.
 */
import { randomUUID } from 'node:crypto'
import { runStartOf, type CheckpointManifest, type ProcessIdentity } from '../checkpoint/manifest.js'
import type { EmptyRun } from '../checkpoint/log-reader.js'
import { ManifestLog } from '../checkpoint/manifest-log.js'
import { MillraceError, serializeError } from '../contract/errors.js'
import type { JobGraph } from '../contract/graph.js'
import { OperatorFailure } from '../contract/operator-failure.js'
import type { Ending } from '../contract/source.js'
import type { Clock } from '../contract/time.js'
import { planJob, type ExecutionPlan } from '../plan/plan.js'
import { planHash } from '../plan/plan-hash.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { Attempt, type AttemptOutcome } from './attempt.js'
import { BackgroundMerges, type MergeRunner } from './background-merges.js'
import { Checkpoints, committablesOf, hasCommittables, withoutCommittables } from './checkpoints.js'
import { assignSlots } from './deploy.js'
import type { CounterTotals } from './draft.js'
import type { JobEvents } from './events.js'
import type { MemoryPlan } from './memory-plan.js'
import { restoredSplits } from './restore-plan.js'
import { RestartStrategy, type JobFailure, type RestartDecision } from './restart-strategy.js'
import { Savepoints, type SavepointInfo } from './savepoints.js'
import { SinkCommitters } from './sink-committers.js'
import type { SlotHostFactory } from './slot-host.js'

/** How a job's run in a process may end. */
export type JobStatus = 'FINISHED' | 'SUSPENDED' | 'CANCELED' | 'FAILED'

/** How a job's run in this process ended. Counters are those of the last checkpoint. */
export interface JobResult {
  readonly status: JobStatus
  readonly counters: CounterTotals
  readonly checkpoints: number
  /** The manifest restored, as a path or URL. */
  readonly restoredFrom: string | undefined
  /** The first failure since the last completed checkpoint, if the job failed. */
  readonly failure: JobFailure | undefined
}

/** Everything a run needs; the caller has checked it against the job and the checkpoint. */
export interface JobOptions {
  readonly jobId: string
  readonly jobName: string
  readonly graph: JobGraph
  /** As they were given: manifests keep them. */
  readonly params: Readonly<Record<string, string>>
  /** What slots build the graph with, if it differs: what secrets stand for. Kept nowhere. */
  readonly slotParams?: Readonly<Record<string, string>>
  /** Before each further attempt: what has changed outside the job, undefined if nothing has. May reject with a MillraceError. */
  readonly refresh?: () => Promise<RefreshedJob | undefined>
  /** Parameters whose values no checkpoint keeps. */
  readonly secretParams?: ReadonlySet<string>
  readonly storage: CheckpointStorage
  readonly identity: ProcessIdentity
  readonly clock: Clock
  /** Unique names; default `randomUUID`. */
  readonly randomId?: () => string
  readonly events: JobEvents
  /** The plan for the maximum parallelism that the checkpoint, or the option, says. */
  readonly plan: ExecutionPlan
  readonly memory: (plan: ExecutionPlan) => MemoryPlan
  readonly hosts: SlotHostFactory
  readonly bundleUrl?: string
  readonly spillDirectory: string
  /** Merges segments, off the main thread. */
  readonly merge: MergeRunner
  readonly checkpointIntervalMs: number
  readonly checkpointTimeoutMs: number
  /** Infinity: checkpoints are aligned, however long it takes. */
  readonly alignmentTimeoutMs: number
  readonly restartAttempts: number
  /** Checks the checkpoint against the job (MILLRACE_RESTORE) and says what to go on from; undefined: start afresh. */
  readonly choose: (latest: CheckpointManifest | undefined) => CheckpointManifest | undefined
}

/** The same job with other values in it: its plan has the same shape. */
export interface RefreshedJob {
  readonly slotParams: Readonly<Record<string, string>>
  readonly graph: JobGraph
}

/** What a job is doing. */
export type JobPhase = 'starting' | 'running' | 'restarting' | 'rescaling' | 'stopping' | 'canceling' | 'ended'

interface CurrentJob {
  readonly slotParams: Readonly<Record<string, string>>
  readonly plan: ExecutionPlan
}

interface RescaleWish {
  readonly parallelism: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** What all attempts of a process have in common. */
interface Run {
  readonly runId: string
  readonly epoch: number
  readonly startedAtMs: number
}

/** Runs one job in this process. Use it once. */
export class JobCoordinator {
  private readonly options: JobOptions
  private attempt: Attempt | undefined
  private suspending = false
  private latest: CheckpointManifest | undefined
  private firstFailure: JobFailure | undefined
  private readonly strategy: RestartStrategy
  private current: CurrentJob
  /** What the next attempt runs with. */
  private parallelism: number
  private stopping: 'suspend' | 'drain' | undefined
  private canceling = false
  private phase: JobPhase = 'starting'
  private rescales: RescaleWish[] = []
  /** While the job runs. */
  private parts: { readonly checkpoints: Checkpoints; readonly savepoints: Savepoints } | undefined

  constructor(options: JobOptions) {
    this.options = options
    this.current = { slotParams: options.slotParams ?? options.params, plan: options.plan }
    this.parallelism = options.plan.parallelism
    this.strategy = new RestartStrategy(options.restartAttempts)
  }

  /** Takes a last checkpoint and stops. */
  suspend(): void {
    this.suspending = true
    this.attempt?.suspend()
    this.endDelay()
  }

  /** What it is doing, and how many slots its attempts have from now on. */
  get state(): { readonly phase: JobPhase; readonly parallelism: number; readonly maxParallelism: number } {
    const { phase, parallelism, options } = this
    return { phase, parallelism, maxParallelism: options.plan.maxParallelism }
  }

  /** Ends the job without a checkpoint: what its sinks have not published, and no checkpoint names, is cleared away. */
  cancel(): void {
    if (this.phase === 'ended') throw over(this.options.jobId)
    this.canceling = true
    this.phase = 'canceling'
    this.attempt?.cancel()
    this.endDelay()
  }

  /** A savepoint in the empty storage `into`. The job goes on. MILLRACE_CONTROL when it ends before. */
  async savepoint(into: CheckpointStorage): Promise<SavepointInfo> {
    const { savepoints, checkpoints } = this.goingOn()
    const savepoint = savepoints.ask(into, checkpoints.lastId)
    this.attempt?.savepoint()
    return savepoint
  }

  /**
   * A savepoint, then the job's end: SUSPENDED, or with `drain` FINISHED after the end of time has gone through the graph. Should an attempt
   * fail before, the next one is stopped.
   */
  async stop(into: CheckpointStorage, drain: boolean): Promise<SavepointInfo> {
    const { savepoints, checkpoints } = this.goingOn()
    this.stopping = drain ? 'drain' : 'suspend'
    this.phase = 'stopping'
    const savepoint = savepoints.ask(into, checkpoints.lastId)
    this.endDelay()
    if (this.attempt !== undefined) this.askFor(this.attempt)
    return savepoint
  }

  /** Goes on with so many slots, from a checkpoint taken now; resolves when it does. MILLRACE_USAGE for more than the job can ever have. */
  async rescale(parallelism: number): Promise<void> {
    this.goingOn()
    const { maxParallelism } = this.options.plan
    if (parallelism > maxParallelism) {
      throw new MillraceError(
        'MILLRACE_USAGE',
        `parallelism ${parallelism} is more than the job's maximum parallelism ${maxParallelism}`,
        {
          hint: 'its first checkpoint has fixed that; only a job that starts afresh may have another --max-parallelism',
        },
      )
    }
    planJob(this.current.plan.graph, parallelism, maxParallelism)
    if (parallelism === this.parallelism && this.rescales.length === 0) return
    this.endRescales(new MillraceError('MILLRACE_CONTROL', `another rescale came after this one, to ${parallelism}`))
    this.parallelism = parallelism
    this.phase = 'rescaling'
    const rescaled = new Promise<void>((resolve, reject) => this.rescales.push({ parallelism, resolve, reject }))
    this.attempt?.rescale()
    return rescaled
  }

  private goingOn(): { readonly checkpoints: Checkpoints; readonly savepoints: Savepoints } {
    const { jobId } = this.options
    if (this.parts === undefined) throw this.phase === 'ended' ? over(jobId) : starting(jobId)
    if (this.canceling || this.suspending || this.stopping !== undefined) {
      const doing = this.canceling ? 'canceled' : 'stopped'
      throw new MillraceError('MILLRACE_CONTROL', `job "${jobId}" is being ${doing}`, {
        hint: 'wait for its end, and submit it again',
      })
    }
    return this.parts
  }

  /** What is wanted of the job is wanted of each of its attempts. */
  private askFor(attempt: Attempt): void {
    if (this.suspending || this.stopping === 'suspend') attempt.suspend()
    if (this.stopping === 'drain') attempt.drain()
    if (this.parts?.savepoints.waiting === true) attempt.savepoint()
  }

  private endRescales(error: MillraceError): void {
    for (const { reject } of this.rescales.splice(0)) reject(error)
  }

  /** All of an attempt has started. */
  private nowRunning(parallelism: number): void {
    if (this.canceling || this.suspending || this.stopping !== undefined) return
    const rescaled = this.rescales.filter((wish) => wish.parallelism === parallelism)
    this.rescales = this.rescales.filter((wish) => !rescaled.includes(wish))
    for (const { resolve } of rescaled) resolve()
    this.phase = this.rescales.length === 0 ? 'running' : 'rescaling'
  }

  /** Runs the job to its end. Rejects with a MillraceError when it may not start: refused before anything was written. */
  async run(): Promise<JobResult> {
    const { options } = this
    const randomId = options.randomId ?? randomUUID
    const log = await ManifestLog.open(options.storage, { jobId: options.jobId })
    // A run that was killed before its first checkpoint is begun again: what it left unpublished is then its own to clear away.
    const freshRun = log.emptyRun() ?? newRun(options.clock.now(), randomId())
    const { record, checkpoint } = await log.takeover({
      nonce: randomId(),
      ...freshRun,
      holder: options.identity,
      createdAtMs: options.clock.now(),
      choose: options.choose,
    })
    const runId = checkpoint?.runId ?? freshRun.runId
    const runStartedAtMs = runStartOf(checkpoint ?? record)
    const { jobId, events } = options
    const committers = new SinkCommitters(options.graph, {
      jobId,
      runId,
      epoch: record.epoch,
      warn: events.warn.bind(events),
    })
    this.latest = checkpoint
    const restoredFrom = checkpoint === undefined ? undefined : pathOf(options.storage, checkpoint)
    const merges = new BackgroundMerges({
      storageUrl: options.storage.url(),
      epoch: record.epoch,
      parallelism: options.plan.parallelism,
      maxParallelism: options.plan.maxParallelism,
      run: options.merge,
      failed: (uid, error) => events.warn(uid, `merging segments failed: ${serializeError(error).message}`),
    })
    const savepoints = new Savepoints({ from: options.storage, pin: (manifest) => log.pin(manifest) })
    const checkpoints = new Checkpoints({
      plan: options.plan,
      jobName: options.jobName,
      runId,
      runStartedAtMs,
      params: withoutSecrets(options.params, options.secretParams ?? new Set()),
      fingerprints: sourceFingerprints(options.graph),
      log,
      committers,
      clock: options.clock,
      randomId,
      events,
      merges,
      firstCheckpointId: (log.latest()?.checkpointId ?? 0) + 1,
      onCompleted: (manifest) => this.completed(manifest),
      onPublished: (manifest) => savepoints.published(manifest),
      onAbandoned: (pending, reason) => {
        if (pending.reason === 'savepoint') savepoints.abandoned(pending.id, reason)
      },
    })
    const end = (status: JobStatus): JobResult => ({
      status,
      counters: this.latest?.counters ?? {},
      checkpoints: checkpoints.completed,
      restoredFrom,
      failure: status === 'FAILED' ? this.firstFailure : undefined,
    })
    try {
      if (!(await this.prepare(log, committers, checkpoint))) return end('FAILED')
      if (checkpoint?.final === true) return end('FINISHED')
      this.parts = { checkpoints, savepoints }
      const run = { runId, epoch: record.epoch, startedAtMs: runStartedAtMs }
      const status = await this.attempts(checkpoints, committers, run)
      if (status === 'FINISHED') await committers.recover(false, this.latest)
      return end(status)
    } finally {
      this.phase = 'ended'
      this.parts = undefined
      this.endRescales(over(jobId))
      await savepoints.end(over(jobId))
      merges.close()
      await committers.close()
    }
  }

  /** First publish what the manifest names, then clear away what it does not. */
  private async prepare(
    log: ManifestLog,
    committers: SinkCommitters,
    from: CheckpointManifest | undefined,
  ): Promise<boolean> {
    try {
      if (from !== undefined) await committers.commit(committablesOf(from))
      if (from?.final === true && hasCommittables(from)) this.latest = await log.append(withoutCommittables(from))
      await committers.recover(from === undefined, from)
      return true
    } catch (error) {
      const atMs = this.options.clock.now()
      this.firstFailure = { error: serializeError(error, 'MILLRACE_OUTPUT'), atMs, ...uidOf(error) }
      return false
    }
  }

  private async closeAttempt(ending: Ending): Promise<void> {
    const { attempt } = this
    this.attempt = undefined
    await attempt?.close(ending)
  }

  private endingAfter(decision: RestartDecision): Ending {
    // The last checkpoint is in the log: nothing will be read any more, whatever is left to publish.
    if (this.latest?.final === true) return 'finished'
    if (decision.kind === 'fail') return 'failed'
    return this.suspending ? 'suspended' : 'restart'
  }

  private async attempts(checkpoints: Checkpoints, committers: SinkCommitters, run: Run): Promise<JobStatus> {
    for (let number = 1; ; number++) {
      if (this.canceling) return this.canceled(checkpoints, committers)
      if (this.suspending && number > 1) return 'SUSPENDED'
      const outcome = await this.nextOutcome(checkpoints, committers, run, number)
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
      const failure: JobFailure = {
        error: outcome.error,
        atMs: this.options.clock.now(),
        ...(outcome.uid !== undefined ? { uid: outcome.uid } : {}),
      }
      this.firstFailure ??= failure
      const decision = this.strategy.failed(failure)
      this.options.events.failed(failure, decision.kind === 'restart' ? decision.delayMs : undefined)
      await this.closeAttempt(this.endingAfter(decision))
      // Nothing is left to do: as a failed job, it would be submitted again and start afresh.
      if (this.latest?.final === true && checkpoints.allPublished) return 'FINISHED'
      if (decision.kind === 'fail') return 'FAILED'
      if (this.phase === 'running') this.phase = 'restarting'
      await this.delay(decision.delayMs)
    }
  }

  /** Its last checkpoint stands, published; what was written since then goes. */
  private async canceled(checkpoints: Checkpoints, committers: SinkCommitters): Promise<JobStatus> {
    try {
      await checkpoints.publishRest()
      await committers.recover(false, this.latest)
    } catch (error) {
      const uid = uidOf(error).uid ?? ''
      this.options.events.warn(uid, `could not be cleared away: ${serializeError(error).message}`)
    }
    return this.latest?.final === true ? 'FINISHED' : 'CANCELED'
  }

  private async nextOutcome(
    checkpoints: Checkpoints,
    committers: SinkCommitters,
    run: Run,
    number: number,
  ): Promise<AttemptOutcome> {
    try {
      if (number > 1) await this.refresh(committers)
    } catch (error) {
      return { kind: 'failed', error: serializeError(error, 'MILLRACE_USER') }
    }
    try {
      await checkpoints.publishRest()
    } catch (error) {
      return { kind: 'failed', error: serializeError(error, 'MILLRACE_OUTPUT'), ...uidOf(error) }
    }
    // The attempt before failed, but not before its last checkpoint was in the log.
    if (number > 1 && this.latest?.final === true) return { kind: 'finished' }
    this.planAgain()
    checkpoints.restartFrom(this.latest, this.current.plan)
    return this.runAttempt(checkpoints, run, number)
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
    if (plan.parallelism === this.parallelism) return
    this.current = { slotParams, plan: planJob(plan.graph, this.parallelism, plan.maxParallelism) }
  }

  private async runAttempt(checkpoints: Checkpoints, run: Run, number: number): Promise<AttemptOutcome> {
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
    this.attempt = new Attempt({
      plan,
      assignments,
      run: {
        jobId: options.jobId,
        runId: run.runId,
        runStartedAtMs: run.startedAtMs,
        parallelism: plan.parallelism,
        attempt: number,
        checkpointing: options.checkpointIntervalMs > 0,
      },
      host: options.hosts(plan.parallelism, memory),
      clock,
      checkpoints,
      checkpointIntervalMs: options.checkpointIntervalMs,
      checkpointTimeoutMs: options.checkpointTimeoutMs,
      alignmentTimeoutMs: options.alignmentTimeoutMs,
      restoredSources,
      counterBase: latest?.counters ?? {},
      events,
      running: () => this.nowRunning(plan.parallelism),
    })
    this.askFor(this.attempt)
    return this.attempt.run()
  }

  private completed(manifest: CheckpointManifest): void {
    this.latest = manifest
    this.firstFailure = undefined
    this.strategy.checkpointCompleted()
  }

  private endDelay: () => void = () => {}

  private async delay(ms: number): Promise<void> {
    if (this.suspending || this.canceling || this.stopping !== undefined) return
    await new Promise<void>((resolve) => {
      const cancel = this.options.clock.setTimeout(resolve, ms)
      this.endDelay = () => {
        cancel()
        resolve()
      }
    })
  }
}

function starting(jobId: string): MillraceError {
  return new MillraceError('MILLRACE_CONTROL', `job "${jobId}" is only starting`, { hint: 'try again in a moment' })
}

function over(jobId: string): MillraceError {
  return new MillraceError('MILLRACE_CONTROL', `job "${jobId}" has ended`, {
    hint: 'what it had reached is in its last checkpoint',
  })
}

/** Where a failure came from, if it says so. */
function uidOf(error: unknown): { uid?: string } {
  return error instanceof OperatorFailure ? { uid: error.uid } : {}
}

/** What the sources of a job read, as the manifest keeps it. */
export function sourceFingerprints(graph: JobGraph): Record<string, string> {
  return Object.fromEntries(graph.nodes.flatMap((n) => (n.kind === 'source' ? [[n.uid, n.source.describe]] : [])))
}

function pathOf(storage: CheckpointStorage, manifest: CheckpointManifest): string {
  return `${storage.describe()}/manifests/${String(manifest.position).padStart(12, '0')}.json`
}

function withoutSecrets(params: Readonly<Record<string, string>>, secret: ReadonlySet<string>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).filter(([name]) => !secret.has(name)))
}

/** The id is sortable, and unique enough to tell runs of one output folder apart. */
function newRun(nowMs: number, unique: string): EmptyRun {
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d+Z/g, '')
  return { runId: `${time}-${unique.slice(0, 8)}`, runStartedAtMs: nowMs }
}
