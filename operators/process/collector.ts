/** Where a user's function puts its results; they carry the timestamp of what it was called for. */
export interface Collector<T> {
  /** The record is immutable from here on. */
  emit(value: T): void
}
