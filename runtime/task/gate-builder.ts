import { channelsPath } from '../checkpoint/segment-path.js'
import type { ChannelsRef } from '../checkpoint/manifest.js'
import type { Partitioning } from '../contract/graph.js'
import type { Key } from '../contract/key.js'
import { FrameStore } from '../exchange/stored-frame.js'
import { overtakableEdge } from '../plan/overtaking.js'
import { nodeOf, type ExecutionPlan, type PlanEdge, type Task } from '../plan/plan.js'
import type { CheckpointStorage } from '../storage/storage.js'
import type { SlotAssignment } from '../worker/protocol.js'
import { encodeInFlight, type InFlight } from './channel-file.js'
import { ChannelLog } from './channel-log.js'
import { restoreInFlight, type RestoredEdge } from './channel-restore.js'
import { BATCH_RECORDS, type ChannelTable } from './channel-table.js'
import { partitioningOf } from './edge-partitioning.js'
import type { ChannelPlace, GateChannel } from './gate-channel.js'
import { InputGate, type GateOutput } from './input-gate.js'
import { Overtaking } from './overtaking.js'
import type { Slot } from './slot.js'

/** How much of what its rings hold a gate may read ahead: all of it, and as much again from full outboxes. */
const RINGS_AHEAD = 2

/** What the gates of a slot are made of. */
export interface GateSurroundings {
  readonly plan: ExecutionPlan
  readonly assignment: SlotAssignment
  readonly slot: Slot
  readonly channels: ChannelTable
  readonly storage: CheckpointStorage
}

/** Builds and restores the gates of a slot. Slot thread. */
export class GateBuilder {
  private readonly around: GateSurroundings
  private readonly frames = new FrameStore()

  constructor(around: GateSurroundings) {
    this.around = around
  }

  async build(task: Task, output: GateOutput, watermark: number): Promise<InputGate> {
    const edges: RestoredEdge[] = []
    const channels: GateChannel[] = []
    for (const edge of task.inputs) channels.push(...this.channelsOf(edge, edges))
    if (edges.length === 0) return new InputGate(channels, output, watermark)
    return new InputGate(channels, output, watermark, await this.overtaking(task, channels, edges))
  }

  /** The channels of an edge, which is added to `edges` if it may be overtaken. */
  private channelsOf(edge: PlanEdge, edges: RestoredEdge[]): GateChannel[] {
    const { plan, channels } = this.around
    const { fromNode, toNode, tag, input, partitioning } = edge
    const name = overtakableEdge(plan.graph, toNode, { from: fromNode, tag, input, partitioning })
    const number = edges.length
    if (name !== undefined) edges.push({ name, fromSource: startsWithSource(plan, edge.fromTask) })
    return channels.readers(edge).map((reader, sender) => ({
      reader,
      input,
      keyOf: keyOfEdge(partitioningOf(plan, edge)),
      ...(name === undefined ? {} : { place: { edge: number, sender } }),
    }))
  }

  private async overtaking(
    task: Task,
    channels: readonly GateChannel[],
    edges: readonly RestoredEdge[],
  ): Promise<Overtaking> {
    const { plan, assignment, slot, storage } = this.around
    const { uid } = nodeOf(plan, task.nodes[0]!)
    const { frames } = this
    const restored = await restoreInFlight(storage, assignment.restore?.operators[uid]?.channels ?? [], {
      subtask: assignment.slot,
      parallelism: assignment.parallelism,
      maxParallelism: assignment.maxParallelism,
      edges,
      channelAt: (place) => channels.findIndex((one) => samePlace(one.place, place)),
      frames,
      maxRecords: BATCH_RECORDS,
    })
    const names = edges.map(({ name }) => name)
    return new Overtaking({
      frames,
      maxRecords: BATCH_RECORDS,
      limitBytes: RINGS_AHEAD * assignment.memory.ringBytes * channels.length,
      refused: (error) =>
        slot.warn(uid, `its checkpoints stay aligned: ${error.message}, and so cannot be kept in one`),
      log: (checkpointId) => {
        let part = 0
        return new ChannelLog((inFlight) => this.write(uid, checkpointId, part++, names, inFlight))
      },
      restored,
    })
  }

  private async write(
    uid: string,
    checkpointId: number,
    part: number,
    edges: ChannelsRef['edges'],
    inFlight: readonly InFlight[],
  ): Promise<ChannelsRef> {
    const { storage, assignment } = this.around
    const { epoch, attempt, slot: subtask, parallelism } = assignment
    const path = channelsPath({ epoch, checkpointId, uid, subtask, run: `a${attempt}`, part })
    const { bytes, crc } = encodeInFlight(inFlight)
    await storage.write(path, bytes)
    return { path, epoch, checkpointId, subtask, parallelism, edges, bytes: bytes.length, crc }
  }
}

function startsWithSource(plan: ExecutionPlan, task: number): boolean {
  return nodeOf(plan, plan.tasks[task]!.nodes[0]!).kind === 'source'
}

function samePlace(one: ChannelPlace | undefined, other: ChannelPlace): boolean {
  return one !== undefined && one.edge === other.edge && one.sender === other.sender
}

function keyOfEdge(partitioning: Partitioning): ((value: unknown) => Key) | undefined {
  return partitioning.kind === 'hash' ? (partitioning.keyOf as (value: unknown) => Key) : undefined
}
