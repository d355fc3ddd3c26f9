import { Fifo } from './fifo.js'

/** Records that came between two moments that somebody waits for. */
export interface Generation {
  outstanding: number
  promise: Promise<void> | undefined
  resolve: (() => void) | undefined
}

/** Tells when all records up to a moment have left, though others come meanwhile. */
export class Generations {
  private readonly waited = new Fifo<Generation>()
  private current: Generation = newGeneration()
  /** The latest in `waited`. */
  private last: Generation | undefined

  /** A record comes. The result is to be handed to {@link left}. */
  add(): Generation {
    this.current.outstanding++
    return this.current
  }

  left(generation: Generation): void {
    generation.outstanding--
    for (let first = this.waited.first; first?.outstanding === 0; first = this.waited.first) {
      this.waited.shift()
      first.resolve!()
    }
  }

  /** Resolves when all records so far have left; undefined if they have. */
  settled(): Promise<void> | undefined {
    const { current } = this
    if (current.outstanding === 0) return this.newest()
    current.promise = new Promise((resolve) => (current.resolve = resolve))
    this.waited.push(current)
    this.current = newGeneration()
    this.last = current
    return current.promise
  }

  private newest(): Promise<void> | undefined {
    return this.waited.length === 0 ? undefined : this.last!.promise
  }
}

function newGeneration(): Generation {
  return { outstanding: 0, promise: undefined, resolve: undefined }
}
