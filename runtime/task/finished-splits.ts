/**
 * Invariant: what a split of a source with successors was read to holds event time back until what follows it is being read, and it stays
 * in checkpoints until the enumerator has dealt with its end: no moment at which a restored job would know neither it nor its successors.
 *
 *   read to its end --> all its records have left --> the enumerator is told --> retired (--> held) --> gone
 *   '------------------ in checkpoints ------------------------------------'
 *   '------------------ holds event time back ----------------------------------------------'
 */
import { MillraceError } from '../contract/errors.js'
import { MAX_WATERMARK } from '../contract/time.js'
import type { AssignedSplit } from '../worker/protocol.js'

interface Leaving {
  readonly split: AssignedSplit
  readonly left: () => boolean
}

/** The splits of one subtask that were read to their ends and are not yet forgotten. Slot thread. */
export class FinishedSplits {
  /** The lowest of their watermarks; +Infinity without any. */
  watermark: number = MAX_WATERMARK
  private readonly splits = new Map<string, AssignedSplit>()
  /** Retired, but what follows them in other subtasks is not yet as far as those subtasks are. */
  private readonly held = new Map<string, number>()
  private leaving: Leaving[] = []

  /** None left, held ones neither. */
  get empty(): boolean {
    return this.splits.size === 0 && this.held.size === 0
  }

  /** Some wait for their records to have left. */
  get waiting(): boolean {
    return this.leaving.length > 0
  }

  /** `left` says whether all records of the split have left the subtask. */
  add(split: AssignedSplit, left: () => boolean): void {
    this.splits.set(split.id, split)
    this.leaving.push({ split, left })
    this.measure()
  }

  /** The splits whose records have left since it was asked last. */
  takeLeft(): readonly AssignedSplit[] {
    const left = this.leaving.filter((one) => one.left())
    if (left.length > 0) this.leaving = this.leaving.filter((one) => !left.includes(one))
    return left.map(({ split }) => split)
  }

  /** Out of the checkpoints; `hold`: event time waits until `release`. MILLRACE_INTERNAL for one that was not read to its end. */
  retire(ids: readonly string[], hold: boolean): void {
    for (const id of ids) {
      const split = this.splits.get(id)
      if (split === undefined || this.leaving.some((one) => one.split.id === id)) throw unfinished(id)
      this.splits.delete(id)
      if (hold) this.held.set(id, split.watermark)
    }
    this.measure()
  }

  release(ids: readonly string[]): void {
    for (const id of ids) this.held.delete(id)
    this.measure()
  }

  /** What a checkpoint keeps. */
  snapshot(): AssignedSplit[] {
    return [...this.splits.values()]
  }

  private measure(): void {
    let min = MAX_WATERMARK
    for (const { watermark } of this.splits.values()) if (watermark < min) min = watermark
    for (const watermark of this.held.values()) if (watermark < min) min = watermark
    this.watermark = min
  }
}

function unfinished(id: string): MillraceError {
  return new MillraceError(
    'MILLRACE_INTERNAL',
    `split ${id} is retired, but nobody was told that it was read to its end`,
  )
}
