/**
 * A split that goes on from one of another subtask may be behind this subtask in event time, whose watermarks cannot be taken back. So the
 * other subtask holds event time back until the split has caught up, and the receivers know that they have to wait for this subtask:
 *
 *   opened --> its watermark >= this subtask's --> the watermark it began with was sent --> and taken: caught up
 *
 * An idle one holds nobody back either. (Flink lets the records in between be late.)
 */
import type { SplitState } from './split-state.js'

interface Follower {
  readonly id: string
  readonly split: SplitState
  readonly from: number
  taken: (() => boolean) | undefined
}

/** Splits of one subtask that go on from others and are not yet as far as their subtask. Slot thread. */
export class Followers {
  private all: Follower[] = []

  /** Whether there is anything to look at. */
  get any(): boolean {
    return this.all.length > 0
  }

  /** Some only wait until receivers have taken what was sent. */
  get leaving(): boolean {
    return this.all.some(({ taken }) => taken !== undefined)
  }

  /** `from`: event time of the split it goes on from. */
  add(split: SplitState, from: number): void {
    this.all.push({ id: split.id, split, from, taken: undefined })
  }

  /** It is gone. True if it had not caught up. */
  remove(id: string): boolean {
    const before = this.all.length
    this.all = this.all.filter((one) => one.id !== id)
    return this.all.length < before
  }

  /** Those that have caught up since it was asked last. `send`: see `SourceHost`. */
  takeCaughtUp(applied: number, sent: number, send: () => () => boolean): readonly string[] {
    const caughtUp: string[] = []
    for (const follower of this.all) {
      const { id, split, from } = follower
      if (follower.taken === undefined && (split.idle || (split.watermark >= applied && sent >= from)))
        follower.taken = send()
      if (follower.taken?.() === true) caughtUp.push(id)
    }
    for (const id of caughtUp) this.remove(id)
    return caughtUp
  }
}
