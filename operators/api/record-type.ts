/** Tells a process function's output type, for the compiler only; see {@link record}. */
export interface RecordType<T> {
  readonly type?: () => T
}

/** `emits: record<Alert>()` in a process function: it emits alerts. Without it, it emits what it takes. */
export function record<T>(): RecordType<T> {
  return {}
}
