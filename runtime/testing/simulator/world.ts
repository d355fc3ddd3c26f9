/**
 * One seed: a job, the processes that run it one after the other (sometimes two at once), a user who submits it again whenever it ended
 * before its end, and whatever the seed does to them.
 */
import { ManifestLog } from '../../checkpoint/manifest-log.js'
import { decodeEntry } from '../../checkpoint/manifest-codec.js'
import { filesOf, type CheckpointManifest } from '../../checkpoint/manifest.js'
import type { SerializedError } from '../../contract/errors.js'
import type { JobDefinition } from '../../contract/graph.js'
import { Faults, type FaultCounts, type FaultProfile, type Strike } from './faults.js'
import { LogWatch } from './log-watch.js'
import { Outputs } from './outputs.js'
import { SimRandom } from './random.js'
import { Actor, Scheduler } from './scheduler.js'
import { ProcessTime } from './sim-clock.js'
import { SimDisk } from './sim-disk.js'
import type { SimIo } from './sim-io.js'
import { simJob } from './sim-job.js'
import { SimProcess, type ProcessEnd, type ProcessSettings, type ProcessWorld } from './sim-process.js'
import { SimStorage } from './sim-storage.js'
import { stateRows } from './state-rows.js'

const START_MS = 1_700_000_000_000
/** A job that does not end in so long without any fault is stuck. */
const CALM_LIMIT_MS = 20 * 60_000
const RETRY_MS = 2_000
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
  readonly recordsPerSplit: number | undefined
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
  private readonly violations: string[] = []
  private readonly user = new Actor('user')
  private readonly processes: SimProcess[] = []
  private readonly running = new Set<SimProcess>()
  private finished = false
  private failFunctions = 0
  private strikes: { readonly strike: Strike; countdown: number }[] = []

  constructor(options: WorldOptions) {
    this.options = options
    this.random = new SimRandom(options.seed)
    this.scheduler = new Scheduler(this.random.fork('order'), START_MS)
    this.scheduler.listener = options.trace
    this.faults = new Faults(options.profile, this.random.fork('faults'))
    const violate = (what: string): void => this.violate(what)
    this.outputs = new Outputs(violate)
    this.log = new LogWatch(this.disk, violate, options.checkWatermarks)
    this.outputs.isNamed = (id) => this.log.named.has(id)
    this.disk.watcher = this.log
  }

  async run(): Promise<WorldResult> {
    const { scheduler } = this
    this.planStrikes()
    this.submit()
    const calmFromMs = START_MS + this.options.faultsForMs
    scheduler.schedule(this.user, this.options.faultsForMs, 'faults end', () => {
      this.endFaults()
      // The user loses patience with what cannot come to an end.
      for (const process of this.running) if (process.settings.impatient) this.kill(process)
    })
    const limitMs = calmFromMs + CALM_LIMIT_MS
    await this.stepsWhile(() => !this.finished && scheduler.nowMs < limitMs)
    if (!this.finished && this.violations.length === 0) {
      const what = scheduler.nowMs >= limitMs ? 'virtual minutes without a fault' : 'steps'
      this.violate(`the job does not come to its end: stuck after ${CALM_LIMIT_MS / 60_000} ${what}`)
    }
    this.endFaults()
    // Those that lost the job wake up, notice and end.
    const untilMs = scheduler.nowMs + AFTERMATH_MS
    await this.stepsWhile(() => scheduler.nowMs < untilMs && [...this.running].some(({ main }) => main.alive))
    // What was asked of storage and is still to come comes before the last look.
    for (const { main } of this.processes) main.kill()
    this.user.kill()
    while (this.violations.length === 0 && (await scheduler.step()));
    return this.result()
  }

  private async stepsWhile(goOn: () => boolean): Promise<void> {
    const { scheduler, options } = this
    while (goOn() && this.violations.length === 0 && scheduler.steps < options.maxSteps) {
      if (!(await scheduler.step())) return
    }
  }

  private violate(what: string): void {
    this.scheduler.note(`VIOLATION ${what}`)
    this.violations.push(what)
  }

  // The user.

  private submit(host = this.random.pick(['alpha', 'beta'])): void {
    const time = new ProcessTime()
    const settings = this.options.settings(this.random, !this.faults.on)
    const process = new SimProcess(this.surroundings(), this.processes.length + 1, host, time, settings)
    this.processes.push(process)
    this.running.add(process)
    const { pid } = process.identity
    this.scheduler.note(`user submits p${pid} on ${host}: ${JSON.stringify(settings)}`)
    void process.run(({ status }) => this.reported(status)).then((end) => this.ended(process, end))
  }

  private reported(status: string): void {
    if (status !== 'FINISHED') return
    this.finished = true
    // Who has not even looked would start the job afresh, as any submit of a job that has finished.
    for (const process of this.running) if (!process.looked) this.kill(process)
  }

  private ended(process: SimProcess, end: ProcessEnd): void {
    this.running.delete(process)
    process.main.kill()
    if ('refused' in end) this.judge(end.refused, process)
    const how = 'refused' in end ? `refused: ${end.refused.message}` : end.result.status
    this.scheduler.note(`p${process.identity.pid} ended: ${how}`)
    this.submitAgainLater()
  }

  private submitAgainLater(): void {
    if (this.finished) return
    this.scheduler.schedule(this.user, this.random.between(1, RETRY_MS), 'user looks', () => {
      const busy = [...this.running].some(({ main }) => main.alive && main.runsFromMs() <= this.scheduler.nowMs)
      if (!this.finished && !busy) this.submit()
    })
  }

  /** What may go wrong while faults are injected, and nothing else. */
  private judge({ code, message }: SerializedError, by: SimProcess): void {
    // Who lost the job may find anything: what its successor did not need any more is gone.
    if (this.log.isSuperseded(by.identity.pid)) return
    const injected = message.includes('injected') || code === 'MILLRACE_FENCED' || code === 'MILLRACE_HELD'
    // Its last words were delayed for longer than they are waited for.
    const unheard = message.includes('ended before the job did') && 'message delayed' in this.faults.counted()
    if (!injected && !unheard) this.violate(`the job fails with ${code}: ${message}`)
  }

  private surroundings(): ProcessWorld {
    const { scheduler, disk, faults, random, options } = this
    return {
      scheduler,
      disk,
      faults,
      random,
      params: options.params,
      jobFor: (actor, io) => this.jobFor(actor, io),
      isAlive: (pid) => this.running.has(this.processes[pid - 1]!) && this.processes[pid - 1]!.main.alive,
      failed: (error, by) => this.judge(error, by),
      started: (process, from) => this.log.started(process, from),
      completed: (process, checkpointId) => this.log.completed(process, checkpointId),
      warned: (message, by) => this.warned(message, by),
    }
  }

  private warned(message: string, by: SimProcess): void {
    if (this.log.isSuperseded(by.identity.pid)) return
    if (message.includes('merging segments failed') && !message.includes('injected')) this.violate(message)
  }

  private jobFor(actor: Actor, io: SimIo): JobDefinition {
    const { outputs, faults, options } = this
    return simJob(options.job, {
      outputs,
      io,
      faults,
      random: this.random.fork(`polls ${actor.name}`),
      mostPerPoll: options.mostPerPoll,
      recordsPerSplit: options.recordsPerSplit,
      functionMayFail: () => {
        if (this.failFunctions > 0 && --this.failFunctions === 0) throw this.faults.injected('function fails')
      },
      violate: (what) => this.violate(what),
      checkWatermarks: options.checkWatermarks,
    })
  }

  // The faults.

  private planStrikes(): void {
    const { scheduler, options } = this
    for (const strike of options.profile.strikes) {
      if ('afterMs' in strike.when) {
        scheduler.schedule(this.user, strike.when.afterMs, `strike ${strike.kind}`, () => this.strike(strike))
      } else this.strikes.push({ strike, countdown: strike.when.countdown })
    }
    if (this.strikes.length === 0) return
    scheduler.watcher = {
      before: (name) => this.look(name, true),
      after: (name) => this.look(name, false),
    }
  }

  private look(name: string, before: boolean): void {
    for (const one of this.strikes) {
      const { when } = one.strike
      if ('afterMs' in when || when.before !== before || !name.startsWith(when.event)) continue
      if (--one.countdown > 0) continue
      this.strikes = this.strikes.filter((other) => other !== one)
      this.strike(one.strike)
    }
  }

  private endFaults(): void {
    this.faults.on = false
    this.strikes = []
    this.failFunctions = 0
  }

  private strike({ kind }: Strike): void {
    const { faults, scheduler } = this
    if (!faults.on || this.finished) return
    const process = [...this.running].filter(({ main }) => main.alive && main.runsFromMs() <= scheduler.nowMs).at(-1)
    if (process === undefined) return
    if (kind !== 'slot crash' && kind !== 'function fails') faults.count(kind)
    scheduler.note(`strike: ${kind} of p${process.identity.pid}`)
    switch (kind) {
      case 'kill process':
        return this.kill(process)
      case 'pause process, another takes over':
        return this.replace(process)
      case 'slot crash': {
        const slots = process.runningSlots?.living() ?? []
        if (slots.length > 0) process.runningSlots!.crash(this.random.pick(slots))
        return
      }
      case 'slot pause': {
        const slots = process.runningSlots?.living() ?? []
        const untilMs = scheduler.nowMs + this.random.between(10, 20_000)
        if (slots.length > 0) process.runningSlots!.pause(this.random.pick(slots), untilMs)
        return
      }
      case 'clock jump':
        process.time.skewMs += this.random.between(-30_000, 30_000)
        return
      case 'suspend':
        return process.suspend()
      case 'function fails':
        this.failFunctions = this.random.between(1, 200)
    }
  }

  private kill(process: SimProcess): void {
    process.main.kill()
    this.running.delete(process)
    this.submitAgainLater()
  }

  /** The old process stands still, another one on another host takes the job over, and the old one wakes up again. */
  private replace(process: SimProcess): void {
    const { scheduler } = this
    const pauseMs = this.random.between(5_000, 60_000)
    process.main.pauseUntil(scheduler.nowMs + pauseMs)
    scheduler.schedule(this.user, this.random.between(1, RETRY_MS), 'user submits elsewhere', () => {
      if (!this.finished) this.submit(process.identity.host === 'alpha' ? 'beta' : 'alpha')
    })
  }

  // The end.

  private async result(): Promise<WorldResult> {
    const { scheduler } = this
    let counters: CheckpointManifest['counters'] = {}
    let state: ReadonlyMap<string, readonly string[]> = new Map()
    if (this.violations.length === 0) {
      const last = await this.calmly((storage) => this.sweep(storage))
      counters = last?.counters ?? {}
      if (last !== undefined) state = await this.calmly((storage) => stateRows(storage, last))
      this.findLeaks()
    }
    return {
      violations: this.violations,
      output: this.outputs.records(),
      records: [...this.outputs.records().values()].reduce((sum, records) => sum + records.length, 0),
      counters,
      state,
      faults: this.faults.counted(),
      steps: scheduler.steps,
      virtualMs: scheduler.nowMs - START_MS,
      processes: this.processes.length,
      checkpoints: this.log.checkpoints,
      traceHash: scheduler.traceHash,
      lastEvents: scheduler.lastEvents(),
    }
  }

  /** Clears away as the next run of the job would. The last checkpoint of the finished one. */
  private async sweep(storage: SimStorage): Promise<CheckpointManifest | undefined> {
    const log = await ManifestLog.open(storage, { jobId: 'simulated', retained: 1 })
    const last = log.latest()
    if (last === undefined) return undefined
    const holder = { host: 'sweeper', bootId: null, pid: 0, startTicks: null }
    await log.takeover({
      nonce: 'sweep',
      runId: last.runId,
      holder,
      createdAtMs: Math.floor(this.scheduler.nowMs),
      choose: (latest) => latest,
    })
    const { format: _format, kind: _kind, position: _position, epoch: _epoch, jobId: _jobId, ...draft } = last
    await log.append({ ...draft, nonce: 'swept' })
    const { problems } = await log.retire()
    for (const problem of problems) this.violate(`clearing away fails: ${problem.message}`)
    return last
  }

  /** Storage holds exactly what the last manifest names. */
  private findLeaks(): void {
    const named = new Set<string>()
    for (const [path, bytes] of this.disk.files) {
      if (!path.startsWith('manifests/')) continue
      const entry = decodeEntry(bytes, path)
      if (entry.kind === 'epoch') continue
      for (const { path: file } of filesOf(entry)) named.add(file)
    }
    for (const path of this.disk.files.keys()) {
      if (path.startsWith('segments/') && !named.has(path)) this.violate(`leaked: no manifest refers to ${path}`)
    }
    for (const path of named) if (!this.disk.files.has(path)) this.violate(`missing: ${path} of the last manifest`)
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
