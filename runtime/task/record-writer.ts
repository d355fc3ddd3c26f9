/**
 * Invariant: emit never blocks and order within a channel is kept. Records gather in a batch per channel; a batch or control element that
 * the channel has no room for waits in `pending`, and while anything waits the subtask is not scheduled (that is the backpressure).
 *
 *   emit --> partition --> [ batch ch 0 ] --> pending --> channel 0
 *                      \-> [ batch ch 1 ] --> pending --> channel 1
 */
import type { Partitioning } from '../contract/graph.js'
import type { Key } from '../contract/key.js'
import type { Output } from '../contract/output.js'
import type { ChannelWriter } from '../exchange/channel.js'
import type { ControlElement } from '../exchange/element.js'
import { RecordBatch } from '../exchange/record-batch.js'
import { KeyGrouper, subtaskOf } from '../codec/key-group.js'

class ChannelOutbox {
  batch: RecordBatch
  private readonly channel: ChannelWriter
  private readonly pending: (RecordBatch | ControlElement)[] = []
  private spare: RecordBatch | undefined

  constructor(channel: ChannelWriter) {
    this.channel = channel
    this.batch = channel.takeBatch()
  }

  /** Sends the batch on its way; false when it has to wait. */
  ship(): boolean {
    const { batch } = this
    if (batch.length === 0) return this.pending.length === 0
    const sent = this.pending.length === 0 && this.channel.tryWriteRecords(batch)
    if (sent) {
      this.batch = this.channel.takeBatch()
      this.keep(batch)
    } else {
      this.pending.push(batch)
      this.batch = this.spare ?? new RecordBatch(batch.maxLength, batch.keyGroups !== undefined)
      this.spare = undefined
    }
    return sent
  }

  control(element: ControlElement): boolean {
    if (this.ship() && this.channel.tryWriteControl(element)) return true
    this.pending.push(element)
    return false
  }

  drain(): boolean {
    let sent = 0
    for (; sent < this.pending.length; sent++) {
      const next = this.pending[sent]!
      if (!(next.kind === 'records' ? this.channel.tryWriteRecords(next) : this.channel.tryWriteControl(next))) break
      if (next.kind === 'records') this.keep(next)
    }
    if (sent > 0) this.pending.splice(0, sent)
    return this.pending.length === 0
  }

  /** A batch that the channel took the records out of may serve again; others are the channel's now. */
  private keep(batch: RecordBatch): void {
    if (batch.length === 0 && batch !== this.batch) this.spare = batch
  }

  /** Whether something waits and the channel has room for it again. */
  canDrain(): boolean {
    return this.pending.length > 0 && this.channel.hasRoom()
  }
}

/** The sending end of one edge in one subtask. Slot thread. */
export abstract class RecordWriter implements Output<unknown> {
  /** Something waits for room in a channel. */
  blocked = false
  protected readonly outboxes: readonly ChannelOutbox[]

  constructor(channels: readonly ChannelWriter[]) {
    this.outboxes = channels.map((channel) => new ChannelOutbox(channel))
  }

  abstract emit(value: unknown, timestamp: number): void

  /** In band, behind all records emitted so far, to every channel. */
  control(element: ControlElement): void {
    for (const outbox of this.outboxes) if (!outbox.control(element)) this.blocked = true
  }

  /** Sends partly filled batches. */
  flush(): void {
    for (const outbox of this.outboxes) if (!outbox.ship()) this.blocked = true
  }

  /** Tries again what waits; true when nothing does any more. */
  drain(): boolean {
    if (!this.blocked) return true
    let clear = true
    for (const outbox of this.outboxes) if (!outbox.drain()) clear = false
    this.blocked = !clear
    return clear
  }

  /** Whether a blocked channel has room again; asked before the slot sleeps. */
  canDrain(): boolean {
    return this.blocked && this.outboxes.some((outbox) => outbox.canDrain())
  }

  protected put(outbox: ChannelOutbox, value: unknown, timestamp: number, keyGroup: number): void {
    outbox.batch.append(value, timestamp, keyGroup)
    if (outbox.batch.isFull && !outbox.ship()) this.blocked = true
  }
}

class HashWriter extends RecordWriter {
  private readonly keyOf: (value: unknown) => Key
  private readonly grouper: KeyGrouper
  private readonly channelOf: Uint16Array

  constructor(channels: readonly ChannelWriter[], keyOf: (value: unknown) => Key, maxParallelism: number) {
    super(channels)
    this.keyOf = keyOf
    this.grouper = new KeyGrouper(maxParallelism)
    this.channelOf = Uint16Array.from({ length: maxParallelism }, (_, g) =>
      subtaskOf(g, maxParallelism, channels.length),
    )
  }

  emit(value: unknown, timestamp: number): void {
    const group = this.grouper.groupOf(this.keyOf(value))
    this.put(this.outboxes[this.channelOf[group]!]!, value, timestamp, group)
  }
}

/** Round robin; with a single channel this is `forward`. */
class RebalanceWriter extends RecordWriter {
  private next = 0

  emit(value: unknown, timestamp: number): void {
    this.put(this.outboxes[this.next]!, value, timestamp, 0)
    if (++this.next === this.outboxes.length) this.next = 0
  }
}

class BroadcastWriter extends RecordWriter {
  emit(value: unknown, timestamp: number): void {
    for (let i = 0; i < this.outboxes.length; i++) this.put(this.outboxes[i]!, value, timestamp, 0)
  }
}

/** The writer of an edge; `channels` by receiving subtask (one for `forward`). */
export function createRecordWriter(
  partitioning: Partitioning,
  channels: readonly ChannelWriter[],
  maxParallelism: number,
  subtask: number,
): RecordWriter {
  switch (partitioning.kind) {
    case 'hash':
      return new HashWriter(channels, partitioning.keyOf as (value: unknown) => Key, maxParallelism)
    case 'forward':
      return new RebalanceWriter(channels)
    case 'rebalance':
      return new RebalanceWriter([...channels.slice(subtask), ...channels.slice(0, subtask)])
    case 'broadcast':
      return new BroadcastWriter(channels)
  }
}
