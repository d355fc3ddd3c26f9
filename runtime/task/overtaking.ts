import { MillraceError } from '../contract/errors.js'
import type { FrameStore, StoredFrame } from '../exchange/stored-frame.js'
import { RecordBatch } from '../exchange/record-batch.js'
import type { ChannelLog } from './channel-log.js'
import { ReadAhead, type TakenElement } from './read-ahead.js'

/** What an {@link Overtaking} is made of. */
export interface OvertakingOptions {
  readonly frames: FrameStore
  readonly maxRecords: number
  /** Of memory for what is read ahead. */
  readonly limitBytes: number
  /** Records cannot be written: called once. */
  readonly refused: (error: MillraceError) => void
  /** Where what is in flight at a checkpoint goes. */
  readonly log: (checkpointId: number) => ChannelLog
  /** What was in flight at the checkpoint restored. */
  readonly restored: readonly TakenElement[]
}

/** How barriers overtake what is in the channels of a gate. Slot thread. */
export class Overtaking {
  /** Why a record cannot be written; undefined as long as all can. */
  refusal: MillraceError | undefined
  readonly ahead: ReadAhead
  readonly limitBytes: number
  readonly log: (checkpointId: number) => ChannelLog
  private readonly options: OvertakingOptions

  constructor(options: OvertakingOptions) {
    this.options = options
    this.limitBytes = options.limitBytes
    this.log = options.log
    this.ahead = new ReadAhead(options.frames, options.maxRecords)
    for (const taken of options.restored) this.ahead.add(taken)
  }

  /** The batch, which is another's, to be kept: as a frame, or as records within a slot that no frame can hold. */
  store(batch: RecordBatch): StoredFrame | RecordBatch {
    try {
      return this.options.frames.store(batch)
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'MILLRACE_VALUE') throw error
      if (this.refusal === undefined) this.options.refused(error)
      this.refusal ??= error
      return copyOf(batch)
    }
  }
}

function copyOf({ values, timestamps, keyGroups, length }: RecordBatch): RecordBatch {
  const copy = new RecordBatch(length, keyGroups !== undefined)
  for (let i = 0; i < length; i++) copy.append(values[i], timestamps[i]!, keyGroups?.[i] ?? 0)
  return copy
}
