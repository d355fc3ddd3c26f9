/**
 * Invariant: a file is read once in the history that a job's checkpoints tell. Its state has what was read, so that a restore from an
 * older one reads the rest again: files stay as they are. Only a start without a checkpoint goes by the marks beside them.
 *
 *   listed --> assigned (a split) --> read to its end --> retired, `read` --> checkpoint complete --> marked as taken
 */
import type {
  DealtSplit,
  EnumeratorContext,
  IdentifiedSplit,
  SplitEnumerator,
} from '../../../runtime/contract/source.js'
import type { RedriveFiles, RedriveFolder } from './redrive-folder.js'
import type { RedriveSplit } from './redrive-reader.js'

const LOOK_EVERY_MS = 1000

/** Names of files that were read to their ends, or were taken before the job started afresh. */
export interface RedriveState {
  readonly [key: string]: readonly string[]
  readonly read: readonly string[]
}

/** Looks for files to be fed again. Main thread. */
export class RedriveEnumerator implements SplitEnumerator<RedriveSplit, RedriveState> {
  private readonly folder: RedriveFolder
  private readonly bounded: boolean
  private readonly ctx: EnumeratorContext<RedriveSplit>
  private readonly assigned = new Set<string>()
  private read = new Set<string>()
  /** Of each checkpoint under way, what is in it as read. */
  private readonly snapshots = new Map<number, readonly string[]>()
  private readonly marked = new Set<string>()
  private marking: Promise<void> = Promise.resolve()
  private closed = false
  private next = 0
  private stopLooking = (): void => {}

  constructor(folder: RedriveFolder, bounded: boolean, ctx: EnumeratorContext<RedriveSplit>) {
    this.folder = folder
    this.bounded = bounded
    this.ctx = ctx
  }

  async start(restored: RedriveState | undefined, assigned: readonly DealtSplit<RedriveSplit>[]): Promise<void> {
    const files = await this.folder.list()
    for (const name of files.taken) this.marked.add(name)
    this.read = new Set(restored?.read ?? files.taken)
    for (const { id } of assigned) this.assigned.add(id)
    this.assign(files)
    if (this.bounded) this.ctx.signalNoMoreSplits()
    else this.lookLater()
  }

  splitFinished(subtask: number, { id }: IdentifiedSplit<RedriveSplit>): void {
    this.read.add(id)
    this.assigned.delete(id)
    this.ctx.retireSplits(subtask, [id])
  }

  snapshotState(checkpointId: number): RedriveState {
    const read = [...this.read]
    this.snapshots.set(checkpointId, read)
    return { read }
  }

  checkpointComplete(checkpointId: number): void {
    const read = this.snapshots.get(checkpointId) ?? []
    for (const id of this.snapshots.keys()) if (id <= checkpointId) this.snapshots.delete(id)
    for (const name of read) {
      if (this.marked.has(name)) continue
      this.marked.add(name)
      this.marking = this.marking
        .then(() => this.folder.markTaken(name))
        .catch((error: unknown) =>
          this.ctx.warn(`${this.folder.describe(name)} could not be marked as taken: ${String(error)}`),
        )
    }
  }

  async close(): Promise<void> {
    this.closed = true
    this.stopLooking()
    await this.marking
  }

  private assign({ names }: RedriveFiles): void {
    const { jobId: job, parallelism } = this.ctx
    for (const name of names) {
      if (this.closed || this.assigned.has(name) || this.read.has(name)) continue
      this.assigned.add(name)
      const split = { job, name, line: 0, ended: false }
      this.ctx.assignSplits(this.next++ % parallelism, [{ id: name, split }])
    }
  }

  private lookLater(): void {
    if (this.closed) return
    this.stopLooking = this.ctx.clock.setTimeout(() => {
      this.folder.list().then(
        (files) => {
          this.assign(files)
          this.lookLater()
        },
        // A place that cannot be listed now may be reached the next time: nothing is lost by it.
        (error: unknown) => {
          this.ctx.warn(`nothing can be redriven now: ${error instanceof Error ? error.message : String(error)}`)
          this.lookLater()
        },
      )
    }, LOOK_EVERY_MS)
  }
}
