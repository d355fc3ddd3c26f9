/** What a record takes beside its data: the object, its strings. */
const OVERHEAD_BYTES = 300

/** The memory of one reader, in equal shares: a shard that is held back does not take that of the others. */
export class ReadAheadMemory {
  private readonly limitBytes: number
  private shares = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  /** One more shard is read; the result ends its share. */
  join(): () => void {
    this.shares++
    return () => this.shares--
  }

  /** What a shard may hold before it stops reading. What it holds may be one response more. */
  get shareBytes(): number {
    return this.limitBytes / Math.max(1, this.shares)
  }

  /** Of so many records. */
  overheadBytes(records: number): number {
    return records * OVERHEAD_BYTES
  }
}
