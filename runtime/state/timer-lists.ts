/** Timers of one entry and one kind beyond the first, ascending by time, then namespace. */
class TimerList {
  readonly times: number[] = []
  readonly spaces: number[] = []

  /** The first place at or after (time, space). */
  find(time: number, space: number): number {
    const { times, spaces } = this
    let low = 0
    let high = times.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (times[middle]! < time || (times[middle] === time && spaces[middle]! < space)) low = middle + 1
      else high = middle
    }
    return low
  }

  holds(at: number, time: number, space: number): boolean {
    return this.times[at] === time && this.spaces[at] === space
  }
}

/** The lists of both kinds, event time, then processing time. */
export class TimerLists {
  readonly lists: readonly [TimerList, TimerList] = [new TimerList(), new TimerList()]
}
