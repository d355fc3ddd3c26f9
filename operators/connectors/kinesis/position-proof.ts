import { type Doubt, isOld } from './expired-position.js'
import { isBehind } from './sequence-number.js'
import type { FetchStart, ShardBatch } from './shard-reader.js'
import type { ShardPosition } from './shard-split.js'

/** A single answer without records may be a lie; so many in a row that say that there are none are not. */
const ANSWERS_TO_BELIEVE = 3

/** An answer without records that says that there are none, and that the shard is not at its end. */
export function isAtTip({ records, millisBehindLatest, end }: ShardBatch): boolean {
  return records.length === 0 && millisBehindLatest === 0 && end === undefined
}

/**
 * Whether what comes after fetching began anew follows the position. The service does not say if records between have been dropped: it
 * goes on with the oldest. Two things show that none have: the position's own record, asked for once more, is still there; or the position's
 * `readToMs` lies within the time for which records are kept. Slot thread.
 */
export class PositionProof {
  private readonly position: ShardPosition
  private readonly expected: string | undefined
  private atTip = 0

  /** `position`: behind everything that was read before `start`. */
  constructor(start: FetchStart, position: ShardPosition) {
    this.position = position
    this.expected = start.type === 'AT_SEQUENCE_NUMBER' ? start.sequenceNumber : undefined
  }

  /** Undefined: it holds. `open`: the answer says nothing, and nothing may be made of it. */
  next(batch: ShardBatch): Doubt | 'open' | undefined {
    const { expected } = this
    if (expected === undefined) return isOld(this.position, batch.atMs) ? 'age' : undefined
    const first = batch.records.find(({ SequenceNumber }) => !isBehind(SequenceNumber!, expected))
    if (first?.SequenceNumber === expected) return undefined
    if (first !== undefined || batch.end !== undefined) return 'absent'
    this.atTip = isAtTip(batch) ? this.atTip + 1 : 0
    return this.atTip < ANSWERS_TO_BELIEVE ? 'open' : 'absent'
  }
}
