/** The worker thread's entry. */
import { threadId, type MessagePort } from 'node:worker_threads'
import { serializeError } from '../contract/errors.js'
import type { JobDefinition } from '../contract/graph.js'
import { heapFull } from '../contract/heap-full.js'
import { ThreadWatch } from '../metrics/thread-usage.js'
import { HeapGuard } from './heap-guard.js'
import type { SlotAssignment } from './protocol.js'
import { beat, BEAT_MS } from './pulse-protocol.js'
import { startSlot } from './run-slot.js'
import { systemClock } from './system-clock.js'

/** What a slot's thread is given. */
export interface SlotTask {
  readonly assignment: SlotAssignment
  readonly port: MessagePort
  readonly pulse: SharedArrayBuffer
}

/** Imports the job's bundle and runs one slot; failures go to the coordinator. */
export async function runSlot({ assignment, port, pulse }: SlotTask): Promise<void> {
  const { slot } = assignment
  const failed = (error: unknown): void => port.postMessage({ type: 'failed', slot, error: serializeError(error) })
  const heap = new HeapGuard()
  beat(pulse, slot, threadId)
  const beating = setInterval(() => {
    beat(pulse, slot, threadId)
    if (heap.isFull()) failed(heapFull(slot))
  }, BEAT_MS)
  try {
    const { default: job } = (await import(assignment.bundleUrl!)) as { default: JobDefinition }
    const watch = new ThreadWatch()
    await startSlot({ assignment, port, job, clock: systemClock, usage: () => watch.usage() }).ended
    watch.close()
  } catch (error) {
    failed(error)
  } finally {
    clearInterval(beating)
  }
}
