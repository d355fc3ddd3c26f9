/**
 * A slot from its assignment to its end, on whatever thread: the worker entry and the in-process host of the test kit both call this.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { MillraceError, serializeError } from '../contract/errors.js'
import type { JobDefinition } from '../contract/graph.js'
import { OperatorFailure } from '../contract/operator-failure.js'
import type { Clock } from '../contract/time.js'
import { AtomicsParker, AtomicsWaker, openParking } from '../exchange/atomics-parking.js'

import type { ThreadUsage } from '../metrics/figures.js'
import { planJob } from '../plan/plan.js'
import { planHash } from '../plan/plan-hash.js'
import { openStorage } from '../storage/open-storage.js'
import { BackendFactory } from '../task/backend-factory.js'
import { buildSubtasks } from '../task/build-slot.js'
import { ChannelTable } from '../task/channel-table.js'
import { openRings } from '../task/open-rings.js'
import { SegmentFiles } from '../task/segment-files.js'
import { Slot, type SlotLink } from '../task/slot.js'
import type { SlotAssignment, ToSlot } from './protocol.js'
import { reportMetrics, type Reports } from './report-metrics.js'

/** What a slot needs to start. */
export interface SlotStart {
  readonly assignment: SlotAssignment
  readonly port: MessagePort
  readonly job: JobDefinition
  readonly clock: Clock
  /** Of the slot's thread, if it has one of its own. */
  readonly usage?: () => ThreadUsage
}

/** A slot under way. */
export interface RunningSlot {
  /** Resolves when it ended, in order or after reporting a failure. */
  readonly ended: Promise<void>
  /** Gives the slot up without closing anything in order. */
  cancel(): void
}

/** Builds the slot's share of the plan, restores it and runs it. Failures go to the coordinator through the port. */
export function startSlot({ assignment, port, job, clock, usage }: SlotStart): RunningSlot {
  const parking = openParking(assignment.parking)
  const waker = new AtomicsWaker(parking)
  const link = portLink(port, () => waker.wake(assignment.slot))
  const storage = openStorage(assignment.storageUrl)
  let reports: Reports | undefined
  const slot = new Slot({
    slot: assignment.slot,
    slots: assignment.parallelism,
    clock,
    link: {
      ...link,
      send: (message) => {
        if (message.type === 'closed') reports?.last()
        link.send(message)
      },
    },
    waker,
    parker: new AtomicsParker(parking, assignment.slot),
    segments: new SegmentFiles(storage, assignment),
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
  })
  const run = async (): Promise<void> => {
    const graph = job.build(assignment.params)
    const keyed = graph.nodes.filter((node) => node.kind === 'operator' && node.keyed).length
    const backends = new BackendFactory(assignment, storage, clock, keyed)
    try {
      const plan = planJob(graph, assignment.parallelism, assignment.maxParallelism)
      if (planHash(plan) !== assignment.planHash) throw unstablePlan()
      const rings = openRings(assignment.attempt, waker)
      const channels = new ChannelTable(assignment, rings)
      const subtasks = await buildSubtasks({ plan, assignment, slot, clock, channels, backends })
      slot.host(subtasks)
      reports = reportMetrics({
        number: assignment.slot,
        slot,
        subtasks,
        clock,
        link,
        ...(usage === undefined ? {} : { usage }),
      })
      await slot.run()
    } catch (error) {
      const uid = error instanceof OperatorFailure ? { uid: error.uid } : {}
      link.send({ type: 'failed', slot: assignment.slot, error: serializeError(error), ...uid })
    } finally {
      reports?.stop()
      await backends.close()
      port.close()
    }
  }
  return { ended: run(), cancel: () => slot.cancel() }
}

/** Messages are looked for at every turn of the slot; one that comes while it sleeps wakes it. */
function portLink(port: MessagePort, wake: () => void): SlotLink {
  const inbox: ToSlot[] = []
  port.on('message', (message: ToSlot) => {
    inbox.push(message)
    wake()
  })
  return {
    send: (message) => port.postMessage(message),
    receive: () => inbox.shift() ?? (receiveMessageOnPort(port)?.message as ToSlot | undefined),
  }
}

function unstablePlan(): MillraceError {
  return new MillraceError('MILLRACE_GRAPH', 'the job built another graph in a slot than on the main thread', {
    hint: 'build() must depend on its parameters alone: not on the clock, randomness or the environment',
  })
}
