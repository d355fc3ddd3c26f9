/**
 * One seed: a job, the processes that run it one after the other (sometimes two at once), a user who submits it again whenever it ended
 * before its end, and whatever the seed does to them.
 */
import type { CheckpointManifest } from '../../checkpoint/manifest.js'
import type { JobDefinition } from '../../contract/graph.js'
import { readUntil, type SplitLimits } from './counted-source.js'
import { Faults, type FaultCounts, type FaultProfile } from './faults.js'
import { Judge } from './judge.js'
import { findLeaks, sweep } from './last-look.js'
import { LogWatch } from './log-watch.js'
import { Outputs } from './outputs.js'
import { SimRandom } from './random.js'
import { Actor, Scheduler } from './scheduler.js'
import { SimDisk } from './sim-disk.js'
import type { SimIo } from './sim-io.js'
import { simJob } from './sim-job.js'
import type { ProcessSettings, ProcessWorld } from './sim-process.js'
import { SimStorage } from './sim-storage.js'
import { stateRows } from './state-rows.js'
import { Strikes } from './strikes.js'
import { User } from './user.js'

const START_MS = 1_700_000_000_000
/** A job that does not end in so long without any fault is stuck. */
const CALM_LIMIT_MS = 20 * 60_000
/** How long processes that lost the job may go on after its end. */
const AFTERMATH_MS = 120_000

/** What is run, and how. */
export interface WorldOptions {
  readonly job: JobDefinition
  readonly params: Readonly<Record<string, string>>
  readonly seed: string
  readonly profile: FaultProfile
  /** Faults stop after so long, so that the job comes to its end. */
  readonly faultsForMs: number
  readonly limitOf: SplitLimits
  readonly mostPerPoll: number
  readonly maxSteps: number
  readonly checkWatermarks: boolean
  /** Gets each event, as a line of text. */
  readonly trace?: ((line: string) => void) | undefined
  /** Draws how a process runs the job. `calm`: it must come to an end. */
  readonly settings: (random: SimRandom, calm: boolean) => ProcessSettings
}

/** What became of it. */
export interface WorldResult {
  /** What must not happen and did. */
  readonly violations: readonly string[]
  readonly output: ReadonlyMap<string, readonly string[]>
  /** Records in the output. */
  readonly records: number
  readonly counters: CheckpointManifest['counters']
  /** By operator uid: the rows of its keyed state at the end, as text, sorted. */
  readonly state: ReadonlyMap<string, readonly string[]>
  /** How far each split was read by a job that was stopped with drain; undefined: nobody stopped it so. */
  readonly drainedAt: SplitLimits | undefined
  readonly faults: FaultCounts
  readonly steps: number
  readonly virtualMs: number
  readonly processes: number
  readonly checkpoints: number
  readonly traceHash: string
  readonly lastEvents: readonly string[]
}

/** Runs one seed to its end. The same options give the same result, event by event. */
export function runWorld(options: WorldOptions): Promise<WorldResult> {
  return new World(options).run()
}

class World {
  private readonly options: WorldOptions
  private readonly random: SimRandom
  private readonly scheduler: Scheduler
  private readonly faults: Faults
  private readonly disk = new SimDisk()
  private readonly outputs: Outputs
  private readonly log: LogWatch
  private readonly judge: Judge
  private readonly user: User
  private readonly strikes: Strikes
  private readonly violations: string[] = []

  constructor(options: WorldOptions) {
    this.options = options
    const random = (this.random = new SimRandom(options.seed))
    const scheduler = (this.scheduler = new Scheduler(random.fork('order'), START_MS))
    scheduler.listener = options.trace
    const faults = (this.faults = new Faults(options.profile, random.fork('faults')))
    const violate = (what: string): void => this.violate(what)
    this.outputs = new Outputs(violate)
    const { disk } = this
    const log = (this.log = new LogWatch(disk, violate, options.checkWatermarks))
    this.outputs.isNamed = (id) => log.named.has(id)
    disk.watcher = log
    const judge = (this.judge = new Judge(faults, disk, log, violate))
    const { settings } = options
    const common = { scheduler, disk, faults, random }
    this.user = new User({ ...common, judge, log, violate, settings, process: this.surroundings() })
    this.strikes = new Strikes({ ...common, user: this.user })
  }

  async run(): Promise<WorldResult> {
    const { scheduler, user } = this
    this.strikes.plan(this.options.profile.strikes)
    user.submit()
    const calmFromMs = START_MS + this.options.faultsForMs
    scheduler.schedule(user.actor, this.options.faultsForMs, 'faults end', () => {
      this.endFaults()
      // The user loses patience with what cannot come to an end.
      for (const process of user.running) if (process.settings.impatient) user.kill(process)
    })
    const limitMs = calmFromMs + CALM_LIMIT_MS
    await this.stepsWhile(() => !user.finished && scheduler.nowMs < limitMs)
    if (!user.finished && this.violations.length === 0) this.stuck(limitMs)
    this.endFaults()
    // Those that lost the job wake up, notice and end.
    const untilMs = scheduler.nowMs + AFTERMATH_MS
    await this.stepsWhile(() => scheduler.nowMs < untilMs && [...user.running].some(({ main }) => main.alive))
    // What was asked of storage and is still to come comes before the last look.
    for (const { main } of user.processes) main.kill()
    user.actor.kill()
    while (this.violations.length === 0 && (await scheduler.step()));
    return this.result()
  }

  private async stepsWhile(goOn: () => boolean): Promise<void> {
    const { scheduler, options } = this
    while (goOn() && this.violations.length === 0 && scheduler.steps < options.maxSteps) {
      if (!(await scheduler.step())) return
    }
  }

  private stuck(limitMs: number): void {
    const { scheduler, options } = this
    if (scheduler.nowMs >= limitMs) {
      this.violate(`the job does not come to its end in ${CALM_LIMIT_MS / 60_000} virtual minutes without a fault`)
    } else if (scheduler.steps >= options.maxSteps) {
      this.violate(`the job does not come to its end in ${options.maxSteps} events`)
    } else this.violate('deadlock: nothing will ever happen again, and the job has not come to its end')
  }

  private violate(what: string): void {
    this.scheduler.note(`VIOLATION ${what}`)
    this.violations.push(what)
  }

  private endFaults(): void {
    this.faults.on = false
    this.strikes.end()
    this.disk.heal()
  }

  private surroundings(): ProcessWorld {
    const { scheduler, disk, faults, random, options, log, judge } = this
    return {
      scheduler,
      disk,
      faults,
      random,
      params: options.params,
      jobFor: (actor, io) => this.jobFor(actor, io),
      isAlive: (pid) => {
        const process = this.user.processes[pid - 1]!
        return this.user.running.has(process) && process.main.alive
      },
      failed: (error, by) => judge.failed(error, by.identity.pid),
      started: (process, from) => log.started(process, from),
      completed: (process, checkpointId) => log.completed(process, checkpointId),
      warned: (message, by) => judge.warned(message, by.identity.pid),
    }
  }

  private jobFor(actor: Actor, io: SimIo): JobDefinition {
    const { outputs, faults, options } = this
    return simJob(options.job, {
      outputs,
      io,
      faults,
      random: this.random.fork(`polls ${actor.name}`),
      mostPerPoll: options.mostPerPoll,
      limitOf: options.limitOf,
      functionMayFail: () => this.strikes.functionMayFail(),
      violate: (what) => this.violate(what),
    })
  }

  private async result(): Promise<WorldResult> {
    const { scheduler, user } = this
    let state: ReadonlyMap<string, readonly string[]> = new Map()
    let last: CheckpointManifest | undefined
    if (this.violations.length === 0) {
      const nowMs = Math.floor(scheduler.nowMs)
      const manifest = await this.calmly((storage) => sweep(storage, nowMs, (what) => this.violate(what)))
      last = manifest
      if (manifest !== undefined) state = await this.calmly((storage) => stateRows(storage, manifest))
      findLeaks(this.disk, user.savepoints, (what) => this.violate(what))
    }
    const output = this.outputs.records()
    return {
      violations: this.violations,
      output,
      records: [...output.values()].reduce((sum, records) => sum + records.length, 0),
      counters: last?.counters ?? {},
      state,
      drainedAt: user.drained && last !== undefined ? readUntil(last) : undefined,
      faults: this.faults.counted(),
      steps: scheduler.steps,
      virtualMs: scheduler.nowMs - START_MS,
      processes: user.processes.length,
      checkpoints: this.log.checkpoints,
      traceHash: scheduler.traceHash,
      lastEvents: scheduler.lastEvents(),
    }
  }

  /** Runs something by itself, with storage as it should be. */
  private async calmly<T>(act: (storage: SimStorage) => Promise<T>): Promise<T> {
    const storage = new SimStorage(this.disk, this.scheduler, new Actor('sweeper'), this.faults)
    let done = false
    const end = (): void => {
      done = true
    }
    const result = act(storage)
    result.then(end, end)
    while (!done && (await this.scheduler.step()));
    return result
  }
}
