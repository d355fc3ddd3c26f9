import type { CheckpointManifest } from '../checkpoint/manifest.js'
import { createDriftTable, createParking, createRing } from '../exchange/shared-layout.js'
import type { ExecutionPlan, PlanEdge } from '../plan/plan.js'
import { planHash } from '../plan/plan-hash.js'
import type { CheckpointStorage } from '../storage/storage.js'
import type { EdgeRings, SlotAssignment } from '../worker/protocol.js'
import type { MemoryPlan } from './memory-plan.js'
import { slotRestore } from './restore-plan.js'

/** What is deployed. */
export interface DeployOptions {
  readonly jobId: string
  readonly runId: string
  readonly epoch: number
  readonly attempt: number
  readonly plan: ExecutionPlan
  readonly params: Readonly<Record<string, string>>
  readonly bundleUrl?: string
  readonly storage: CheckpointStorage
  readonly spillDirectory: string
  readonly memory: MemoryPlan
  readonly restore: CheckpointManifest | undefined
}

/** What each slot of an attempt is started with; shared memory is fresh for each attempt. */
export function assignSlots(options: DeployOptions): SlotAssignment[] {
  const { plan, attempt, epoch, jobId, runId, params, bundleUrl } = options
  const { parallelism, maxParallelism } = plan
  const sources = plan.graph.nodes.filter((node) => node.kind === 'source').length
  const shared = {
    attempt,
    epoch,
    jobId,
    runId,
    parallelism,
    maxParallelism,
    params,
    ...(bundleUrl !== undefined ? { bundleUrl } : {}),
    planHash: planHash(plan),
    parking: createParking(parallelism),
    drift: createDriftTable(sources, parallelism),
    storageUrl: options.storage.url(),
    spillDirectory: options.spillDirectory,
    memory: options.memory.slot,
  }
  const rings = plan.edges.map((edge) => edgeRings(edge, parallelism, options.memory.slot.ringBytes, attempt))
  return Array.from({ length: parallelism }, (_, slot) => ({
    ...shared,
    slot,
    rings: rings.map(({ edge, by }) => ringsOfSlot(edge, by, slot)),
    ...(options.restore !== undefined ? { restore: slotRestore(options.restore, slot, parallelism) } : {}),
  }))
}

type RingTable = (SharedArrayBuffer | undefined)[][]

/** `by[from][to]`; within a slot, and on forward edges, none. */
function edgeRings(edge: PlanEdge, slots: number, bytes: number, attempt: number): { edge: number; by: RingTable } {
  const forward = edge.partitioning.kind === 'forward'
  const by = Array.from({ length: slots }, (_, from) =>
    Array.from({ length: slots }, (_, to) => (forward || from === to ? undefined : createRing(bytes, attempt))),
  )
  return { edge: edge.id, by }
}

function ringsOfSlot(edge: number, by: RingTable, slot: number): EdgeRings {
  return { edge, out: by[slot]!, in: by.map((row) => row[slot]) }
}

/** How many rings a plan needs. */
export function ringCount(plan: ExecutionPlan): number {
  const edges = plan.edges.filter((edge) => edge.partitioning.kind !== 'forward').length
  return edges * plan.parallelism * (plan.parallelism - 1)
}
