import type { MetricGroup } from '../../../runtime/contract/metrics.js'
import type { Clock } from '../../../runtime/contract/time.js'

/** How far one shard's reader is behind. */
export interface Lag {
  /** As the service said it of what is being handed over. Milliseconds; NaN before it said any. */
  behindMs: number
  /** When that was; undefined once all of it has been handed over. Epoch milliseconds. */
  sinceMs: number | undefined
}

/**
 * `millisBehindLatest` of a reader: of each of its shards (group `shardId`) and as their maximum. It is that of the records handed over
 * last and grows while fetched records wait. Slot thread.
 */
export class ShardLags {
  private readonly metrics: MetricGroup
  private readonly clock: Clock
  private readonly lags = new Map<string, Lag>()

  constructor(metrics: MetricGroup, clock: Clock) {
    this.metrics = metrics
    this.clock = clock
    metrics.gauge('millisBehindLatest', () => this.most(), 'max')
  }

  open(shardId: string): Lag {
    const lag: Lag = { behindMs: NaN, sinceMs: undefined }
    this.lags.set(shardId, lag)
    // A shard that is not read any more has no figure: one that is not finite is not reported.
    this.metrics.addGroup('shardId', shardId).gauge('millisBehindLatest', () => this.of(this.lags.get(shardId)), 'max')
    return lag
  }

  close(shardId: string): void {
    this.lags.delete(shardId)
  }

  private most(): number {
    let most = NaN
    for (const lag of this.lags.values()) {
      const behind = this.of(lag)
      if (!(behind <= most) && !Number.isNaN(behind)) most = behind
    }
    return most
  }

  private of(lag: Lag | undefined): number {
    if (lag === undefined) return NaN
    return lag.behindMs + (lag.sinceMs === undefined ? 0 : Math.max(0, this.clock.now() - lag.sinceMs))
  }
}
