import type { MemoryPlan } from './memory-plan.js'
import type { ControlPort, SlotAssignment } from '../worker/protocol.js'

/** Both ends of a line. */
export interface ControlLine {
  readonly coordinator: ControlPort
  readonly slot: ControlPort
}

/** Where slots run: worker threads, or (test kit) this thread. */
export interface SlotHost {
  /** The line to a slot. Absent: a `MessageChannel`. */
  line?(slot: number): ControlLine
  /** Runs one slot; resolves when it closed in order, rejects when its thread ended otherwise. */
  run(assignment: SlotAssignment, port: ControlPort): Promise<void>
  /** Ends all slots of the attempt, whatever they do. */
  destroy(): Promise<void>
}

/** A fresh host for each attempt. */
export type SlotHostFactory = (slots: number, memory: MemoryPlan) => SlotHost
