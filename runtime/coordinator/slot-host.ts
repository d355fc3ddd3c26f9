import type { MessagePort } from 'node:worker_threads'
import type { MemoryPlan } from './memory-plan.js'
import type { SlotAssignment } from '../worker/protocol.js'

/** Where slots run: worker threads, or (test kit) this thread. */
export interface SlotHost {
  /** Runs one slot; resolves when it closed in order, rejects when its thread ended otherwise. */
  run(assignment: SlotAssignment, port: MessagePort): Promise<void>
  /** Ends all slots of the attempt, whatever they do. */
  destroy(): Promise<void>
}

/** A fresh host for each attempt. */
export type SlotHostFactory = (slots: number, memory: MemoryPlan) => SlotHost
