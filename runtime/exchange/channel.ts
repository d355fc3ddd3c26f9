import type { ControlElement, Element } from './element.js'
import type { RecordBatch } from './record-batch.js'

/*
 * A channel joins one subtask to another. Elements arrive in exactly the order they were written, whatever their kind.
 * Two kinds: `RingChannel...` between threads (bytes), `LocalChannel` within a slot (references). Nothing here blocks.
 */

/** The writing end; belongs to one slot. */
export interface ChannelWriter {
  /** An empty batch to fill for the next `tryWriteRecords`. */
  takeBatch(): RecordBatch
  /**
   * Writes the records of a batch from `takeBatch`. True: the batch is no longer the caller's, its records must never
   * change. False: the channel is full; write the same unchanged batch again, before anything else, once `hasRoom()`.
   * Throws MILLRACE_VALUE for records that cannot cross threads; nothing of the batch is written then.
   */
  tryWriteRecords(batch: RecordBatch): boolean
  /** Writes one control element. False: the channel is full; write the same object again, before anything else. */
  tryWriteControl(element: ControlElement): boolean
  /** Whether the write that failed last could go on. For `parkUnless`: asks the reader to wake this slot if not. */
  hasRoom(): boolean
  /** Whether the reader asks for no more records: it has enough to do. What is written all the same it gets. */
  isHeld(): boolean
  /** Whether the reader has taken all that was written up to this call; ask the result often, until it says so. */
  taken(): () => boolean
}

/** The reading end; belongs to one slot. */
export interface ChannelReader {
  /** Whether `poll` is likely to give something. For `parkUnless`. */
  hasNext(): boolean
  /** The next element, in order; undefined when there is none yet. A batch is valid until the next `poll` or `release`. */
  poll(): Element | undefined
  /** Gives the batch polled last back for reuse. */
  release(): void
  /** Asks the writer for no more records, or wakes it to go on. */
  hold(held: boolean): void
}
