import type { Faults, Strike, StrikeKind } from './faults.js'
import type { SimRandom } from './random.js'
import type { Scheduler } from './scheduler.js'
import type { SimDisk } from './sim-disk.js'
import type { SimProcess } from './sim-process.js'
import type { User, Wish } from './user.js'

const WISH = 'user: '
/** When they come to happen. */
const COUNTED_ELSEWHERE: readonly StrikeKind[] = ['slot crash', 'function fails', 'bit flipped in a file', 'file torn']

/** What strikes hit. */
export interface StrikeTargets {
  readonly scheduler: Scheduler
  readonly disk: SimDisk
  readonly faults: Faults
  readonly random: SimRandom
  readonly user: User
}

/** What the seed does to the job at moments of its own: at a time, or right before or after the n-th event of some name. */
export class Strikes {
  private readonly targets: StrikeTargets
  private waiting: { readonly strike: Strike; countdown: number }[] = []
  private functionCalls = 0

  constructor(targets: StrikeTargets) {
    this.targets = targets
  }

  plan(strikes: readonly Strike[]): void {
    const { scheduler, user } = this.targets
    for (const strike of strikes) {
      if ('afterMs' in strike.when) {
        scheduler.schedule(user.actor, strike.when.afterMs, `strike ${strike.kind}`, () => this.strike(strike))
      } else this.waiting.push({ strike, countdown: strike.when.countdown })
    }
    if (this.waiting.length === 0) return
    scheduler.watcher = {
      before: (name) => this.look(name, true),
      after: (name) => this.look(name, false),
    }
  }

  end(): void {
    this.waiting = []
    this.functionCalls = 0
  }

  /** Called for each record that an operator takes. */
  functionMayFail(): void {
    if (this.functionCalls === 0 || --this.functionCalls > 0) return
    // Not the record's fault: an operator that drops what its function fails on must not drop this.
    throw this.targets.faults.injected('function fails', 'MILLRACE_STORAGE')
  }

  private look(name: string, before: boolean): void {
    for (const one of this.waiting) {
      const { when } = one.strike
      if ('afterMs' in when || when.before !== before || !name.startsWith(when.event)) continue
      if (--one.countdown > 0) continue
      this.waiting = this.waiting.filter((other) => other !== one)
      this.strike(one.strike)
    }
  }

  private strike({ kind }: Strike): void {
    const { faults, scheduler, random, user } = this.targets
    if (!faults.on || user.finished) return
    const process = [...user.running].filter(({ main }) => main.alive && main.runsFromMs() <= scheduler.nowMs).at(-1)
    if (process === undefined) return
    scheduler.note(`strike: ${kind} of p${process.identity.pid}`)
    if (!COUNTED_ELSEWHERE.includes(kind)) faults.count(kind)
    switch (kind) {
      case 'kill process':
        return user.kill(process)
      case 'pause process, another takes over':
        return user.replace(process)
      case 'slot crash':
        return this.atSlot(process, (slot) => process.runningSlots!.crash(slot))
      case 'slot pause':
        return this.atSlot(process, (slot) =>
          process.runningSlots!.pause(slot, scheduler.nowMs + random.between(10, 20_000)),
        )
      case 'clock jump':
        process.time.skewMs += random.between(-30_000, 30_000)
        return
      case 'function fails':
        this.functionCalls = random.between(1, 200)
        return
      case 'disk full for a while':
        return faults.fillDisk(scheduler.nowMs + random.between(10, 20_000))
      case 'storage away for a while':
        return faults.takeStorageAway(scheduler.nowMs + random.between(10, 20_000))
      case 'bit flipped in a file':
      case 'file torn':
        this.damage(kind)
        // Only who starts again reads it.
        if (random.chance(0.5)) user.kill(process)
        return
      case 'user: suspend':
      case 'user: savepoint':
      case 'user: stop':
      case 'user: stop with drain':
      case 'user: cancel':
      case 'user: rescale':
        user.ask(kind.slice(WISH.length) as Wish, process)
    }
  }

  private atSlot(process: SimProcess, act: (slot: number) => void): void {
    const slots = process.runningSlots?.living() ?? []
    if (slots.length > 0) act(this.targets.random.pick(slots))
  }

  /** Of a file that is there, mostly a new one: nobody is told. */
  private damage(kind: 'bit flipped in a file' | 'file torn'): void {
    const { disk, faults, random } = this.targets
    const paths = [...disk.files.keys()].filter((path) => /^(manifests|segments|savepoints)\//.test(path))
    if (paths.length === 0) return
    const newest = paths.slice(-8)
    const path = random.chance(0.8) ? random.pick(newest) : random.pick(paths)
    const bytes = disk.get(path)!
    if (bytes.length === 0) return
    faults.count(kind)
    if (kind === 'file torn') return disk.damage(path, bytes.subarray(0, random.between(0, bytes.length - 1)))
    const at = random.between(0, bytes.length - 1)
    bytes[at] = bytes[at]! ^ (1 << random.between(0, 7))
    disk.damage(path, bytes)
  }
}
