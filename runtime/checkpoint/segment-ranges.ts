/*
 * The keyed state of one operator subtask as it lies in segments: sorted runs, newest first, cut into ranges of about a block.
 *
 *   run (newest)   |  block  |    block     |        block        |
 *   run (oldest)   | block | block | block | block | block | block |
 *   ranges         |   0   |   1   | ...                             by position: key group, then hash
 *
 * Only footers and indexes are read at once. Invariant: rows of one entry lie in one range.
 */
import { POSITIONS, rowPosition } from '../codec/row-position.js'
import type { CheckpointStorage } from '../storage/storage.js'
import type { SegmentRef } from './manifest.js'
import { mayHold } from './key-filter.js'
import { NewestRows, type LoadedBlock } from './newest-rows.js'
import { BLOCK_BYTES, NO_TIMER } from './segment-format.js'
import { readBlocks, type BlockInfo } from './segment-index.js'
import { SegmentReader } from './segment-reader.js'
import { groupRuns } from './segment-run.js'

/** Blocks that stand side by side are read by one request, up to so much. */
const REQUEST_BYTES = 1024 * 1024
/** Blocks kept that were read by themselves: small runs' are wanted again and again. */
const KEPT_BLOCKS = 64

interface Run {
  readonly blocks: readonly BlockInfo[]
  /** Positions of the blocks' first rows. */
  readonly starts: Float64Array
}

/** Reads rows of a checkpoint by position. One thread; any number of reads at a time. */
export class SegmentRanges {
  /** Where each range begins, and at last where the last one ends. */
  readonly bounds: Float64Array
  readonly #newestFirst: readonly Run[]
  readonly #kept = new Map<BlockInfo, Promise<LoadedBlock>>()

  private constructor(newestFirst: readonly Run[], bounds: Float64Array) {
    this.#newestFirst = newestFirst
    this.bounds = bounds
  }

  /** Opens segments, oldest first, for a range of key groups, both ends included. Damaged or missing: MILLRACE_CORRUPT naming the file. */
  static async open(
    storage: CheckpointStorage,
    refs: readonly SegmentRef[],
    firstKeyGroup: number,
    lastKeyGroup: number,
    rangeBytes: number = BLOCK_BYTES,
  ): Promise<SegmentRanges> {
    const open = async (refs: readonly SegmentRef[]): Promise<Run> => {
      const readers = await Promise.all(refs.map((ref) => SegmentReader.open(storage, ref)))
      const blocks = readers
        .flatMap((reader) => reader.blocks)
        .filter((block) => block.lastKeyGroup >= firstKeyGroup && block.firstKeyGroup <= lastKeyGroup)
      const starts = Float64Array.from(blocks, ({ firstKeyGroup, firstKey }) => rowPosition(firstKeyGroup, firstKey, 0))
      return { blocks, starts }
    }
    const newestFirst = await Promise.all(groupRuns(refs).reverse().map(open))
    const bounds = cut(newestFirst, firstKeyGroup * POSITIONS, (lastKeyGroup + 1) * POSITIONS, rangeBytes)
    return new SegmentRanges(newestFirst, bounds)
  }

  /** A time before which no row of the range has a timer; `NO_TIMER` if none has any. */
  minTimer(range: number): number {
    let least = NO_TIMER
    for (const run of this.#newestFirst)
      for (const block of blocksOf(run, this.bounds[range]!, this.bounds[range + 1]!))
        least = Math.min(least, block.minTimer)
    return least
  }

  /** The rows at `from <= position < to`, their blocks read and checked. Altered ones: MILLRACE_CORRUPT naming the file. */
  async read(from: number, to: number): Promise<NewestRows> {
    const runs = this.#newestFirst.map((run) => this.#load(blocksOf(run, from, to)))
    return new NewestRows(await Promise.all(runs), from, to)
  }

  /**
   * The rows at these positions, which ascend and are of one range, and perhaps others between them. Blocks that hold none of them are,
   * nearly always, not read.
   */
  async readAt(positions: readonly number[]): Promise<NewestRows> {
    const from = positions[0]!
    const to = positions.at(-1)! + 1
    const runs = this.#newestFirst.map((run) =>
      this.#load(
        blocksOf(run, from, to).filter(
          ({ filter }) => filter === undefined || positions.some((position) => mayHold(filter, position)),
        ),
      ),
    )
    return new NewestRows(await Promise.all(runs), from, to)
  }

  async #load(blocks: readonly BlockInfo[]): Promise<LoadedBlock[]> {
    const loads: Promise<LoadedBlock[]>[] = []
    for (let at = 0; at < blocks.length;) {
      const count = requestLength(blocks, at)
      const wanted = blocks.slice(at, at + count)
      loads.push(count === 1 ? this.#loadOne(wanted[0]!) : loadAll(wanted))
      at += count
    }
    return (await Promise.all(loads)).flat()
  }

  async #loadOne(block: BlockInfo): Promise<LoadedBlock[]> {
    let loading = this.#kept.get(block)
    if (loading === undefined) {
      loading = loadAll([block]).then(([loaded]) => loaded!)
      if (this.#kept.size >= KEPT_BLOCKS) this.#kept.delete(this.#kept.keys().next().value!)
    } else this.#kept.delete(block)
    this.#kept.set(block, loading)
    return [await loading]
  }
}

/** The blocks that may hold rows between two positions. The one before the first that begins there may end there. */
function blocksOf({ blocks, starts }: Run, from: number, to: number): readonly BlockInfo[] {
  const first = Math.max(0, lowerBound(starts, from) - 1)
  return blocks.slice(first, lowerBound(starts, to))
}

function lowerBound(starts: Float64Array, position: number): number {
  let low = 0
  let high = starts.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (starts[middle]! < position) low = middle + 1
    else high = middle
  }
  return low
}

/** A range ends where blocks of that size together have begun in it. */
function cut(runs: readonly Run[], from: number, to: number, rangeBytes: number): Float64Array {
  const begins = runs.flatMap(({ blocks, starts }) =>
    blocks.map(({ bytes }, i) => ({ position: Math.max(from, starts[i]!), bytes })),
  )
  begins.sort((a, b) => a.position - b.position)
  const bounds = [from]
  let bytes = 0
  for (const begin of begins) {
    if (bytes >= rangeBytes && begin.position > bounds.at(-1)!) {
      bounds.push(begin.position)
      bytes = 0
    }
    bytes += begin.bytes
  }
  return Float64Array.from([...bounds, to])
}

/** How many blocks from there on one request reads. */
function requestLength(blocks: readonly BlockInfo[], at: number): number {
  const { file, offset } = blocks[at]!
  let count = 1
  for (let next = blocks[at + count]; next?.file === file; next = blocks[at + ++count])
    if (next.offset + next.bytes - offset > REQUEST_BYTES) break
  return count
}

async function loadAll(blocks: readonly BlockInfo[]): Promise<LoadedBlock[]> {
  const first = blocks[0]!
  const buffer = await readBlocks(blocks)
  return blocks.map((block) => {
    const from = block.offset - first.offset
    return { buffer, from, to: from + block.bytes }
  })
}
