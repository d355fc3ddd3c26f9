import { Piscina } from 'piscina'
import type { SegmentRef } from '../checkpoint/manifest.js'
import type { MergeJob } from '../coordinator/background-merges.js'

/** Merges segments on one background thread, started with the first merge. Main thread. */
export class ThreadMerges {
  private pool: Piscina | undefined
  private readonly entry: string

  /** `entry`: the built `merge-entry.js`. */
  constructor(entry: string) {
    this.entry = entry
  }

  async run(job: MergeJob): Promise<readonly SegmentRef[]> {
    this.pool ??= new Piscina({ filename: this.entry, minThreads: 0, maxThreads: 1, idleTimeout: 5000, recordTiming: false })
    return (await this.pool.run(job)) as readonly SegmentRef[]
  }

  async close(): Promise<void> {
    await this.pool?.destroy()
  }
}
