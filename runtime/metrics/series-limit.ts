import { seriesId, type Series } from './series.js'

/**
 * At most so many series are ever published by a process: each is billed. Those in front are admitted, in the order in which they are
 * given; what was admitted once stays, or more would be billed than are shown.
 */
export class SeriesLimit {
  private readonly max: number
  private readonly admitted = new Set<string>()
  private readonly refused = new Set<string>()
  private first: Series | undefined

  constructor(max: number) {
    this.max = max
  }

  /** Those of the series that may be published. */
  admit(series: readonly Series[]): Series[] {
    return series.filter((one) => {
      const id = seriesId(one)
      if (this.admitted.has(id)) return true
      if (this.admitted.size < this.max) {
        this.admitted.add(id)
        return true
      }
      if (this.refused.size === 0) this.first = one
      this.refused.add(id)
      return false
    })
  }

  get published(): number {
    return this.admitted.size
  }

  get left(): number {
    return this.refused.size
  }

  /** The first one that was left out. */
  get firstLeft(): Series | undefined {
    return this.first
  }
}
