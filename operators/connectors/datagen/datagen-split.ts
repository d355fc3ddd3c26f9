/** The indexes `split, split + of, split + 2 * of, ...` from `next` on. Part of every checkpoint. A type, not an interface: it is JSON. */
export type DatagenSplit = {
  readonly split: number
  readonly of: number
  /** The next global index. */
  readonly next: number
}

/** Part of every checkpoint: into how many splits the indexes were dealt when the job first started. `null`: not yet. */
export type DatagenEnumeratorState = { readonly splits: number } | null
