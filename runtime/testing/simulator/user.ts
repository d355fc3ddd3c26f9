import { serializeError, type SerializedError } from '../../contract/errors.js'
import { decodeEntry } from '../../checkpoint/manifest-codec.js'
import type { SavepointInfo } from '../../coordinator/savepoints.js'
import type { Faults } from './faults.js'
import type { Judge } from './judge.js'
import type { LogWatch } from './log-watch.js'
import type { SimRandom } from './random.js'
import { Actor, type Scheduler } from './scheduler.js'
import type { SimDisk } from './sim-disk.js'
import { SimProcess, type ProcessEnd, type ProcessSettings, type ProcessWorld } from './sim-process.js'

const RETRY_MS = 2_000
const MOST_SLOTS = 6

/** What a user can ask of a running job. */
export type Wish = 'suspend' | 'savepoint' | 'stop' | 'stop with drain' | 'cancel' | 'rescale'

/** What the user lives in. */
export interface UserWorld {
  readonly scheduler: Scheduler
  readonly disk: SimDisk
  readonly faults: Faults
  readonly random: SimRandom
  readonly judge: Judge
  readonly log: LogWatch
  readonly violate: (what: string) => void
  readonly process: ProcessWorld
  readonly settings: (random: SimRandom, calm: boolean) => ProcessSettings
}

/**
 * Who submits the job, and again whenever it ended before its end: from its newest checkpoint, a savepoint or an older one. Asks for
 * savepoints, stops, cancels and rescales, kills processes, and puts damaged files back once somebody complains of them.
 */
export class User {
  readonly actor: Actor = new Actor('user')
  readonly processes: SimProcess[] = []
  /** Those that have not ended. */
  readonly running: Set<SimProcess> = new Set()
  /** Folders of the savepoints that were completed. */
  readonly savepoints: string[] = []
  finished = false
  /** Somebody stopped the job before it had read everything. */
  drained = false
  private readonly world: UserWorld
  private folders = 0

  constructor(world: UserWorld) {
    this.world = world
  }

  submit(host: string = this.world.random.pick(['alpha', 'beta']), restore = 'latest'): void {
    const { world } = this
    const settings = world.settings(world.random, !world.faults.on)
    const process = new SimProcess(world.process, this.processes.length + 1, host, settings, restore)
    this.processes.push(process)
    this.running.add(process)
    const { pid } = process.identity
    world.scheduler.note(`user submits p${pid} on ${host}, restore ${restore}: ${JSON.stringify(settings)}`)
    void process.run(({ status }) => this.reported(status)).then((end) => this.ended(process, end))
  }

  kill(process: SimProcess): void {
    process.main.kill()
    this.running.delete(process)
    this.submitAgainLater()
  }

  /** The process stands still, another one on another host takes the job over, and the old one wakes up again. */
  replace(process: SimProcess): void {
    const { scheduler, random } = this.world
    process.main.pauseUntil(scheduler.nowMs + random.between(5_000, 60_000))
    scheduler.schedule(this.actor, random.between(1, RETRY_MS), 'user submits elsewhere', () => {
      if (!this.finished) this.submit(process.identity.host === 'alpha' ? 'beta' : 'alpha')
    })
  }

  ask(wish: Wish, process: SimProcess): void {
    const { job } = process
    if (job === undefined) return
    switch (wish) {
      case 'suspend':
        return job.suspend()
      case 'cancel':
        return this.tell(wish, process, async () => job.cancel())
      case 'rescale': {
        const parallelism = this.world.random.between(1, Math.min(MOST_SLOTS, job.state.maxParallelism))
        return this.tell(wish, process, async () => {
          await job.rescale(parallelism)
          const now = job.state.parallelism
          if (now !== parallelism) this.world.violate(`rescaled to ${parallelism}, but it is ${now}`)
        })
      }
      case 'savepoint':
        return this.savepoint(wish, process, (into) => job.savepoint(process.storage(into)))
      case 'stop':
        return this.savepoint(wish, process, (into) => job.stop(process.storage(into), false))
      case 'stop with drain':
        this.drained = true
        return this.savepoint(wish, process, (into) => job.stop(process.storage(into), true))
    }
  }

  private savepoint(wish: Wish, process: SimProcess, take: (folder: string) => Promise<SavepointInfo>): void {
    const { log, violate } = this.world
    const folder = `savepoints/${++this.folders}`
    const before = log.lastCheckpointId
    this.tell(wish, process, async () => {
      const { checkpointId } = await take(folder)
      if (checkpointId <= before) violate(`the savepoint is checkpoint ${checkpointId}, ${before} was there before`)
      this.savepoints.push(folder)
    })
  }

  private tell(wish: Wish, process: SimProcess, act: () => Promise<void>): void {
    const { judge, faults, scheduler } = this.world
    const { pid } = process.identity
    act().then(
      () => {
        scheduler.note(`p${pid}: ${wish} done`)
        faults.count(`user: ${wish}, done`)
      },
      (error: unknown) => {
        const refusal = serializeError(error)
        scheduler.note(`p${pid}: ${wish} refused: ${refusal.message}`)
        judge.refused(wish, refusal, pid)
      },
    )
  }

  private reported(status: string): void {
    if (status !== 'FINISHED') return
    this.finished = true
    // Who has not even looked would start the job afresh, as any submit of a job that has finished.
    for (const process of this.running) if (!process.looked) this.kill(process)
  }

  private ended(process: SimProcess, end: ProcessEnd): void {
    const { scheduler, disk } = this.world
    this.running.delete(process)
    process.main.kill()
    if ('refused' in end) this.judge(end.refused, process)
    const how = 'refused' in end ? `refused: ${end.refused.message}` : end.result.status
    scheduler.note(`p${process.identity.pid} ended: ${how}`)
    disk.heal()
    this.submitAgainLater()
  }

  private judge(refused: SerializedError, { restore, identity }: SimProcess): void {
    const { judge } = this.world
    if (restore === 'latest') judge.failed(refused, identity.pid)
    else judge.notRestored(refused, identity.pid)
  }

  private submitAgainLater(): void {
    if (this.finished) return
    const { scheduler, random } = this.world
    scheduler.schedule(this.actor, random.between(1, RETRY_MS), 'user looks', () => {
      const busy = [...this.running].some(({ main }) => main.alive && main.runsFromMs() <= scheduler.nowMs)
      if (!this.finished && !busy) this.submit(undefined, this.chooseRestore())
    })
  }

  /** Mostly the newest checkpoint; sometimes a savepoint, or what is left of older checkpoints: refused if its output would come twice. */
  private chooseRestore(): string {
    const { random, faults, disk, log } = this.world
    if (!faults.on) return 'latest'
    if (this.savepoints.length > 0 && random.chance(0.5)) return this.named(`sim:/${random.pick(this.savepoints)}`)
    // What a damaged checkpoint refers to need not be there any more.
    if (disk.everDamaged || !random.chance(0.1)) return 'latest'
    const kept = disk.list('manifests/').filter(({ path }) => log.counts(path) && isCheckpoint(disk.get(path)!, path))
    return kept.length === 0 ? 'latest' : this.named(`sim:/${random.pick(kept).path}`)
  }

  private named(path: string): string {
    this.world.faults.count('user: restore of a named checkpoint')
    return path
  }
}

function isCheckpoint(bytes: Buffer, path: string): boolean {
  return decodeEntry(bytes, path).kind === 'checkpoint'
}
