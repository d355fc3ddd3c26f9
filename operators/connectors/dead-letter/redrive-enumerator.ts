/**
 * Invariant: a file is assigned once in a run, and emptied only when a complete checkpoint has it among those that were read.
 *
 *   listed --> assigned (a split) --> read to its end --> retired, `read` --> checkpoint complete --> emptied
 */
import type {
  DealtSplit,
  EnumeratorContext,
  IdentifiedSplit,
  SplitEnumerator,
} from '../../../runtime/contract/source.js'
import type { RedriveFolder } from './redrive-folder.js'
import type { RedriveSplit } from './redrive-reader.js'

const LOOK_EVERY_MS = 1000

/** Names of files that were read to their ends. They are never read again in this run. */
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
  private readonly emptied = new Set<string>()
  private emptying: Promise<void> = Promise.resolve()
  private closed = false
  private next = 0
  private stopLooking = (): void => {}

  constructor(folder: RedriveFolder, bounded: boolean, ctx: EnumeratorContext<RedriveSplit>) {
    this.folder = folder
    this.bounded = bounded
    this.ctx = ctx
  }

  async start(restored: RedriveState | undefined, assigned: readonly DealtSplit<RedriveSplit>[]): Promise<void> {
    this.read = new Set(restored?.read)
    for (const { id } of assigned) this.assigned.add(id)
    await this.look()
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
      if (this.emptied.has(name)) continue
      this.emptied.add(name)
      this.emptying = this.emptying
        .then(() => this.folder.empty(name))
        .catch((error: unknown) =>
          this.ctx.warn(`${this.folder.describe(name)} could not be emptied: ${String(error)}`),
        )
    }
  }

  async close(): Promise<void> {
    this.closed = true
    this.stopLooking()
    await this.emptying
  }

  private async look(): Promise<void> {
    for (const name of await this.folder.names()) {
      if (this.closed || this.assigned.has(name) || this.read.has(name)) continue
      this.assigned.add(name)
      this.ctx.assignSplits(this.next++ % this.ctx.parallelism, [{ id: name, split: { name, line: 0, ended: false } }])
    }
  }

  private lookLater(): void {
    if (this.closed) return
    this.stopLooking = this.ctx.clock.setTimeout(() => {
      this.look().then(
        () => this.lookLater(),
        // A place that cannot be listed now may be reached the next time: nothing is lost by it.
        (error: unknown) => {
          this.ctx.warn(`nothing can be redriven now: ${error instanceof Error ? error.message : String(error)}`)
          this.lookLater()
        },
      )
    }, LOOK_EVERY_MS)
  }
}
