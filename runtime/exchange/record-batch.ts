const FIRST_LENGTH = 64

/**
 * Records of one channel, column by column, reused from batch to batch. Grows up to `maxLength` and then is full.
 * Only the first `length` entries of the columns count. One thread at a time owns it.
 */
export class RecordBatch {
  readonly kind = 'records'
  readonly maxLength: number
  length = 0
  readonly values: unknown[] = []
  /** Epoch milliseconds; `NO_TIMESTAMP` for none. */
  timestamps: Float64Array
  /** Of the records' keys; undefined on a channel without keys. */
  keyGroups: Uint16Array | undefined
  private spareKeyGroups: Uint16Array

  /** `keyed` may be changed by {@link setKeyed} while the batch is empty. */
  constructor(maxLength: number, keyed: boolean) {
    this.maxLength = maxLength
    this.timestamps = new Float64Array(Math.min(FIRST_LENGTH, maxLength))
    this.spareKeyGroups = new Uint16Array(keyed ? this.timestamps.length : 0)
    this.keyGroups = keyed ? this.spareKeyGroups : undefined
  }

  get isFull(): boolean {
    return this.length === this.maxLength
  }

  /** Appends a record; the batch must not be full. `keyGroup` is ignored on a channel without keys. */
  append(value: unknown, timestamp: number, keyGroup: number): void {
    const at = this.length
    if (at === this.timestamps.length) this.reserve(at + 1)
    this.values[at] = value
    this.timestamps[at] = timestamp
    if (this.keyGroups !== undefined) this.keyGroups[at] = keyGroup
    this.length = at + 1
  }

  /** Makes the columns at least `length` long. */
  reserve(length: number): void {
    const size = this.timestamps.length
    if (length > size) {
      const timestamps = new Float64Array(Math.max(length, Math.min(size * 2, this.maxLength)))
      timestamps.set(this.timestamps)
      this.timestamps = timestamps
    }
    if (this.keyGroups !== undefined && this.keyGroups.length < this.timestamps.length) {
      const keyGroups = new Uint16Array(this.timestamps.length)
      keyGroups.set(this.keyGroups)
      this.keyGroups = this.spareKeyGroups = keyGroups
    }
  }

  /** Whether the records of this batch carry key groups. */
  setKeyed(keyed: boolean): void {
    this.keyGroups = keyed ? this.spareKeyGroups : undefined
    if (keyed) this.reserve(this.timestamps.length)
  }

  /** Empties the batch and lets go of the records, so that they can die young. */
  clear(): void {
    this.values.fill(undefined, 0, this.length)
    this.length = 0
  }
}
