/** The panes of one key when there are several: ascending, with their values. */
export class PaneList {
  readonly panes: number[] = []
  readonly values: unknown[] = []

  /** Where `pane` is, or -1 - the place to put it. The last panes are looked at first: they are the busy ones. */
  find(pane: number): number {
    const panes = this.panes
    let high = panes.length
    if (high === 0 || panes[high - 1]! < pane) return -1 - high
    if (panes[high - 1] === pane) return high - 1
    let low = 0
    while (low < high) {
      const middle = (low + high) >>> 1
      if (panes[middle]! < pane) low = middle + 1
      else high = middle
    }
    return panes[low] === pane ? low : -1 - low
  }

  insert(at: number, pane: number, value: unknown): void {
    this.panes.splice(at, 0, pane)
    this.values.splice(at, 0, value)
  }

  remove(at: number): void {
    this.panes.splice(at, 1)
    this.values.splice(at, 1)
  }
}
