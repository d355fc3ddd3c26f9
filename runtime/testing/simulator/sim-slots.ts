import { MillraceError } from '../../contract/errors.js'
import type { JobDefinition } from '../../contract/graph.js'
import type { ControlLine, SlotHost } from '../../coordinator/slot-host.js'
import type { ControlPort } from '../../worker/protocol.js'
import type { SlotAssignment } from '../../worker/protocol.js'
import { startSlot } from '../../worker/run-slot.js'
import type { Faults } from './faults.js'
import { Actor, type Scheduler } from './scheduler.js'
import { simClock, type ProcessTime } from './sim-clock.js'
import type { SimDisk } from './sim-disk.js'
import { SimIo } from './sim-io.js'
import { simLine } from './sim-line.js'
import { SimParking } from './sim-parking.js'
import { simSpill } from './sim-spill.js'
import { SimStorage } from './sim-storage.js'

/** The process that slots belong to. */
export interface SlotProcess {
  readonly main: Actor
  readonly scheduler: Scheduler
  readonly disk: SimDisk
  readonly faults: Faults
  readonly time: ProcessTime
  /** The job as a thread of its own sees it. */
  jobFor(actor: Actor, io: SimIo): JobDefinition
}

interface SimSlot {
  readonly actor: Actor
  crash: ((error: Error) => void) | undefined
}

/** The slots of one attempt, each a thread of the simulation. */
export class SimSlots implements SlotHost {
  private readonly process: SlotProcess
  private readonly slots: SimSlot[]
  private readonly parking: SimParking

  constructor(process: SlotProcess, name: string, slots: number) {
    const { main, scheduler, faults } = process
    this.process = process
    this.slots = Array.from({ length: slots }, (_, s) => ({
      actor: new Actor(`${name}s${s}`, main),
      crash: undefined,
    }))
    this.parking = new SimParking(
      scheduler,
      this.slots.map(({ actor }) => actor),
      () => faults.wakeMs(),
    )
  }

  /** Slots that live. */
  living(): number[] {
    return this.slots.flatMap(({ actor }, s) => (actor.alive ? [s] : []))
  }

  line(slot: number): ControlLine {
    const { scheduler, main, faults } = this.process
    return simLine(scheduler, main, this.slots[slot]!.actor, () => faults.messageMs())
  }

  run(assignment: SlotAssignment, port: ControlPort): Promise<void> {
    const { scheduler, main, faults } = this.process
    const slot = this.slots[assignment.slot]!
    const posted = structuredClone(assignment)
    return new Promise<void>((resolve, reject) => {
      slot.crash = (error) => void scheduler.schedule(main, faults.messageMs(), 'slot died', () => reject(error))
      scheduler.schedule(slot.actor, faults.ioMs(), 'start slot', () => {
        void this.start(posted, port, slot.actor).then(() => {
          scheduler.schedule(main, faults.messageMs(), 'slot ended', resolve)
        })
      })
    })
  }

  /** The slot's thread ends as if it had run out of memory. */
  crash(slot: number): void {
    const { actor, crash } = this.slots[slot]!
    actor.kill()
    crash?.(new MillraceError('MILLRACE_WORKER', this.process.faults.injected('slot crash').message))
  }

  pause(slot: number, untilMs: number): void {
    this.slots[slot]!.actor.pauseUntil(untilMs)
  }

  destroy(): Promise<void> {
    const { scheduler, main, faults } = this.process
    for (const { actor } of this.slots) actor.kill()
    return new Promise((resolve) => void scheduler.schedule(main, faults.ioMs(), 'threads ended', resolve))
  }

  private start(assignment: SlotAssignment, port: ControlPort, actor: Actor): Promise<void> {
    const { scheduler, disk, faults, time } = this.process
    const io = new SimIo(scheduler, actor, faults)
    const running = startSlot({
      assignment,
      port,
      job: this.process.jobFor(actor, io),
      clock: simClock(scheduler, actor, time),
      surroundings: {
        waker: this.parking,
        parker: this.parking.parker(assignment.slot),
        storage: new SimStorage(disk, scheduler, actor, faults),
        breathe: () => new Promise((resolve) => void scheduler.schedule(actor, faults.breathMs(), 'round', resolve)),
        turnMs: 0,
        spill: simSpill(io, faults),
      },
    })
    return running.ended
  }
}
