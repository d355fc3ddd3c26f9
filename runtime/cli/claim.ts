import { deleteSavepoint } from '../checkpoint/savepoint.js'
import type { JobEvents } from '../coordinator/events.js'
import type { CheckpointStorage } from '../storage/storage.js'

/** A savepoint that a job takes over: deleted once the job has taken a checkpoint of its own. Main thread. */
export class Claim {
  private readonly savepoint: CheckpointStorage
  private readonly warn: (message: string) => void
  private deleting: Promise<void> | undefined

  constructor(savepoint: CheckpointStorage, warn: (message: string) => void) {
    this.savepoint = savepoint
    this.warn = warn
  }

  /** What the coordinator is to be given instead of `events`. */
  observe(events: JobEvents): JobEvents {
    return {
      ...events,
      checkpoint: (info) => {
        this.deleting ??= this.delete()
        events.checkpoint(info)
      },
    }
  }

  /** Resolves when nothing is being deleted any more. */
  async settled(): Promise<void> {
    await this.deleting
  }

  private async delete(): Promise<void> {
    try {
      await deleteSavepoint(this.savepoint)
    } catch (error) {
      this.warn(`the savepoint ${this.savepoint.describe()} could not be deleted: ${(error as Error).message}`)
    }
  }
}
