/** A list state of one key. */
export class ListValue {
  items: unknown[]
  /** Epoch milliseconds of each element's write; only with a time to live. */
  stamps: number[] | undefined
  /** Handed out to user code: copied before it grows. */
  shared = false

  constructor(items: unknown[], stamps: number[] | undefined) {
    this.items = items
    this.stamps = stamps
  }

  hasExpired(deadline: number): boolean {
    return this.stamps !== undefined && this.stamps.some((stamp) => stamp <= deadline)
  }

  /** Drops the elements written at or before `deadline`; returns how many. */
  expire(deadline: number): number {
    const stamps = this.stamps
    if (stamps === undefined || !this.hasExpired(deadline)) return 0
    const before = stamps.length
    this.items = this.items.filter((_, i) => stamps[i]! > deadline)
    this.stamps = stamps.filter((stamp) => stamp > deadline)
    this.shared = false
    return before - this.items.length
  }
}
