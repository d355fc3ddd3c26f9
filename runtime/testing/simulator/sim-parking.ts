import type { Parker, Waker } from '../../exchange/parking.js'
import type { Delay } from './sim-line.js'
import type { Actor, Scheduler } from './scheduler.js'

interface Sleeper {
  readonly actor: Actor
  parked: boolean
  resume: (() => void) | undefined
}

/** The sleep of the slots of one attempt: parking without shared memory. */
export class SimParking implements Waker {
  private readonly scheduler: Scheduler
  private readonly delay: Delay
  private readonly sleepers: Sleeper[]

  constructor(scheduler: Scheduler, actors: readonly Actor[], delay: Delay) {
    this.scheduler = scheduler
    this.delay = delay
    this.sleepers = actors.map((actor) => ({ actor, parked: false, resume: undefined }))
  }

  wake(slot: number): void {
    const sleeper = this.sleepers[slot]!
    if (!sleeper.parked) return
    sleeper.parked = false
    const { resume } = sleeper
    sleeper.resume = undefined
    if (resume !== undefined) this.scheduler.schedule(sleeper.actor, this.delay(), 'wake', resume)
  }

  parker(slot: number): Parker {
    const sleeper = this.sleepers[slot]!
    return {
      prepare: () => {
        sleeper.parked = true
      },
      cancel: () => {
        sleeper.parked = false
      },
      park: async (timeoutMs) => {
        if (!sleeper.parked) return
        const cancel = this.scheduler.schedule(sleeper.actor, Math.min(timeoutMs, 2 ** 31), 'nap over', () =>
          this.wake(slot),
        )
        await new Promise<void>((resolve) => {
          sleeper.resume = resolve
        })
        cancel()
        sleeper.parked = false
      },
    }
  }
}
