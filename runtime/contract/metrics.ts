/** Counters of an operator subtask. They are part of each checkpoint, so they count from the job's first start. */
export interface Counter {
  inc(by?: number): void
  readonly count: number
}

/** Events a second, over the time between two reports. Not checkpointed. */
export interface Meter {
  mark(events?: number): void
}

/** The distribution of values between two reports. Not checkpointed; values that are not finite are left out and counted. */
export interface Histogram {
  update(value: number): void
}

/**
 * The metrics of one operator subtask, or a group in them (Flink's `addGroup`). A name asked for twice is the same metric; asked for as
 * another kind it is MILLRACE_GRAPH.
 */
export interface MetricGroup {
  /** The counter of that name, created on first use. `numLateRecordsDropped` is what the job's summary adds up. */
  counter(name: string): Counter
  /** A value read when metrics are reported; not checkpointed. Subtasks are combined by `combine` where one figure is shown for all. */
  gauge(name: string, read: () => number, combine?: 'sum' | 'max' | 'min'): void
  meter(name: string): Meter
  histogram(name: string): Histogram
  /** A group inside this one: with a value, a dimension `key=value` of what is in it. */
  addGroup(key: string, value?: string): MetricGroup
}
