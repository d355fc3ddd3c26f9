/**
 * Invariant: a merge's result takes the place of exactly the runs it was made of, and only while all of them are still in the list; so the
 * newest version of each key stays the newest.
 *
 *   oldest  [r1 r2 r3 r4] r5 r6  newest   --merge r1..r4-->   m1 r5 r6
 *
 * One merge at a time, off the main thread. After a change of parallelism each subtask's share of all older runs is merged first.
 */
import type { SegmentRef } from '../checkpoint/manifest.js'
import type { MergeJob } from '../checkpoint/merge-job.js'
import { groupRuns } from '../checkpoint/segment-run.js'
import { chooseMerge } from '../checkpoint/segment-tiering.js'
import { keyGroupRange } from '../codec/key-group.js'

/** Runs one merge; its result takes the inputs' place. */
export type MergeRunner = (job: MergeJob) => Promise<readonly SegmentRef[]>

/** Live segments by operator uid, oldest first. */
export type SegmentLists = Readonly<Record<string, readonly SegmentRef[]>>

interface Finished {
  readonly uid: string
  readonly inputs: ReadonlySet<string>
  readonly result: readonly SegmentRef[]
}

/** Whose segments are merged, and how. */
export interface MergesOptions {
  readonly storageUrl: string
  readonly epoch: number
  readonly parallelism: number
  readonly maxParallelism: number
  readonly run: MergeRunner
  readonly failed: (uid: string, error: unknown) => void
}

/** Keeps the number of live segments small. Main thread; what it merges runs elsewhere. */
export class BackgroundMerges {
  private readonly options: MergesOptions
  private parallelism: number
  private busy = false
  private closed = false
  private finished: Finished | undefined
  private count = 0

  constructor(options: MergesOptions) {
    this.options = options
    this.parallelism = options.parallelism
  }

  /** The subtasks share the key groups in another way from now on. */
  rescaled(parallelism: number): void {
    this.parallelism = parallelism
  }

  /** The lists with a finished merge in its place. */
  apply(lists: SegmentLists): SegmentLists {
    const done = this.finished
    if (done === undefined) return lists
    this.finished = undefined
    const list = lists[done.uid] ?? []
    if (list.filter((ref) => done.inputs.has(ref.path)).length < done.inputs.size) return lists
    const at = list.findIndex((ref) => done.inputs.has(ref.path))
    const rest = list.filter((ref) => !done.inputs.has(ref.path))
    return { ...lists, [done.uid]: [...rest.slice(0, at), ...done.result, ...rest.slice(at)] }
  }

  /** Starts a merge if one is worth it and none is under way. Call it after a commit with what that manifest names. */
  consider(lists: SegmentLists, checkpointId: number): void {
    if (this.closed || this.busy || this.finished !== undefined) return
    for (const [uid, list] of Object.entries(lists)) {
      const jobs = this.foreign(list)
        ? this.redistribution(uid, list, checkpointId)
        : this.tier(uid, list, checkpointId)
      if (jobs.length === 0) continue
      this.start(uid, jobs)
      return
    }
  }

  /** The job is over: nothing starts any more, and a merge that is cut off is no failure. */
  close(): void {
    this.closed = true
  }

  /** Whether runs of another parallelism are in the list. */
  private foreign(list: readonly SegmentRef[]): boolean {
    return list.some((ref) => {
      if (ref.subtask >= this.parallelism) return true
      const range = this.range(ref.subtask)
      return ref.firstKeyGroup < range.first || ref.lastKeyGroup > range.last
    })
  }

  private redistribution(uid: string, list: readonly SegmentRef[], checkpointId: number): MergeJob[] {
    return Array.from({ length: this.parallelism }, (_, subtask) => this.job(uid, subtask, list, checkpointId, true))
  }

  private tier(uid: string, list: readonly SegmentRef[], checkpointId: number): MergeJob[] {
    for (let subtask = 0; subtask < this.parallelism; subtask++) {
      const runs = groupRuns(list.filter((ref) => ref.subtask === subtask))
      const choice = chooseMerge(runs.map((run) => run.reduce((sum, ref) => sum + ref.bytes, 0)))
      if (choice === undefined) continue
      const refs = runs.slice(choice.from, choice.to).flat()
      return [this.job(uid, subtask, refs, checkpointId, choice.from === 0)]
    }
    return []
  }

  private job(
    uid: string,
    subtask: number,
    refs: readonly SegmentRef[],
    checkpointId: number,
    oldest: boolean,
  ): MergeJob {
    const { storageUrl, epoch } = this.options
    const range = this.range(subtask)
    return {
      storageUrl,
      refs,
      target: {
        epoch,
        checkpointId,
        uid,
        subtask,
        run: `m${++this.count}`,
        firstKeyGroup: range.first,
        lastKeyGroup: range.last,
        dropTombstones: oldest,
      },
    }
  }

  private start(uid: string, jobs: readonly MergeJob[]): void {
    this.busy = true
    void this.runAll(jobs)
      .then(
        (result) => {
          const inputs = new Set(jobs.flatMap((job) => job.refs.map((ref) => ref.path)))
          this.finished = { uid, inputs, result }
        },
        (error: unknown) => {
          if (!this.closed) this.options.failed(uid, error)
        },
      )
      .finally(() => {
        this.busy = false
      })
  }

  private async runAll(jobs: readonly MergeJob[]): Promise<SegmentRef[]> {
    const results: SegmentRef[] = []
    for (const job of jobs) results.push(...(await this.options.run(job)))
    return results
  }

  private range(subtask: number): { first: number; last: number } {
    return keyGroupRange(subtask, this.options.maxParallelism, this.parallelism)
  }
}
