/** Counters of an operator subtask. They are part of each checkpoint, so they count from the job's first start. */
export interface Counter {
  inc(by?: number): void
  readonly count: number
}

/** The metrics of one operator subtask. */
export interface MetricGroup {
  /** The counter of that name, created on first use. `numLateRecordsDropped` is what the job's summary adds up. */
  counter(name: string): Counter
  /** A value read when metrics are reported; not checkpointed. */
  gauge(name: string, read: () => number): void
}
