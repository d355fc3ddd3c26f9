/** One operator state as a checkpoint takes it. */
export interface OperatorStateCell {
  /** Counts the writes: as long as it is the same, so are the elements. */
  readonly changes: number
  /** Elements. */
  readonly size: number
  /** The elements as they are now; of a broadcast state pairs. Later writes do not change them. */
  freeze(): Iterable<unknown>
}
