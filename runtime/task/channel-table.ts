import type { PlanEdge } from '../plan/plan.js'
import type { ChannelReader, ChannelWriter } from '../exchange/channel.js'
import { LocalChannel } from '../exchange/local-channel.js'
import type { SlotAssignment } from '../worker/protocol.js'

/** Records a batch holds before it goes into its channel. */
export const BATCH_RECORDS = 512
/** Few: records that wait are not in the processor's cache any more, and outlive the young generation. */
const LOCAL_BATCHES = 2

/** Opens a ring between this slot and another. */
export interface RingOpener {
  writer(ring: SharedArrayBuffer, toSlot: number, batchRecords: number, keyed: boolean): ChannelWriter
  reader(ring: SharedArrayBuffer, fromSlot: number, batchRecords: number, keyed: boolean): ChannelReader
}

/** The channels of one slot: a local queue within the slot, a ring to and from every other one. */
export class ChannelTable {
  private readonly assignment: SlotAssignment
  private readonly rings: RingOpener
  private readonly local = new Map<number, LocalChannel>()

  constructor(assignment: SlotAssignment, rings: RingOpener) {
    this.assignment = assignment
    this.rings = rings
  }

  /** By receiving subtask; a forward edge has one. */
  writers(edge: PlanEdge): ChannelWriter[] {
    if (edge.partitioning.kind === 'forward') return [this.localChannel(edge)]
    const { out } = this.assignment.rings.find((r) => r.edge === edge.id)!
    const keyed = edge.partitioning.kind === 'hash'
    return out.map((ring, to) =>
      ring === undefined ? this.localChannel(edge) : this.rings.writer(ring, to, BATCH_RECORDS, keyed),
    )
  }

  /** By sending subtask. */
  readers(edge: PlanEdge): ChannelReader[] {
    if (edge.partitioning.kind === 'forward') return [this.localChannel(edge)]
    const { in: rings } = this.assignment.rings.find((r) => r.edge === edge.id)!
    const keyed = edge.partitioning.kind === 'hash'
    return rings.map((ring, from) =>
      ring === undefined ? this.localChannel(edge) : this.rings.reader(ring, from, BATCH_RECORDS, keyed),
    )
  }

  private localChannel(edge: PlanEdge): LocalChannel {
    let channel = this.local.get(edge.id)
    if (channel === undefined) {
      channel = new LocalChannel(LOCAL_BATCHES, BATCH_RECORDS, edge.partitioning.kind === 'hash')
      this.local.set(edge.id, channel)
    }
    return channel
  }
}
