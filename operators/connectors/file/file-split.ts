/** An input file as it was when the job first started. Part of every checkpoint. A type, not an interface: it is JSON. */
export type PinnedFile = {
  /** As the user gave it; below a folder, the folder as given and the rest. */
  readonly path: string
  /** Bytes. Only so many are ever read. */
  readonly size: number
  /** SHA-256 of the first 4 KB (of `size`), 32 hexadecimal digits. */
  readonly head: string
}

/**
 * A range of a file: the records whose first byte lies in `[from, to)`. Part of every checkpoint.
 * `aligned`: a record begins at `from`; otherwise reading starts at the first record that begins at or behind it.
 */
export type FileSplit = PinnedFile & {
  readonly from: number
  readonly to: number
  readonly aligned: boolean
}

/** Part of every checkpoint. `null`: the checkpoint was taken before the input was listed. */
export type FileEnumeratorState = { readonly files: readonly PinnedFile[] } | null

/** How bytes become records. */
export interface FileFraming {
  readonly format: 'lines' | 'csv'
  readonly skipBlank: boolean
  /** CSV only. */
  readonly delimiter: string
  /** CSV only: the first record names the columns. */
  readonly header: boolean
}
