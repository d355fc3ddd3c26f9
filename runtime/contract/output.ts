/** Where a function's results go. Never blocks; a record is immutable once emitted. */
export interface Output<T> {
  /** `timestamp` in epoch milliseconds; `NO_TIMESTAMP` for a record without event time. */
  emit(value: T, timestamp: number): void
}
