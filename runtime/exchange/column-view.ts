/** Where the entries of a decoded column are: `array[offset + i]`. Numbers are seen in the frame itself, until its release. */
export class ColumnView {
  array: ArrayLike<unknown> = []
  offset = 0
  private readonly entries: unknown[] = []
  private doubles = new Float64Array(0)

  /** Room for `count` doubles. */
  doubleScratch(count: number): Float64Array {
    if (this.doubles.length < count) this.doubles = new Float64Array(Math.max(count, this.doubles.length * 2))
    return this.doubles
  }

  /** Shows a list of its own, to be filled from 0. */
  ownEntries(): unknown[] {
    this.array = this.entries
    this.offset = 0
    return this.entries
  }

  /** Lets go of `count` entries, so that records can die young. */
  clear(count: number): void {
    if (this.array === this.entries) this.entries.fill(undefined, 0, count)
  }
}
