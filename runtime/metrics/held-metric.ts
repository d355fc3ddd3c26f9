import type { Figure } from './figures.js'

/** One metric of one operator subtask as the main thread has it: the last figure, and what came since it was shown. */
export class HeldMetric {
  readonly kind: Figure['kind']
  private last: Figure
  private fresh = 0
  private notFinite = 0
  private seen = new Map<number, number>()
  private stale = false

  constructor(figure: Figure) {
    this.kind = figure.kind
    this.last = figure
    this.add(figure, 0)
  }

  take(figure: Figure): void {
    this.add(figure, this.count)
    this.last = figure
    this.stale = false
  }

  /** The subtask begins anew: counts from zero. */
  restart(): void {
    this.stale = true
  }

  /** Of a counter or meter, since the attempt began. */
  get count(): number {
    return this.stale || !('count' in this.last) ? 0 : this.last.count
  }

  /** Of a gauge; undefined while there is none. */
  get gauge(): (Figure & { kind: 'gauge' }) | undefined {
    return this.stale || this.last.kind !== 'gauge' ? undefined : this.last
  }

  /** What was counted since this was asked before, attempts before included. */
  takeFresh(): number {
    const { fresh } = this
    this.fresh = 0
    return fresh
  }

  /** A histogram's values since this was asked before, and how many were left out in all. */
  takeSeen(): { readonly seen: ReadonlyMap<number, number>; readonly notFinite: number } {
    const { seen, notFinite } = this
    this.seen = new Map()
    return { seen, notFinite }
  }

  private add(figure: Figure, countBefore: number): void {
    if ('count' in figure) this.fresh += Math.max(0, figure.count - countBefore)
    if (figure.kind !== 'histogram') return
    const { values, counts } = figure.seen
    values.forEach((value, i) => this.seen.set(value, (this.seen.get(value) ?? 0) + counts[i]!))
    this.notFinite = figure.notFinite
  }
}
