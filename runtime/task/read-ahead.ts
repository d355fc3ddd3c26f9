/**
 * Invariant: what is taken out of the channels ahead of its turn is processed in the order in which it was taken, before anything that is
 * still in a channel. So reading ahead changes when a record is processed, never what comes before it.
 *
 *   channels --take--> [ frame | watermark | frame | ... ] --> gate --> subtask
 */
import type { ControlElement } from '../exchange/element.js'
import { RecordBatch } from '../exchange/record-batch.js'
import type { FrameStore, StoredFrame } from '../exchange/stored-frame.js'
import { inFlightBytes } from './channel-file.js'

/** An element of a channel of the gate. A batch that no frame can hold is kept by reference. */
export interface TakenElement {
  readonly channel: number
  readonly element: StoredFrame | RecordBatch | ControlElement
}

/** The elements that a gate has read ahead. Slot thread. */
export class ReadAhead {
  private readonly frames: FrameStore
  private readonly batch: RecordBatch
  private elements: TakenElement[] = []
  private head = 0
  private heldBytes = 0

  constructor(frames: FrameStore, maxRecords: number) {
    this.frames = frames
    this.batch = new RecordBatch(maxRecords, true)
  }

  get empty(): boolean {
    return this.head === this.elements.length
  }

  /** Of memory, about. */
  get bytes(): number {
    return this.heldBytes
  }

  /** In order. */
  all(): readonly TakenElement[] {
    return this.elements.slice(this.head)
  }

  add(taken: TakenElement): void {
    this.elements.push(taken)
    this.heldBytes += bytesOf(taken)
  }

  /** A batch that was being processed: before everything else. */
  putBack(taken: TakenElement): void {
    this.elements = [taken, ...this.all()]
    this.head = 0
    this.heldBytes += bytesOf(taken)
  }

  /** The next element; there must be one. A batch is valid until the next call. */
  next(): { readonly channel: number; readonly element: RecordBatch | ControlElement } {
    const taken = this.elements[this.head++]!
    this.heldBytes -= bytesOf(taken)
    if (this.empty) {
      this.elements = []
      this.head = 0
    } else if (this.head === 1024) {
      this.elements = this.elements.slice(this.head)
      this.head = 0
    }
    const { channel, element } = taken
    if (element.kind !== 'frame') return { channel, element }
    this.frames.load(element, this.batch)
    return { channel, element: this.batch }
  }
}

/** A frame is charged for what it holds; of a batch that is none the size is not known. */
function bytesOf({ element }: TakenElement): number {
  return element.kind === 'records' ? 0 : inFlightBytes(element)
}
