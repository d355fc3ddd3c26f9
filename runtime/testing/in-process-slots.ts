import type { JobDefinition } from '../contract/graph.js'
import type { Clock } from '../contract/time.js'
import type { SlotHost } from '../coordinator/slot-host.js'
import type { ControlPort } from '../worker/protocol.js'
import type { SlotAssignment } from '../worker/protocol.js'
import { startSlot, type RunningSlot } from '../worker/run-slot.js'

/** All slots on the calling thread: the same slots, rings and messages, without threads. For tests. */
export class InProcessSlots implements SlotHost {
  private readonly job: JobDefinition
  private readonly clock: Clock
  private readonly slots: RunningSlot[] = []

  constructor(job: JobDefinition, clock: Clock) {
    this.job = job
    this.clock = clock
  }

  async run(assignment: SlotAssignment, port: ControlPort): Promise<void> {
    const slot = startSlot({ assignment, port, job: this.job, clock: this.clock })
    this.slots.push(slot)
    await slot.ended
  }

  async destroy(): Promise<void> {
    for (const slot of this.slots) slot.cancel()
    await Promise.all(this.slots.map((slot) => slot.ended))
  }
}
