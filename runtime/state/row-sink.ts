/** Where a checkpoint's rows go: a segment. Rows come ascending by key group, then by the bytes of their key. */
export interface RowSink {
  /** The ranges are valid during the call only. `minTimer` is the time of the entry's earliest timer; Infinity when it has none. */
  add(
    keyGroup: number,
    key: Uint8Array,
    keyFrom: number,
    keyTo: number,
    value: Uint8Array,
    valueFrom: number,
    valueTo: number,
    minTimer: number,
  ): void
  /** The row is gone since the last complete checkpoint. */
  addTombstone(keyGroup: number, key: Uint8Array, keyFrom: number, keyTo: number): void
}

/** How much a checkpoint has written. */
export interface SnapshotSize {
  /** Tombstones included. */
  readonly rows: number
  /** Of keys and values. */
  readonly bytes: number
}
