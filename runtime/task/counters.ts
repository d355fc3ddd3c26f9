import type { Counter, MetricGroup } from '../contract/metrics.js'

/** A plain number behind the contract's counter. */
export class LocalCounter implements Counter {
  count = 0

  inc(by = 1): void {
    this.count += by
  }
}

/** The counters and gauges of one operator subtask. Counters start at zero in each attempt: the coordinator adds what a checkpoint held. */
export class LocalMetrics implements MetricGroup {
  private readonly counters = new Map<string, LocalCounter>()
  private readonly gauges = new Map<string, () => number>()

  counter(name: string): LocalCounter {
    let counter = this.counters.get(name)
    if (counter === undefined) this.counters.set(name, (counter = new LocalCounter()))
    return counter
  }

  gauge(name: string, read: () => number): void {
    this.gauges.set(name, read)
  }

  /** What a checkpoint keeps. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.counters].map(([name, counter]) => [name, counter.count]))
  }

  /** Counters and gauges, for reporting. */
  values(): Record<string, number> {
    const values = this.counts()
    for (const [name, read] of this.gauges) values[name] = read()
    return values
  }
}
