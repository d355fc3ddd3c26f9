import type { MemoryPlan } from './memory-plan.js'
import type { SlotHost, SlotHostFactory } from './slot-host.js'

/** Threads wait for the next attempt at most so long: longer delays are for a machine that is short of something. Milliseconds. */
const WAITS_MS = 1000

interface Spare {
  readonly slots: number
  readonly host: SlotHost
}

/** Slots of the next attempt, started while the one that failed is cleared away: starting threads takes longer than that. Main thread. */
export class SpareHost {
  private readonly hosts: SlotHostFactory
  private spare: Spare | undefined

  constructor(hosts: SlotHostFactory) {
    this.hosts = hosts
  }

  /** An attempt has failed, and another one may follow. */
  prepare(slots: number, memory: MemoryPlan): void {
    this.spare ??= { slots, host: this.hosts(slots, memory) }
  }

  /** The next attempt begins so much later. */
  async waits(delayMs: number): Promise<void> {
    if (delayMs > WAITS_MS) await this.drop()
  }

  /** The slots that an attempt runs in. */
  async take(slots: number, memory: MemoryPlan): Promise<SlotHost> {
    const { spare } = this
    if (spare === undefined || spare.slots !== slots) await this.drop()
    this.spare = undefined
    return spare?.slots === slots ? spare.host : this.hosts(slots, memory)
  }

  /** No attempt follows. */
  async drop(): Promise<void> {
    const { spare } = this
    this.spare = undefined
    await spare?.host.destroy()
  }
}
