/** A range of 128-bit hash keys, both ends inclusive, as decimal numbers. */
export interface HashRange {
  readonly firstHash: string
  readonly lastHash: string
}

/** Whether the parts leave nothing of the whole out. */
export function covers(parts: readonly HashRange[], whole: HashRange): boolean {
  const sorted = parts
    .map(({ firstHash, lastHash }) => ({ first: BigInt(firstHash), last: BigInt(lastHash) }))
    .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  let next = BigInt(whole.firstHash)
  for (const { first, last } of sorted) {
    if (first > next) break
    if (last >= next) next = last + 1n
  }
  return next > BigInt(whole.lastHash)
}

/** Orders by where a range begins. */
export function byHash(a: HashRange, b: HashRange): number {
  const [first, second] = [BigInt(a.firstHash), BigInt(b.firstHash)]
  return first < second ? -1 : first > second ? 1 : 0
}
