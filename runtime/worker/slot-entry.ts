/** The worker thread's entry. */
import type { MessagePort } from 'node:worker_threads'
import { serializeError } from '../contract/errors.js'
import type { JobDefinition } from '../contract/graph.js'
import { ThreadWatch } from '../metrics/thread-usage.js'
import type { SlotAssignment } from './protocol.js'
import { startSlot } from './run-slot.js'
import { systemClock } from './system-clock.js'

/** Imports the job's bundle and runs one slot; failures go to the coordinator. */
export async function runSlot({ assignment, port }: { assignment: SlotAssignment; port: MessagePort }): Promise<void> {
  try {
    const { default: job } = (await import(assignment.bundleUrl!)) as { default: JobDefinition }
    const watch = new ThreadWatch()
    await startSlot({ assignment, port, job, clock: systemClock, usage: () => watch.usage() }).ended
    watch.close()
  } catch (error) {
    port.postMessage({ type: 'failed', slot: assignment.slot, error: serializeError(error) })
  }
}
