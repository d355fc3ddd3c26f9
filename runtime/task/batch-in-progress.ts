/**
 * Invariant: the records of a batch go into the chain in order, each once, and none while something waits for room in a channel or an
 * operator pauses. A turn takes as many as a few milliseconds allow, so that a slow operator lets control through between its records.
 *
 *   gate --> [ done | cursor ... end of turn | rest ] --> head of the chain
 */
import type { Key } from '../contract/key.js'
import { steadyTime, type Clock } from '../contract/time.js'
import { RecordBatch } from '../exchange/record-batch.js'
import type { GateChannel } from './gate-channel.js'
import type { Link } from './link.js'
import { keyOfPartial, markPartial, unmarkPartials } from './partial-record.js'
import type { Pauses } from './pauses.js'
import { anyBlocked, type RecordWriter } from './record-writer.js'

/** A turn that takes longer has too many records. */
const LONG_TURN_MS = 8
/** What nothing is known of yet begins with few. */
const FIRST_TURN_RECORDS = 16

/** The batch that a subtask is working on. Slot thread. */
export class BatchInProgress {
  /** Whether there is one. */
  active = false
  private readonly head: Link
  private readonly writers: readonly RecordWriter[]
  private readonly pauses: Pauses
  private readonly clock: Clock
  private readonly keys: Key[] = []
  private batch!: RecordBatch
  private channel!: GateChannel
  private partials = false
  private cursor = 0
  private turnRecords = FIRST_TURN_RECORDS

  constructor(head: Link, writers: readonly RecordWriter[], pauses: Pauses, clock: Clock) {
    this.head = head
    this.writers = writers
    this.pauses = pauses
    this.clock = clock
  }

  /** Takes a batch on; a promise: its keys are being loaded. */
  begin(batch: RecordBatch, channel: GateChannel): Promise<void> | undefined {
    this.active = true
    this.batch = batch
    this.channel = channel
    this.cursor = 0
    this.partials = unmarkPartials(batch)
    const { backend } = this.head
    if (backend === undefined || channel.keyOf === undefined || !backend.mayMiss) return undefined
    const { keys } = this
    const keyOf = this.partials ? keyOfPartial : channel.keyOf
    for (let i = 0; i < batch.length; i++) keys[i] = keyOf(batch.values[i])
    return backend.prefetch(keys, batch.keyGroups!, batch.length)
  }

  /** One turn; a promise: wait before the next one. */
  process(): Promise<void> | undefined {
    const began = steadyTime(this.clock)
    const from = this.cursor
    const end = Math.min(this.batch.length, from + this.turnRecords)
    this.cursor = this.pauses.any
      ? this.processPausing(from, end)
      : this.partials
        ? this.processPartials(from, end)
        : this.processRecords(from, end)
    this.pace(this.cursor - from, steadyTime(this.clock) - began)
    if (this.cursor < this.batch.length) return undefined
    this.active = false
    return this.head.backend?.evictIfNeeded()
  }

  /** What is not processed yet, as it came. */
  rest(): { readonly batch: RecordBatch; readonly channel: GateChannel } {
    const { values, timestamps, keyGroups, length } = this.batch
    const rest = new RecordBatch(length, keyGroups !== undefined)
    for (let i = this.cursor; i < length; i++) {
      const group = keyGroups === undefined ? 0 : keyGroups[i]!
      rest.append(values[i], timestamps[i]!, this.partials ? markPartial(group) : group)
    }
    return { batch: rest, channel: this.channel }
  }

  /** What is not processed yet will be, as another batch. */
  drop(): void {
    this.active = false
  }

  private processRecords(from: number, end: number): number {
    const { head, channel, writers } = this
    const { values, timestamps, keyGroups } = this.batch
    const input = channel.input === 0 ? head.input : head.input2
    const { backend } = head
    let i = from
    if (backend !== undefined && channel.keyOf !== undefined) {
      const { keyOf } = channel
      while (i < end) {
        const value = values[i]
        backend.setCurrentKey(keyOf(value), keyGroups![i]!)
        input.emit(value, timestamps[i]!)
        i++
        if (anyBlocked(writers)) break
      }
      return i
    }
    // Broadcast records have no key: nobody may see the last one's.
    if (channel.keyOf === undefined) backend?.clearCurrentKey()
    while (i < end) {
      input.emit(values[i], timestamps[i]!)
      i++
      if (anyBlocked(writers)) break
    }
    return i
  }

  /** In a loop of its own: one that called either of two functions would be slower for plain records. */
  private processPartials(from: number, end: number): number {
    const { writers } = this
    const { values, timestamps, keyGroups } = this.batch
    const backend = this.head.backend!
    const input = this.head.partials!
    let i = from
    while (i < end) {
      const partial = values[i]
      backend.setCurrentKey(keyOfPartial(partial), keyGroups![i]!)
      input.emit(partial, timestamps[i]!)
      i++
      if (anyBlocked(writers)) break
    }
    return i
  }

  /** As the others, but asks after each record whether another may come. */
  private processPausing(from: number, end: number): number {
    const { head, channel, pauses, writers } = this
    const { values, timestamps, keyGroups } = this.batch
    const { backend } = head
    const keyOf = this.partials ? keyOfPartial : channel.keyOf
    const input = this.partials ? head.partials! : channel.input === 0 ? head.input : head.input2
    let i = from
    while (i < end) {
      const value = values[i]
      if (backend !== undefined && keyOf !== undefined) backend.setCurrentKey(keyOf(value), keyGroups![i]!)
      input.emit(value, timestamps[i]!)
      i++
      if (anyBlocked(writers) || pauses.at() >= 0) break
    }
    return i
  }

  private pace(records: number, tookMs: number): void {
    if (tookMs > LONG_TURN_MS) {
      this.turnRecords = Math.max(1, Math.min(this.turnRecords >> 1, Math.floor((records * LONG_TURN_MS) / tookMs)))
    } else if (records === this.turnRecords && this.turnRecords < this.batch.maxLength && tookMs * 2 <= LONG_TURN_MS) {
      this.turnRecords *= 2
    }
  }
}
