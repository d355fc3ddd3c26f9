/**
 * A slot from its assignment to its end, on whatever thread: the worker entry and the in-process host of the test kit both call this.
 */
import { MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { MillraceError, serializeError } from '../contract/errors.js'
import type { JobDefinition } from '../contract/graph.js'
import { OperatorFailure } from '../contract/operator-failure.js'
import type { Clock } from '../contract/time.js'
import type { ControlPort } from '../worker/protocol.js'
import { AtomicsParker, AtomicsWaker, openParking } from '../exchange/atomics-parking.js'
import type { Parker, Waker } from '../exchange/parking.js'
import type { ThreadUsage } from '../metrics/figures.js'
import { planJob } from '../plan/plan.js'
import { planHash } from '../plan/plan-hash.js'
import { openStorage } from '../storage/open-storage.js'
import type { CheckpointStorage } from '../storage/storage.js'
import { BackendFactory, type SlotSpill } from '../task/backend-factory.js'
import { buildSubtasks } from '../task/build-slot.js'
import { ChannelTable } from '../task/channel-table.js'
import { openRings } from '../task/open-rings.js'
import { OperatorStateFiles } from '../task/operator-state-files.js'
import { SegmentFiles } from '../task/segment-files.js'
import { Slot, type SlotLink } from '../task/slot.js'
import type { SlotAssignment, ToSlot } from './protocol.js'
import { reportMetrics, type Reports } from './report-metrics.js'

/** What a slot needs to start. */
export interface SlotStart {
  readonly assignment: SlotAssignment
  readonly port: ControlPort
  readonly job: JobDefinition
  readonly clock: Clock
  /** Of the slot's thread, if it has one of its own. */
  readonly usage?: () => ThreadUsage
  /** Default: those of a thread. */
  readonly surroundings?: SlotSurroundings
}

/** What a slot sleeps with, and where its state goes. The simulator supplies its own. */
export interface SlotSurroundings {
  readonly parker: Parker
  readonly waker: Waker
  readonly storage: CheckpointStorage
  /** See `SlotOptions`. */
  readonly breathe: () => Promise<void>
  readonly turnMs?: number
  readonly spill?: SlotSpill
}

/** A slot under way. */
export interface RunningSlot {
  /** Resolves when it ended, in order or after reporting a failure. */
  readonly ended: Promise<void>
  /** Gives the slot up without closing anything in order. */
  cancel(): void
}

/** Builds the slot's share of the plan, restores it and runs it. Failures go to the coordinator through the port. */
export function startSlot({ assignment, port, job, clock, usage, surroundings }: SlotStart): RunningSlot {
  const { spill, ...around } = surroundings ?? ofThread(assignment)
  const { waker, storage } = around
  const link = portLink(port, () => waker.wake(assignment.slot))
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
    ...around,
    segments: new SegmentFiles(storage, assignment),
  })
  const run = async (): Promise<void> => {
    const graph = job.build(assignment.params)
    const keyed = graph.nodes.filter((node) => node.kind === 'operator' && node.keyed).length
    const backends = new BackendFactory(assignment, storage, clock, keyed, spill)
    try {
      const plan = planJob(graph, assignment.parallelism, assignment.maxParallelism)
      if (planHash(plan) !== assignment.planHash) throw unstablePlan()
      const rings = openRings(assignment.attempt, waker)
      const channels = new ChannelTable(assignment, rings)
      const operatorStates = new OperatorStateFiles(storage, assignment)
      const subtasks = await buildSubtasks({ plan, assignment, slot, clock, channels, backends, operatorStates })
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

function ofThread(assignment: SlotAssignment): SlotSurroundings {
  const parking = openParking(assignment.parking)
  return {
    waker: new AtomicsWaker(parking),
    parker: new AtomicsParker(parking, assignment.slot),
    storage: openStorage(assignment.storageUrl),
    breathe: () => new Promise((resolve) => setImmediate(resolve)),
  }
}

/** Messages are looked for at every turn of the slot; one that comes while it sleeps wakes it. */
function portLink(port: ControlPort, wake: () => void): SlotLink {
  const inbox: ToSlot[] = []
  port.on('message', (message) => {
    inbox.push(message as ToSlot)
    wake()
  })
  return {
    send: (message) => port.postMessage(message),
    receive: () =>
      inbox.shift() ??
      (port instanceof MessagePort ? (receiveMessageOnPort(port)?.message as ToSlot | undefined) : undefined),
  }
}

function unstablePlan(): MillraceError {
  return new MillraceError('MILLRACE_GRAPH', 'the job built another graph in a slot than on the main thread', {
    hint: 'build() must depend on its parameters alone: not on the clock, randomness or the environment',
  })
}
