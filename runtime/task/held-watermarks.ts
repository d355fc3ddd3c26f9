/**
 * Invariant: no link has seen a higher watermark than the operators before it let pass, and none sees one fall.
 *
 *   watermark 9 --> map (9) --> async, holds at 5 (9) --> filter (5) --> channels (5)
 */
import { MIN_WATERMARK } from '../contract/time.js'
import type { Link } from './link.js'

/** How far each link of a chain has come in event time, where operators hold watermarks back. Slot thread. */
export class HeldWatermarks {
  private readonly links: readonly Link[]
  /** By link; the last one is what the channels have. */
  private readonly seen: Float64Array

  constructor(links: readonly Link[]) {
    this.links = links
    this.seen = new Float64Array(links.length + 1).fill(MIN_WATERMARK)
  }

  /** The link, or with the index behind the last one the channels, got the watermark. */
  saw(index: number, watermark: number): void {
    this.seen[index] = watermark
  }

  /** What goes on from link `index` to the next, which is undefined while that is nothing new. */
  passing(index: number): number | undefined {
    const here = this.seen[index]!
    const passes = this.links[index]!.holdWatermark?.(here) ?? here
    return passes > this.seen[index + 1]! ? passes : undefined
  }

  /** The last link that holds something back which may go on now; -1: none does. */
  released(): number {
    for (let i = this.links.length - 1; i >= 0; i--) {
      if (this.links[i]!.holdWatermark !== undefined && this.passing(i) !== undefined) return i
    }
    return -1
  }
}
