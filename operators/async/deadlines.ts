import { steadyTime, type Clock } from '../../runtime/contract/time.js'
import { Fifo } from './fifo.js'

interface Deadline<T> {
  readonly item: T
  readonly atMs: number
}

/** One time-out for many: all wait equally long, so one timer, that of the oldest, is enough. Slot thread. */
export class Deadlines<T> {
  private readonly clock: Clock
  private readonly timeoutMs: number
  private readonly over: (item: T) => boolean
  private readonly expired: (item: T) => void
  private readonly waiting = new Fifo<Deadline<T>>()
  private cancel: (() => void) | undefined

  /** `over`: whether an item needs its deadline no more. */
  constructor(clock: Clock, timeoutMs: number, over: (item: T) => boolean, expired: (item: T) => void) {
    this.clock = clock
    this.timeoutMs = timeoutMs
    this.over = over
    this.expired = expired
  }

  add(item: T): void {
    // Those that are done are let go of early, or a long time-out would keep them all.
    while (this.waiting.length > 0 && this.over(this.waiting.first!.item)) this.waiting.shift()
    this.waiting.push({ item, atMs: steadyTime(this.clock) + this.timeoutMs })
    this.cancel ??= this.clock.setTimeout(this.check, this.timeoutMs)
  }

  close(): void {
    this.cancel?.()
    this.cancel = undefined
  }

  private readonly check = (): void => {
    this.cancel = undefined
    const now = steadyTime(this.clock)
    for (let first = this.waiting.first; first !== undefined; first = this.waiting.first) {
      if (this.over(first.item)) this.waiting.shift()
      else if (first.atMs > now) break
      else {
        this.waiting.shift()
        this.expired(first.item)
      }
    }
    const next = this.waiting.first
    if (next !== undefined) this.cancel = this.clock.setTimeout(this.check, Math.max(1, next.atMs - now))
  }
}
