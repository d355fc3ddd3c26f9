import type { EnumeratorContext, SplitEnumerator } from '../../../runtime/contract/source.js'
import type { DatagenEnumeratorState, DatagenSplit } from './datagen-split.js'

/** Deals all splits out at the job's first start, round robin; a checkpoint brings them back. Main thread. */
export class DatagenEnumerator implements SplitEnumerator<DatagenSplit, DatagenEnumeratorState> {
  private readonly wanted: number | 'per-subtask'
  private readonly count: number
  private readonly ctx: EnumeratorContext<DatagenSplit>
  private state: DatagenEnumeratorState = null

  constructor(wanted: number | 'per-subtask', count: number, ctx: EnumeratorContext<DatagenSplit>) {
    this.wanted = wanted
    this.count = count
    this.ctx = ctx
  }

  start(restored: DatagenEnumeratorState | undefined): void {
    if (restored == null) this.deal(this.wanted === 'per-subtask' ? this.ctx.parallelism : this.wanted)
    else this.state = restored
    this.ctx.signalNoMoreSplits()
  }

  snapshotState(): DatagenEnumeratorState {
    return this.state
  }

  private deal(of: number): void {
    const { parallelism } = this.ctx
    this.state = { splits: of }
    for (let subtask = 0; subtask < parallelism; subtask++) {
      const mine = []
      for (let split = subtask; split < of && split < this.count; split += parallelism) {
        mine.push({ id: `${split}/${of}`, split: { split, of, next: split } })
      }
      if (mine.length > 0) this.ctx.assignSplits(subtask, mine)
    }
  }
}
