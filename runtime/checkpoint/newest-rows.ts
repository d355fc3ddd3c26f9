// Invariant: runs stand on their smallest unread row. The least goes next, from the newest run that has it; the others that have it step
// over it. As mergeSegments, but with all blocks in memory: nothing waits.
import { rowPosition } from '../codec/row-position.js'
import { BlockRows } from './block-rows.js'
import { compareRows } from './merge-segments.js'

/** A checked block in `buffer[from..to)`. */
export interface LoadedBlock {
  readonly buffer: Buffer
  readonly from: number
  readonly to: number
}

/** The rows of one run from a position to another (exclusive). */
class RunRows {
  readonly row = new BlockRows()
  readonly #blocks: readonly LoadedBlock[]
  readonly #from: number
  readonly #to: number
  #next = 0

  constructor(blocks: readonly LoadedBlock[], from: number, to: number) {
    this.#blocks = blocks
    this.#from = from
    this.#to = to
  }

  next(): boolean {
    for (;;) {
      while (this.row.next()) {
        const position = rowPosition(this.row.keyGroup, this.row.buffer, this.row.keyFrom)
        if (position >= this.#to) {
          this.#next = this.#blocks.length
          return false
        }
        if (position >= this.#from) return true
      }
      const block = this.#blocks[this.#next++]
      if (block === undefined) return false
      this.row.open(block.buffer, block.from, block.to)
    }
  }
}

/** The newest version of each row between two positions, in order; deleted ones are left out. */
export class NewestRows {
  /** The current row: valid until `next`. */
  row: BlockRows = new BlockRows()
  /** Newest first, each on a row. */
  readonly #live: RunRows[]
  #least: RunRows | undefined

  /** `newestFirst`: of each run the blocks that may hold rows at `from <= position < to`. */
  constructor(newestFirst: readonly (readonly LoadedBlock[])[], from: number, to: number) {
    const runs = newestFirst.map((blocks) => new RunRows(blocks, from, to))
    this.#live = runs.filter((run) => run.next())
  }

  get position(): number {
    return rowPosition(this.row.keyGroup, this.row.buffer, this.row.keyFrom)
  }

  /** Moves to the next row; false when there is none. */
  next(): boolean {
    do {
      if (this.#least !== undefined) this.#stepOver(this.#least)
      if (this.#live.length === 0) return false
      this.#least = this.#findLeast()
      this.row = this.#least.row
    } while (this.row.tombstone)
    return true
  }

  #findLeast(): RunRows {
    const live = this.#live
    let least = live[0]!
    for (let i = 1; i < live.length; i++) if (compareRows(live[i]!.row, least.row) < 0) least = live[i]!
    return least
  }

  /** All runs that have the row leave it behind. */
  #stepOver(least: RunRows): void {
    const live = this.#live
    for (let i = live.length - 1; i >= 0; i--) {
      const run = live[i]!
      if (run !== least && compareRows(run.row, least.row) === 0 && !run.next()) live.splice(i, 1)
    }
    if (!least.next()) live.splice(live.indexOf(least), 1)
  }
}
