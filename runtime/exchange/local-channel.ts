/*
 * A channel within a slot: a bounded queue of references. A batch goes round: writer -> queue -> reader -> spare -> writer.
 * Invariant: a batch is in one of these places only, and at most `capacity` elements are queued.
 */
import type { ChannelReader, ChannelWriter } from './channel.js'
import type { ControlElement, Element } from './element.js'
import { RecordBatch } from './record-batch.js'

/** Both ends of a channel between two subtasks of one slot. Records pass as they are: not copied, not encoded. */
export class LocalChannel implements ChannelWriter, ChannelReader {
  private readonly ring: (Element | undefined)[]
  private readonly maxRecords: number
  private readonly keyed: boolean
  private readonly spare: RecordBatch[] = []
  private head = 0
  private count = 0
  private pushed = 0
  private polled: RecordBatch | undefined
  private held = false

  /** Holds up to `capacity` elements, batches of up to `maxRecords` records with or without key groups. */
  constructor(capacity: number, maxRecords: number, keyed: boolean) {
    this.ring = new Array<Element | undefined>(capacity).fill(undefined)
    this.maxRecords = maxRecords
    this.keyed = keyed
  }

  takeBatch(): RecordBatch {
    return this.spare.pop() ?? new RecordBatch(this.maxRecords, this.keyed)
  }

  tryWriteRecords(batch: RecordBatch): boolean {
    return this.push(batch)
  }

  tryWriteControl(element: ControlElement): boolean {
    return this.push(element)
  }

  hasRoom(): boolean {
    return this.count < this.ring.length
  }

  isHeld(): boolean {
    return this.held
  }

  hold(held: boolean): void {
    this.held = held
  }

  taken(): () => boolean {
    const all = this.pushed
    return () => this.pushed - this.count >= all
  }

  hasNext(): boolean {
    return this.count > 0
  }

  poll(): Element | undefined {
    this.release()
    if (this.count === 0) return undefined
    const element = this.ring[this.head]!
    this.ring[this.head] = undefined
    this.head = (this.head + 1) % this.ring.length
    this.count--
    if (element.kind === 'records') this.polled = element
    return element
  }

  release(): void {
    if (this.polled === undefined) return
    this.polled.clear()
    this.spare.push(this.polled)
    this.polled = undefined
  }

  private push(element: Element): boolean {
    if (this.count === this.ring.length) return false
    this.ring[(this.head + this.count) % this.ring.length] = element
    this.count++
    this.pushed++
    return true
  }
}
