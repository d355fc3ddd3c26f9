/** A row of a checkpoint; key and value are ranges of `buffer`. */
export interface StoredRow {
  readonly keyGroup: number
  readonly buffer: Uint8Array
  readonly keyFrom: number
  readonly keyTo: number
  readonly valueFrom: number
  readonly valueTo: number
  /** The time of the entry's earliest timer, of either kind; Infinity when it has none. */
  readonly minTimer: number
}

/** Walks rows in order; synchronous. */
export interface RowCursor {
  /** The current row; valid until the next one. */
  readonly row: StoredRow
  /** Where it stands: see `rowPosition`. */
  readonly position: number
  /** Moves to the next row; false when there is none. */
  next(): boolean
}

/** The rows of a checkpoint, only the newest version of each, deleted ones left out: what a backend restores on demand. */
export interface StoredRows {
  /** They are cut into ranges by position: where each begins, and at last where the last one ends. */
  readonly bounds: Float64Array
  /** A time before which no row of the range has a timer; Infinity if none has any. */
  minTimer(range: number): number
  /** The rows at `from <= position < to`. Damaged ones are MILLRACE_CORRUPT. */
  read(from: number, to: number): Promise<RowCursor>
  /** The rows at these positions, which ascend and are of one range, and perhaps others between them. */
  readAt(positions: readonly number[]): Promise<RowCursor>
}
