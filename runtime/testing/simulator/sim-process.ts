import { Holder } from '../../checkpoint/holder.js'
import type { ProcessIdentity } from '../../checkpoint/manifest.js'
import type { ProcessFacts } from '../../checkpoint/process-facts.js'
import { mergeSegmentFiles } from '../../checkpoint/merge-segment-files.js'
import { confirmRestore, findRestore } from '../../cli/find-restore.js'
import { serializeError, type SerializedError } from '../../contract/errors.js'
import type { JobDefinition } from '../../contract/graph.js'
import type { MergeRunner } from '../../coordinator/background-merges.js'
import type { JobEvents } from '../../coordinator/events.js'
import { DEFAULT_EXPONENTIAL } from '../../coordinator/exponential-restarts.js'
import { JobCoordinator } from '../../coordinator/job-coordinator.js'
import type { JobResult } from '../../coordinator/job-options.js'
import { planJob } from '../../plan/plan.js'
import type { Faults } from './faults.js'
import { Actor, type Scheduler } from './scheduler.js'
import type { SimRandom } from './random.js'
import { ProcessTime, simClock } from './sim-clock.js'
import type { SimDisk } from './sim-disk.js'
import { SimIo } from './sim-io.js'
import { SimSlots } from './sim-slots.js'
import { SimStorage } from './sim-storage.js'

/** How one process runs the job. */
export interface ProcessSettings {
  readonly parallelism: number
  readonly maxParallelism: number
  readonly checkpointIntervalMs: number
  readonly checkpointTimeoutMs: number
  /** Infinity: barriers never overtake records. */
  readonly alignmentTimeoutMs: number
  /** So small a time-out that no checkpoint may ever complete. */
  readonly impatient: boolean
  readonly minPauseMs: number
  readonly maxConcurrentCheckpoints: number
  readonly toleratedFailures: number
  readonly ringBytes: number
  readonly cacheBytes: number
  readonly restartAttempts: number
}

/** What a process is part of. */
export interface ProcessWorld {
  readonly scheduler: Scheduler
  readonly disk: SimDisk
  readonly faults: Faults
  readonly random: SimRandom
  readonly params: Readonly<Record<string, string>>
  /** The job as a thread sees it. */
  readonly jobFor: (actor: Actor, io: SimIo) => JobDefinition
  readonly isAlive: (pid: number) => boolean
  /** What an attempt failed with. */
  readonly failed: (error: SerializedError, by: SimProcess) => void
  readonly warned: (message: string, by: SimProcess) => void
  readonly started: (process: string, from: string | undefined) => void
  readonly completed: (process: string, checkpointId: number) => void
}

/** How a process ended: with a result, or refused. */
export type ProcessEnd = { readonly result: JobResult } | { readonly refused: SerializedError }

const JOB_ID = 'simulated'

/** How a storage of the simulated disk is called, and the folder of it: the job's own is `sim:`. */
const PLACE = 'sim:/'

/** One process that runs the job: what `runtime submit` does, with simulated surroundings. */
export class SimProcess {
  readonly identity: ProcessIdentity
  readonly main: Actor
  readonly time: ProcessTime = new ProcessTime()
  readonly settings: ProcessSettings
  private readonly world: ProcessWorld
  private readonly random: SimRandom
  /** What `--restore` says. */
  readonly restore: string
  private coordinator: JobCoordinator | undefined
  private slots: SimSlots | undefined
  private attempts = 0
  /** It has seen what to go on from. */
  looked = false

  constructor(world: ProcessWorld, pid: number, host: string, settings: ProcessSettings, restore: string) {
    this.world = world
    this.identity = { host, bootId: 'boot', pid, startTicks: pid }
    this.main = new Actor(`p${pid}`)
    this.settings = settings
    this.restore = restore
    this.random = world.random.fork(`process ${pid}`)
  }

  /** The slots of the attempt that runs. */
  get runningSlots(): SimSlots | undefined {
    return this.slots
  }

  /** The job as the user reaches it, once it is there. */
  get job(): JobCoordinator | undefined {
    return this.coordinator
  }

  /** A folder of the disk, as the process's main thread sees it. */
  storage(folder = ''): SimStorage {
    const { scheduler, disk, faults } = this.world
    return new SimStorage(disk, scheduler, this.main, faults, folder)
  }

  async run(reported: (result: JobResult) => void): Promise<ProcessEnd> {
    try {
      return { result: await this.runHeld(reported) }
    } catch (error) {
      return { refused: serializeError(error) }
    }
  }

  private async runHeld(reported: (result: JobResult) => void): Promise<JobResult> {
    const { world, identity, main, random } = this
    const clock = simClock(world.scheduler, main, this.time)
    const storage = this.storage()
    const processes: ProcessFacts = {
      self: () => identity,
      stateOf: (pid) => ({ alive: world.isAlive(pid), startTicks: pid }),
    }
    const holder = await Holder.acquire({ storage, jobId: JOB_ID, nonce: random.id(), clock, processes })
    holder.startHeartbeat({ lost: () => this.coordinator?.suspend(), trouble: () => {} })
    let heard = false
    try {
      const result = await this.runJob(storage, holder.predecessors)
      reported(result)
      heard = result.status !== 'FAILED'
      return result
    } finally {
      await holder.release(heard).catch(() => undefined)
    }
  }

  private async runJob(storage: SimStorage, predecessors: readonly ProcessIdentity[]): Promise<JobResult> {
    const { world, identity, main, random, settings } = this
    const { scheduler, faults, params } = world
    const io = new SimIo(scheduler, main, faults)
    const clock = simClock(scheduler, main, this.time)
    const job = world.jobFor(main, io)
    const graph = job.build(params)
    const target = { jobName: job.name, graph, maxParallelism: undefined, allowNonRestoredState: false }
    const place = {
      storage,
      jobId: JOB_ID,
      identity,
      predecessors,
      restore: this.restore,
      allowDuplicateOutput: false,
      claim: false,
      outside: {
        open: (url: string) => this.storage(url.slice(PLACE.length)),
        clock,
        randomId: () => random.id(),
      },
    }
    const found = await findRestore(target, place)
    this.looked = true
    const maxParallelism = found.checkpoint?.maxParallelism ?? settings.maxParallelism
    const parallelism = Math.min(settings.parallelism, maxParallelism)
    this.coordinator = new JobCoordinator({
      jobId: JOB_ID,
      jobName: job.name,
      graph,
      params,
      storage,
      identity,
      clock,
      randomId: () => random.id(),
      events: this.events(),
      plan: planJob(graph, parallelism, maxParallelism),
      memory: () => ({
        slot: { ringBytes: settings.ringBytes, cacheBytes: settings.cacheBytes, levelDbBytes: 0 },
        youngGenerationMb: 0,
        oldGenerationMb: 0,
      }),
      hosts: (slots) => {
        this.slots = new SimSlots(
          { main, scheduler, disk: world.disk, faults, time: this.time, jobFor: world.jobFor },
          `p${identity.pid}a${++this.attempts}`,
          slots,
        )
        return this.slots
      },
      spillDirectory: 'sim:',
      merge: this.merges(),
      checkpointing: {
        intervalMs: settings.checkpointIntervalMs,
        timeoutMs: settings.checkpointTimeoutMs,
        alignmentTimeoutMs: settings.alignmentTimeoutMs,
        minPauseMs: settings.minPauseMs,
        maxConcurrent: settings.maxConcurrentCheckpoints,
        toleratedFailures: settings.toleratedFailures,
      },
      restart: { kind: 'exponential', ...DEFAULT_EXPONENTIAL, attempts: settings.restartAttempts },
      random: () => random.next(),
      choose: (latest) => confirmRestore(found, JOB_ID, latest),
    })
    return this.coordinator.run()
  }

  /** Merges run on a thread of their own. */
  private merges(): MergeRunner {
    const { world, main } = this
    const { scheduler, disk, faults } = world
    const actor = new Actor(`${main.name}m`, main)
    const io = new SimIo(scheduler, actor, faults)
    const storage = new SimStorage(disk, scheduler, actor, faults)
    return async (job) => {
      await io.run('merge', () => faults.mergeMayFail())
      return mergeSegmentFiles(storage, job.refs, job.target)
    }
  }

  private events(): JobEvents {
    const { world, main } = this
    return {
      print: () => {},
      warn: (uid, message) => world.warned(`${uid}: ${message}`, this),
      started: ({ from }) => world.started(main.name, from),
      progress: () => {},
      checkpoint: ({ checkpointId }) => world.completed(main.name, checkpointId),
      checkpointFailed: () => world.faults.count('checkpoint given up'),
      failed: ({ error }) => world.failed(error, this),
    }
  }
}
