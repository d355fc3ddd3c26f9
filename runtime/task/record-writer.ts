/**
 * Invariant: emit never blocks and order within a channel is kept. Records gather in a batch per channel; a batch or control element that
 * the channel has no room for waits in `pending`, and while anything waits the subtask is not scheduled (that is the backpressure). Nor
 * is it while a receiver asks for no more records, except to let barriers through.
 *
 *   emit --> partition --> [ batch ch 0 ] --> pending --> channel 0
 *                      \-> [ batch ch 1 ] --> pending --> channel 1
 */
import type { Key } from '../contract/key.js'
import { operatorFailure } from '../contract/operator-failure.js'
import type { Output } from '../contract/output.js'
import type { ChannelWriter } from '../exchange/channel.js'
import type { ControlElement } from '../exchange/element.js'
import { RecordBatch } from '../exchange/record-batch.js'
import type { PlanEdge } from '../plan/plan.js'
import { KeyGrouper, subtaskOf } from '../codec/key-group.js'
import { markPartial, type PartialRecord } from './partial-record.js'
import { Partials } from './partials.js'

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

  /** See `ChannelWriter`; of what is not waiting. */
  taken(): () => boolean {
    return this.channel.taken()
  }

  /** Whether the receiver asks for no more. */
  get held(): boolean {
    return this.channel.isHeld()
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
  /** A receiver asked for no more records when something was sent last; see {@link stillHeld}. */
  held = false
  /** Records emitted so far. */
  count = 0
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
    this.lookIfHeld()
  }

  /** Tries again what waits; true when nothing does any more. */
  drain(): boolean {
    if (!this.blocked) return true
    let clear = true
    for (const outbox of this.outboxes) if (!outbox.drain()) clear = false
    this.blocked = !clear
    this.lookIfHeld()
    return clear
  }

  /** Looks again. */
  stillHeld(): boolean {
    if (this.held) this.lookIfHeld()
    return this.held
  }

  /** Whether the receivers have taken all that was sent up to this call; ask the result often. Call it while nothing waits. */
  taken(): () => boolean {
    const taken = this.outboxes.map((outbox) => outbox.taken())
    return () => taken.every((one) => one())
  }

  /** Whether a blocked channel has room again; asked before the slot sleeps. */
  canDrain(): boolean {
    return this.blocked && this.outboxes.some((outbox) => outbox.canDrain())
  }

  protected put(outbox: ChannelOutbox, value: unknown, timestamp: number, keyGroup: number): void {
    outbox.batch.append(value, timestamp, keyGroup)
    if (!outbox.batch.isFull) return
    if (!outbox.ship()) this.blocked = true
    else if (outbox.held) this.held = true
  }

  private lookIfHeld(): void {
    this.held = this.outboxes.some((outbox) => outbox.held)
  }
}

/** Whether something waits for room in a channel of any of them. */
export function anyBlocked(writers: readonly RecordWriter[]): boolean {
  for (let w = 0; w < writers.length; w++) if (writers[w]!.blocked) return true
  return false
}

class HashWriter extends RecordWriter {
  private readonly keyOf: (value: unknown) => Key
  private readonly grouper: KeyGrouper
  private readonly channelOf: Uint16Array
  private readonly receiver: string

  constructor(
    channels: readonly ChannelWriter[],
    keyOf: (value: unknown) => Key,
    maxParallelism: number,
    receiver: string,
  ) {
    super(channels)
    this.keyOf = keyOf
    this.receiver = receiver
    this.grouper = new KeyGrouper(maxParallelism)
    this.channelOf = Uint16Array.from({ length: maxParallelism }, (_, g) =>
      subtaskOf(g, maxParallelism, channels.length),
    )
  }

  emit(value: unknown, timestamp: number): void {
    this.count++
    const group = this.groupOf(value)
    this.put(this.outboxFor(group), value, timestamp, group)
  }

  protected outboxFor(keyGroup: number): ChannelOutbox {
    return this.outboxes[this.channelOf[keyGroup]!]!
  }

  /** A key function that fails, or a key that is none, is a failure of the operator that is keyed by it. */
  private groupOf(value: unknown): number {
    try {
      return this.grouper.groupOf(this.keyOf(value))
    } catch (error) {
      throw operatorFailure(error, this.receiver)
    }
  }
}

/** Combines records, and sends those by themselves that cannot be, or when it does not pay. */
class CombiningWriter extends HashWriter {
  private readonly partials: Partials

  constructor(
    channels: readonly ChannelWriter[],
    keyOf: (value: unknown) => Key,
    maxParallelism: number,
    receiver: string,
    partials: Partials,
  ) {
    super(channels, keyOf, maxParallelism, receiver)
    this.partials = partials
  }

  override emit(value: unknown, timestamp: number): void {
    const { partials } = this
    if (!partials.take(value, timestamp)) return super.emit(value, timestamp)
    this.count++
    if (partials.full) this.sendPartials()
  }

  override control(element: ControlElement): void {
    if (this.partials.mustLeaveBefore(element)) this.sendPartials()
    super.control(element)
  }

  override flush(): void {
    if (this.partials.hurry) this.sendPartials()
    else super.flush()
  }

  /** In batches of their own. */
  private sendPartials(): void {
    super.flush()
    this.partials.leave(this.putPartial)
    super.flush()
  }

  private readonly putPartial = (partial: PartialRecord, pane: number, keyGroup: number): void => {
    this.put(this.outboxFor(keyGroup), partial, pane, markPartial(keyGroup))
  }
}

/** Round robin; with a single channel this is `forward`. */
class RebalanceWriter extends RecordWriter {
  private next = 0

  emit(value: unknown, timestamp: number): void {
    this.count++
    this.put(this.outboxes[this.next]!, value, timestamp, 0)
    if (++this.next === this.outboxes.length) this.next = 0
  }
}

class BroadcastWriter extends RecordWriter {
  emit(value: unknown, timestamp: number): void {
    this.count++
    for (let i = 0; i < this.outboxes.length; i++) this.put(this.outboxes[i]!, value, timestamp, 0)
  }
}

/** The writer of an edge; `channels` by receiving subtask (one for `forward`). `uid`: the receiver's. */
export function createRecordWriter(
  { partitioning, combining }: Pick<PlanEdge, 'partitioning' | 'combining'>,
  channels: readonly ChannelWriter[],
  { maxParallelism, subtask, uid }: { readonly maxParallelism: number; readonly subtask: number; readonly uid: string },
): RecordWriter {
  switch (partitioning.kind) {
    case 'hash': {
      const keyOf = partitioning.keyOf as (value: unknown) => Key
      if (combining === undefined) return new HashWriter(channels, keyOf, maxParallelism, uid)
      const partials = new Partials(combining, uid, keyOf, maxParallelism)
      return new CombiningWriter(channels, keyOf, maxParallelism, uid, partials)
    }
    case 'forward':
      return new RebalanceWriter(channels)
    case 'rebalance':
      return new RebalanceWriter([...channels.slice(subtask), ...channels.slice(0, subtask)])
    case 'broadcast':
      return new BroadcastWriter(channels)
  }
}
