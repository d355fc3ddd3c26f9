import type { Counter, MetricGroup } from '../../../runtime/contract/metrics.js'

/** What a batching sink counts, by the names of Flink's asynchronous sinks. */
export class SendMetrics {
  readonly sent: Counter
  /** Refused for good. */
  readonly errors: Counter
  readonly retries: Counter
  private lastMs = 0

  constructor(group: MetricGroup, read: { readonly inFlight: () => number; readonly buffered: () => number }) {
    this.sent = group.counter('numRecordsSend')
    this.errors = group.counter('numRecordsSendErrors')
    this.retries = group.counter('numRecordsSendRetries')
    group.gauge('requestsInFlight', read.inFlight, 'sum')
    group.gauge('recordsBuffered', read.buffered, 'sum')
    group.gauge('currentSendTime', () => this.lastMs, 'max')
  }

  /** How long a request took. */
  took(ms: number): void {
    this.lastMs = ms
  }
}
