import { randomBytes } from 'node:crypto'
import type { ProcessIdentity } from '../checkpoint/manifest.js'
import type { JobEvents } from '../coordinator/events.js'
import type { JobCoordinator } from '../coordinator/job-coordinator.js'
import { ControlServer } from '../http/control-server.js'
import type { JobControl, JobView } from '../http/job-control.js'
import { JobWatch } from '../http/job-watch.js'
import { openStorage } from '../storage/open-storage.js'
import { placeBelow } from '../storage/place-below.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { mainClock } from './clock.js'
import { totalsOf } from './job-report.js'
import type { PreparedJob } from './prepare-job.js'
import type { Redactor } from './redactor.js'
import { announce } from './running-jobs.js'

/** How long a job that has ended waits for its last answers to be taken. */
const ANSWERS_WITHIN_MS = 2_000

/** What a running job is reached by, and what it says of itself. */
export interface ControlledOptions {
  readonly prepared: PreparedJob
  readonly redactor: Redactor
  readonly storage: CheckpointStorage
  readonly identity: ProcessIdentity
  readonly warn: (message: string) => void
}

/** The control of one job of this process: it can be reached from `open` to `close`. Nothing here can fail the job. Main thread. */
export class ControlledJob implements JobControl {
  private readonly options: ControlledOptions
  private readonly watch: JobWatch
  private readonly startedAtMs = mainClock.now()
  private coordinator!: JobCoordinator
  private server: ControlServer | undefined
  private takeBack: (() => void) | undefined
  /** It was asked to stop by `stop`, not by a signal. */
  stopped = false

  constructor(options: ControlledOptions) {
    this.options = options
    const { redactor } = options
    this.watch = new JobWatch(
      () => mainClock.now(),
      (error) => redactor.error(error),
    )
  }

  /** What the coordinator is to be given instead of `events`. */
  observe(events: JobEvents): JobEvents {
    return this.watch.observe(events)
  }

  /** Warns where no socket or file can be made: the job runs, and nothing reaches it but signals. */
  async open(coordinator: JobCoordinator): Promise<void> {
    this.coordinator = coordinator
    const { prepared, identity, warn } = this.options
    const token = randomBytes(32).toString('base64url')
    try {
      this.server = await ControlServer.open({ control: this, token })
      const { port } = this.server
      const { jobId, job } = prepared
      const { startedAtMs } = this
      this.takeBack = announce({ ...identity, jobId, name: job.name, startedAtMs, port, token }, process.cwd())
    } catch (error) {
      warn(`the job cannot be reached while it runs, by status, stop and the like: ${(error as Error).message}`)
      await this.server?.close(0)
      this.server = undefined
    }
  }

  /** The job is over: answers what was asked before. */
  async close(): Promise<void> {
    await this.server?.close(ANSWERS_WITHIN_MS)
  }

  /** After everything else: whoever waits for the job's end may submit it again. */
  forget(): void {
    this.takeBack?.()
  }

  status(): JobView {
    const { prepared, storage, identity } = this.options
    const { watch, startedAtMs } = this
    const { kept } = this.coordinator
    const { phase, parallelism, maxParallelism } = this.coordinator.state
    return {
      job: prepared.jobId,
      name: prepared.job.name,
      state: phase,
      pid: identity.pid,
      parallelism,
      maxParallelism,
      attempt: watch.attempt,
      startedAtMs,
      durationMs: mainClock.now() - startedAtMs,
      ...totalsOf(watch.counters, prepared.graph),
      watermark: Number.isFinite(watch.watermark) ? watch.watermark : null,
      checkpointDir: storage.describe(),
      restoredFrom: watch.restoredFrom ?? null,
      checkpoints: watch.completed.total,
      lastCheckpoint: watch.completed.recent.at(-1) ?? null,
      failures: kept.total,
      firstFailure: kept.first,
    }
  }

  checkpoints(): ReturnType<JobControl['checkpoints']> {
    const { completed, failed } = this.watch
    return {
      job: this.options.prepared.jobId,
      completed: completed.total,
      failed: failed.total,
      recent: completed.recent,
      recentFailed: failed.recent,
    }
  }

  exceptions(): ReturnType<JobControl['exceptions']> {
    return { job: this.options.prepared.jobId, ...this.coordinator.kept }
  }

  async savepoint(directory: string | undefined): ReturnType<JobControl['savepoint']> {
    return this.coordinator.savepoint(await this.placeFor(directory))
  }

  async stop(directory: string | undefined, drain: boolean): ReturnType<JobControl['stop']> {
    const place = await this.placeFor(directory)
    this.stopped = true
    return this.coordinator.stop(place, drain)
  }

  cancel(): void {
    this.coordinator.cancel()
  }

  rescale(parallelism: number): Promise<void> {
    return this.coordinator.rescale(parallelism)
  }

  /** A new place; one that can't be written is refused before anything is asked of the job. */
  private async placeFor(directory: string | undefined): Promise<CheckpointStorage> {
    const { storage, prepared } = this.options
    const time = new Date(mainClock.now()).toISOString().replace(/[-:]|\.\d+Z/g, '')
    const name = `savepoint-${prepared.jobId}-${time}-${randomBytes(4).toString('hex')}`
    const place = openStorage(placeBelow(directory ?? placeBelow(storage.url(), 'savepoints'), name))
    await place.check()
    return place
  }
}
