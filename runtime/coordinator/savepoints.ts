/**
 * Invariant: a savepoint holds all that was done before it was asked for: it is the copy of a checkpoint that was begun later. Its
 * segments are kept until they are copied.
 */
import type { CheckpointManifest } from '../checkpoint/manifest.js'
import { writeSavepoint } from '../checkpoint/savepoint.js'
import { MillraceError } from '../contract/errors.js'
import type { CheckpointStorage } from '../storage/storage.js'

/** A savepoint that is complete. */
export interface SavepointInfo {
  /** What `--restore` takes. */
  readonly path: string
  readonly checkpointId: number
  readonly bytes: number
}

interface Wish {
  readonly into: CheckpointStorage
  /** The checkpoint that had been begun last when it was asked for. */
  readonly after: number
  readonly resolve: (info: SavepointInfo) => void
  readonly reject: (error: unknown) => void
}

/** What savepoints are copied from. */
export interface SavepointsOptions {
  readonly from: CheckpointStorage
  /** See `ManifestLog.pin`. */
  readonly pin: (manifest: CheckpointManifest) => () => void
}

/** The savepoints of a job in this process. The job goes on while one is copied. Main thread. */
export class Savepoints {
  private readonly options: SavepointsOptions
  private wishes: Wish[] = []
  private readonly copying = new Set<Promise<void>>()

  constructor(options: SavepointsOptions) {
    this.options = options
  }

  /** Whether one waits for a checkpoint. */
  get waiting(): boolean {
    return this.wishes.length > 0
  }

  /** Resolves once a checkpoint after number `after` is copied. `into` is empty, and nobody else's. */
  ask(into: CheckpointStorage, after: number): Promise<SavepointInfo> {
    return new Promise((resolve, reject) => this.wishes.push({ into, after, resolve, reject }))
  }

  /** A checkpoint is in the log, and what it names published. */
  published(manifest: CheckpointManifest): void {
    const served = this.wishes.filter(({ after }) => after < manifest.checkpointId)
    this.wishes = this.wishes.filter((wish) => !served.includes(wish))
    for (const wish of served) {
      const unpin = this.options.pin(manifest)
      const copied = this.copy(manifest, wish).finally(() => {
        unpin()
        this.copying.delete(copied)
      })
      this.copying.add(copied)
    }
  }

  /** A checkpoint that was to be a savepoint was given up. */
  abandoned(checkpointId: number, reason: string): void {
    this.refuse(
      ({ after }) => after < checkpointId,
      new MillraceError('MILLRACE_CHECKPOINT', `no savepoint was taken: its checkpoint was ${reason}`, {
        hint: 'the job goes on; try again',
      }),
    )
  }

  /** The job is over: resolves when nothing is being copied any more. */
  async end(error: MillraceError): Promise<void> {
    this.refuse(() => true, error)
    await Promise.all(this.copying)
  }

  private refuse(which: (wish: Wish) => boolean, error: MillraceError): void {
    const refused = this.wishes.filter(which)
    this.wishes = this.wishes.filter((wish) => !refused.includes(wish))
    for (const { reject } of refused) reject(error)
  }

  private async copy(checkpoint: CheckpointManifest, { into, resolve, reject }: Wish): Promise<void> {
    try {
      const bytes = await writeSavepoint({ from: this.options.from, checkpoint, into })
      resolve({ path: into.url(), checkpointId: checkpoint.checkpointId, bytes })
    } catch (error) {
      reject(error)
    }
  }
}
