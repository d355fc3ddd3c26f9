import type { IdentifiedSplit } from '../../../runtime/contract/source.js'
import type { FileSplit, PinnedFile } from './file-split.js'

/** One split a file, or one for each `splitBytes` of it. An empty file has none. */
export function planSplits(files: readonly PinnedFile[], splitBytes: number | undefined): IdentifiedSplit<FileSplit>[] {
  const splits: IdentifiedSplit<FileSplit>[] = []
  for (const { path, size, head } of files) {
    const step = splitBytes ?? size
    for (let from = 0; from < size; from += step) {
      const id = splitBytes === undefined ? path : `${path}@${from}`
      splits.push({ id, split: { path, size, head, from, to: Math.min(from + step, size), aligned: from === 0 } })
    }
  }
  return splits
}

/**
 * Spreads splits over the readers so that each has about as many bytes: the largest first, each to the reader that has least. In each
 * reader they stay in the order they came in. The same input gives the same answer.
 */
export function spreadSplits(
  splits: readonly IdentifiedSplit<FileSplit>[],
  parallelism: number,
): IdentifiedSplit<FileSplit>[][] {
  const bytes = ({ split }: IdentifiedSplit<FileSplit>): number => split.to - split.from
  const order = splits.map((_, i) => i).sort((a, b) => bytes(splits[b]!) - bytes(splits[a]!) || a - b)
  const loads = new Array<number>(parallelism).fill(0)
  const readers = loads.map((): number[] => [])
  for (const i of order) {
    let least = 0
    for (let reader = 1; reader < parallelism; reader++) if (loads[reader]! < loads[least]!) least = reader
    loads[least]! += bytes(splits[i]!)
    readers[least]!.push(i)
  }
  return readers.map((mine) => mine.sort((a, b) => a - b).map((i) => splits[i]!))
}
