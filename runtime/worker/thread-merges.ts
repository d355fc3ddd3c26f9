import { Piscina } from 'piscina'
import type { MergeRunner } from '../coordinator/background-merges.js'

/** Merges segments on one background thread, started with the first merge. Main thread. */
export class ThreadMerges {
  private pool: Piscina | undefined
  private readonly entry: string

  /** `entry`: the built `merge-entry.js`. */
  constructor(entry: string) {
    this.entry = entry
  }

  readonly run: MergeRunner = async (job) => {
    this.pool ??= new Piscina({
      filename: this.entry,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: 5000,
      recordTiming: false,
    })
    return (await this.pool.run(job, { name: 'runMerge' })) as Awaited<ReturnType<MergeRunner>>
  }

  async close(): Promise<void> {
    await this.pool?.destroy()
  }
}
