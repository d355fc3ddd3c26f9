import type { Faults } from './faults.js'
import type { Actor, Scheduler } from './scheduler.js'

/** What a thread waits for, apart from storage: it begins at once and is told as an event, as late as the seed says. */
export class SimIo {
  private readonly scheduler: Scheduler
  private readonly actor: Actor
  private readonly faults: Faults

  constructor(scheduler: Scheduler, actor: Actor, faults: Faults) {
    this.scheduler = scheduler
    this.actor = actor
    this.faults = faults
  }

  /** Real file requests of `act` are done before the event; what waits for virtual time is told once it is there. */
  run<T>(name: string, act: () => T | Promise<T>): Promise<T> {
    const begun = start(act)
    let settled = false
    const settle = (): void => {
      settled = true
    }
    begun.then(settle, settle)
    return new Promise<T>((resolve, reject) => {
      const tell = (): void => {
        begun.then(resolve, reject)
      }
      this.scheduler.schedule(this.actor, this.faults.ioMs(), name, () => {
        if (settled) return tell()
        const later = (): void => void this.scheduler.schedule(this.actor, this.faults.ioMs(), name, tell)
        begun.then(later, later)
      })
    })
  }

  /** Resolves after a seeded while. */
  pause(name: string): Promise<void> {
    return this.run(name, () => undefined)
  }
}

async function start<T>(act: () => T | Promise<T>): Promise<T> {
  return act()
}
